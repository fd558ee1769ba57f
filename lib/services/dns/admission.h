// Who is answered over UDP, and how: DNS cookies and response rate limiting, before an answer is looked for.
// Units: milliseconds of a monotonic clock, answers a second. Byte order: addresses and options as on the wire.
// Ownership: borrows what the main core publishes; owns the limiter. Thread: one instance a core, that core only, but
// for the counters inside, which any thread reads. Errors: none; no call allocates but the constructor.
// Source: RFC 7873 section 5.2, RFC 9018 section 4; docs/rate-limits.md.
#pragma once

#include <cstdint>
#include <memory>

#include "lib/base/bytes.h"
#include "lib/base/counter.h"
#include "lib/dns/server_cookie.h"
#include "lib/service/networks.h"
#include "lib/service/prefix_limiter.h"
#include "lib/service/service.h"

namespace gl::services {

enum class CookiePolicy : std::uint8_t {
  off,               // COOKIE options are passed over; where names are forwarded, passed on
  on,                // they are answered
  require_over_udp,  // likewise, and without a valid one nothing is answered over UDP but BADCOOKIE or TC
};

struct AdmissionSettings {
  CookiePolicy cookies = CookiePolicy::on;
  std::uint32_t rate_limit = 0;  // answers a second over UDP to a single address, each core; 0: no limit
  std::uint32_t rate_slip = 2;   // of the answers above it one in so many is TC, at random; 0: none
  AllowedNetworks rate_allow;    // no limit for these
};

// Every name is a counter of each core.
#define GL_DNS_ADMISSION_COUNTERS(X)                                                                      \
  X(cookie_valid, "requests with a valid server cookie")                                                  \
  X(cookie_client_only, "requests with a client cookie alone")                                            \
  X(cookie_invalid, "requests with a server cookie that is none of ours or too old")                      \
  X(cookie_malformed, "requests with a COOKIE option of a wrong length")                                  \
  X(cookie_required, "UDP queries without a valid server cookie, where one is required: BADCOOKIE or TC") \
  X(rate_dropped, "UDP queries not answered, above --rate-limit")                                         \
  X(rate_slipped, "UDP queries answered with TC, above --rate-limit")

struct AdmissionCounters {
#define X(name, help) Counter name;
  GL_DNS_ADMISSION_COUNTERS(X)
#undef X
};

class DnsAdmission {
 public:
  // Without `published` there are no cookies.
  explicit DnsAdmission(const AdmissionSettings& settings, const dns::CookiePublication* published = nullptr);

  void begin_burst(std::uint64_t now_ms) noexcept;
  void read_counters(CounterReader& reader) const;
  [[nodiscard]] const AdmissionCounters& counters() const noexcept { return counters_; }

  // Whether answers may hold cookies.
  [[nodiscard]] bool gives_cookies() const noexcept { return published_ != nullptr; }
  // Of a request's COOKIE option, if it has one.
  [[nodiscard]] dns::CheckedCookie check(bool has_cookie, Bytes cookie, Bytes client) const noexcept {
    if (!has_cookie || secrets_ == nullptr) [[likely]]
      return {};
    return dns::check_cookie(*secrets_, cookie, client, now_);
  }
  void count(dns::CookieStanding standing) noexcept;

  // What an answer to that request holds of cookies: the client's own where it is fresh, otherwise a new one, written
  // to `room`; nothing where the request had none.
  using CookieRoom = std::array<std::uint8_t, dns::kCookieSize>;
  enum class Transport : std::uint8_t { datagram, stream };
  [[nodiscard]] Bytes answer_cookie(dns::CheckedCookie checked, Bytes cookie, Bytes client, Transport transport,
                                    CookieRoom& room) const noexcept;

  // Whether there is anybody whom admit() does not let have his answer over UDP.
  [[nodiscard]] bool is_guarded() const noexcept { return guarded_; }
  enum class Verdict : std::uint8_t { answer, drop, truncate, bad_cookie };
  // For an answer that is there: counts it against the limit.
  [[nodiscard]] Verdict admit(dns::CookieStanding standing, Bytes client) noexcept {
    return guarded_ ? judge(standing, client, true) : Verdict::answer;
  }
  // For one that has yet to be asked for: charge() counts it when it is there.
  [[nodiscard]] Verdict admit_uncharged(dns::CookieStanding standing, Bytes client) noexcept {
    return guarded_ ? judge(standing, client, false) : Verdict::answer;
  }
  void charge(dns::CookieStanding standing, Bytes client) noexcept;

 private:
  [[nodiscard]] Verdict judge(dns::CookieStanding standing, Bytes client, bool charged) noexcept;
  [[nodiscard]] bool is_limited(dns::CookieStanding standing, Bytes client) const noexcept;
  [[nodiscard]] bool slips() noexcept;

  const AdmissionSettings settings_;
  const dns::CookiePublication* const published_;
  const bool guarded_;  // over UDP not everybody is answered
  const dns::CookieSecrets* secrets_ = nullptr;
  std::uint32_t now_ = 0;  // UNIX time
  std::uint64_t random_ = 0;
  std::unique_ptr<PrefixLimiter> limiter_;
  AdmissionCounters counters_;
};

}  // namespace gl::services
