#include "lib/services/dns/admission.h"

#include <sodium/randombytes.h>

#include <cstring>

namespace gl::services {

using dns::CookieStanding;

namespace {

// Over TCP an answer may be rendered again, for a segment that was lost. Its cookie's time is rounded down to that many
// seconds, so that it hardly ever changes in between.
constexpr std::uint32_t kStreamSeconds = 512;

std::unique_ptr<PrefixLimiter> make_limiter(std::uint32_t rate) {
  if (rate == 0) return nullptr;
  PrefixLimiter::Key key;
  randombytes_buf(key.data(), key.size());
  return std::make_unique<PrefixLimiter>(rate, key);
}

}  // namespace

DnsAdmission::DnsAdmission(const AdmissionSettings& settings, const dns::CookiePublication* published)
    : settings_(settings),
      published_(settings.cookies == CookiePolicy::off ? nullptr : published),
      guarded_(settings.rate_limit != 0 ||
               (published_ != nullptr && settings.cookies == CookiePolicy::require_over_udp)),
      limiter_(make_limiter(settings.rate_limit)) {
  randombytes_buf(&random_, sizeof random_);
  random_ |= 1;
}

void DnsAdmission::begin_burst(std::uint64_t now_ms) noexcept {
  if (published_ != nullptr) {
    secrets_ = published_->secrets.load(std::memory_order_acquire);
    now_ = published_->unix_time.load(std::memory_order_relaxed);
  }
  if (limiter_ != nullptr) limiter_->set_time(now_ms);
}

void DnsAdmission::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, counters_.name.value(), help);
  GL_DNS_ADMISSION_COUNTERS(X)
#undef X
}

void DnsAdmission::count(CookieStanding standing) noexcept {
  switch (standing) {
    case CookieStanding::absent:
      return;
    case CookieStanding::malformed:
      return counters_.cookie_malformed.add();
    case CookieStanding::client_only:
      return counters_.cookie_client_only.add();
    case CookieStanding::invalid:
      return counters_.cookie_invalid.add();
    case CookieStanding::valid:
      return counters_.cookie_valid.add();
  }
}

Bytes DnsAdmission::answer_cookie(dns::CheckedCookie checked, Bytes cookie, Bytes client, Transport transport,
                                  CookieRoom& room) const noexcept {
  if (checked.standing == CookieStanding::absent || checked.standing == CookieStanding::malformed) return {};
  if (checked.fresh) return cookie;
  const std::uint32_t time = transport == Transport::stream ? now_ / kStreamSeconds * kStreamSeconds : now_;
  dns::write_cookie(secrets_->current, cookie.data(), client, time, room.data());
  return room;
}

DnsAdmission::Verdict DnsAdmission::judge(CookieStanding standing, Bytes client, bool charged) noexcept {
  // That message is FORMERR, cookie or not: short, and counted as any other.
  const bool required = secrets_ != nullptr && settings_.cookies == CookiePolicy::require_over_udp &&
                        standing != CookieStanding::valid && standing != CookieStanding::malformed;
  if (is_limited(standing, client) && !(charged ? limiter_->take(client) : !limiter_->exceeded(client))) {
    if (!slips()) return counters_.rate_dropped.add(), Verdict::drop;
    return counters_.rate_slipped.add(), Verdict::truncate;
  }
  if (!required) return Verdict::answer;
  counters_.cookie_required.add();
  // RFC 7873 section 5.2.3: who knows no cookies would not understand BADCOOKIE, but comes over TCP.
  return standing == CookieStanding::absent ? Verdict::truncate : Verdict::bad_cookie;
}

void DnsAdmission::charge(CookieStanding standing, Bytes client) noexcept {
  if (is_limited(standing, client)) limiter_->charge(client);
}

bool DnsAdmission::is_limited(CookieStanding standing, Bytes client) const noexcept {
  return limiter_ != nullptr && standing != CookieStanding::valid && !is_allowed(settings_.rate_allow, client);
}

// At random, so that no sender can count on it (xorshift64: nothing is to be kept secret).
bool DnsAdmission::slips() noexcept {
  if (settings_.rate_slip < 2) return settings_.rate_slip == 1;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return random_ % settings_.rate_slip == 0;
}

}  // namespace gl::services
