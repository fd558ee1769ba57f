// Authoritative DNS from the zones in memory, over TCP and UDP (RFC 1034, 1035, 4035, 5155, 6891, 7766, 7828).
// Byte order: wire. Ownership: borrows the published zones. Thread: one instance a core.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "lib/base/counter.h"
#include "lib/dns/name.h"
#include "lib/dns/tap.h"
#include "lib/services/dns/admission.h"
#include "lib/services/dns/notify_door.h"
#include "lib/services/dns/notify_keeper.h"
#include "lib/services/dns/service.h"
#include "lib/zone/published.h"

namespace gl::zone {
class Composer;
}

namespace gl::services {

struct DnsSettings {
  std::uint16_t max_udp = 1232;   // bytes of UDP payload; the smaller of this and the client's size counts
  bool udp_truncate_all = false;  // --udp=tc: every UDP query gets TC and nothing else
  bool udp_minimal_any = false;   // RFC 8482 over UDP
  // What edns-tcp-keepalive promises (RFC 7828), in units of 100 ms; 0: no such option. A constant, so that an answer
  // is the same bytes when it is given again.
  std::uint16_t tcp_keepalive = 0;
  std::string nsid;       // bytes of the NSID option (RFC 5001); empty: none
  std::string version;    // version.bind TXT CH; empty: REFUSED
  std::string server_id;  // id.server TXT CH; empty: REFUSED
  AdmissionSettings admission;
  NotifyDoor* notify = nullptr;  // where NOTIFY of primaries goes, the core's own; null: nowhere
};

// Every name is a counter of each core.
#define GL_DNS_COUNTERS(X)                                   \
  X(queries_udp, "requests over UDP")                        \
  X(queries_tcp, "requests over TCP")                        \
  X(ignored_response, "messages with QR=1, never answered")  \
  X(ignored_short, "datagrams shorter than a DNS header")    \
  X(truncated, "UDP answers with TC")                        \
  X(noerror, "answers with NOERROR")                         \
  X(formerr, "answers with FORMERR")                         \
  X(servfail, "answers with SERVFAIL")                       \
  X(nxdomain, "answers with NXDOMAIN")                       \
  X(notimp, "answers with NOTIMP")                           \
  X(refused, "answers with REFUSED")                         \
  X(yxdomain, "answers with YXDOMAIN")                       \
  X(badvers, "answers with BADVERS")                         \
  X(badcookie, "answers with BADCOOKIE")                     \
  X(referrals, "answers that delegate")                      \
  X(notify_passed, "NOTIFY of primaries, passed on")         \
  X(notify_dropped, "NOTIFY of primaries, too many or long") \
  X(continued, "answers given again, unchanged")             \
  X(unrepeatable, "begun answers that have changed since")

struct DnsCounters {
#define X(name, help) Counter name;
  GL_DNS_COUNTERS(X)
#undef X
};

struct DnsQuery;
struct ResponseHead;
struct DnsTally;  // what one message came to, for the counters

// Reply::identity is the generation (zone/generation.h) from which on the question has been answered so.
class DnsZoneService final : public DnsService {
 public:
  // `cookies` is where the secrets of DNS cookies are published; without it there are none.
  DnsZoneService(const DnsSettings& settings, const std::atomic<const zone::PublishedZones*>& published,
                 const dns::CookiePublication* cookies = nullptr);

  void begin_burst(std::uint64_t now_ms) noexcept override;
  [[nodiscard]] bool looks_ahead() const noexcept override;
  void look_ahead(std::span<const Bytes> requests) noexcept override;
  void read_counters(CounterReader& reader) const override;
  [[nodiscard]] Answer answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override;
  [[nodiscard]] bool has_deadlines() const noexcept override { return settings_.notify != nullptr; }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept override {
    return settings_.notify == nullptr ? kNever : settings_.notify->next_deadline();
  }
  void on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept override {
    if (keeper_ == nullptr) return;
    settings_.notify->on_time(now_ms, sender, [&](const NotifyDoor::Letter& letter) { keeper_->take(letter); });
  }
  [[nodiscard]] bool takes_time() const noexcept override { return keeper_ != nullptr; }
  [[nodiscard]] Suspender* suspender() noexcept override { return keeper_.get(); }
  [[nodiscard]] bool has_waiting(Bytes flow) const noexcept override {
    return keeper_ != nullptr && keeper_->has_waiting(flow);
  }
  // True: it is a primary's NOTIFY, and was dealt with.
  [[nodiscard]] bool take_notify(const Datagram& datagram) noexcept {
    return settings_.notify != nullptr && pass_notify(datagram);
  }
  // The same over TCP, where answer() deals with it.
  [[nodiscard]] bool is_notify(Bytes request, const RequestContext& context) const noexcept {
    return keeper_ != nullptr && keeper_->is_ours(request, context.flow);
  }
  // One datagram in, at most `out.size()` bytes out.
  [[nodiscard]] Answer answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept;
  [[nodiscard]] std::size_t largest_answer() const noexcept override;
  [[nodiscard]] const DnsCounters& counters() const noexcept { return counters_; }
  // Before the core runs: whom to tell what is asked and answered; null: nobody.
  void tap_to(dns::Tap* tap) noexcept { tap_ = tap; }
  // For a service of the same core that answers the same clients.
  [[nodiscard]] DnsAdmission& admission() noexcept { return *admission_; }
  // How many labels the apex of the nearest zone has that `name` is in; nothing: in none.
  [[nodiscard]] std::optional<unsigned> zone_labels(const dns::Name& name) const noexcept;

 private:
  using Transport = DnsAdmission::Transport;
  // Zones of more bytes than this are not in a core's cache; of fewer, to look ahead costs more than it saves.
  static constexpr std::size_t kFarMemory = std::size_t{4} << 20;
  static constexpr std::size_t kMostAhead = 32;  // requests
  struct Asked {
    Bytes request;
    Bytes client;  // its address
  };

  [[nodiscard, gnu::noinline]] bool pass_notify(const Datagram& datagram) noexcept;
  [[nodiscard, gnu::noinline]] Answer answer_notify(Bytes request, MutableBytes out,
                                                    const RequestContext& context) noexcept;
  // Writes the message of the answer, without framing; its length, or 0: no answer.
  template <Transport transport>
  [[nodiscard]] std::size_t respond(const Asked& asked, MutableBytes out, const zone::ZoneSnapshot* snapshot,
                                    DnsTally& tally) const noexcept;
  template <Transport transport>
  [[nodiscard]] ResponseHead answer_query(const DnsQuery& query, const zone::ZoneSnapshot* snapshot,
                                          zone::Composer& composer, DnsTally& tally) const noexcept;
  [[nodiscard]] dns::Rcode rcode_of_whole(const DnsQuery& query, const zone::ZoneSnapshot* snapshot,
                                          const ResponseHead& cut, const zone::Composer& composer) const noexcept;
  [[nodiscard, gnu::noinline]] Bytes read_cookie(const DnsQuery& query, Bytes client, Transport transport,
                                                 DnsAdmission::CookieRoom& room, DnsTally& tally) const noexcept;
  [[nodiscard]] std::size_t respond_to_datagram(const Asked& asked, MutableBytes out) noexcept;
  template <Transport transport>
  [[nodiscard]] std::size_t limit_for(const DnsQuery& query, std::size_t room) const noexcept;
  // A message, and the generation from which on it has been the answer; length 0: none.
  struct Version {
    std::size_t length = 0;
    std::uint32_t since = 0;
  };
  [[nodiscard]] Version version_from(const zone::ZoneSnapshot& snapshot, const Asked& asked,
                                     MutableBytes message) const noexcept;
  [[nodiscard]] Answer repeat(const Asked& asked, MutableBytes out, Version current, std::uint32_t identity) noexcept;
  [[nodiscard]] bool was_always(const Asked& asked, Bytes message, std::uint32_t since) noexcept;
  [[nodiscard]] Version find_version(const Asked& asked, MutableBytes message, std::uint32_t since,
                                     std::uint32_t identity) const noexcept;
  [[nodiscard, gnu::noinline]] bool admit(Bytes client, Transport transport, DnsTally& tally,
                                          ResponseHead& head) const noexcept;
  void count(const DnsTally& tally) noexcept;
  void count_answer(const DnsTally& tally) noexcept;
  [[gnu::noinline]] void count_special(const DnsTally& tally) noexcept;

  DnsSettings settings_;
  const std::atomic<const zone::PublishedZones*>& published_;
  const zone::PublishedZones* zones_ = nullptr;
  dns::Tap* tap_ = nullptr;
  std::uint64_t now_ms_ = 0;  // of the burst
  DnsCounters counters_;
  const std::unique_ptr<NotifyKeeper> keeper_;  // null where no NOTIFY is taken
  const std::unique_ptr<DnsAdmission> admission_;
  const bool guarded_;  // DnsAdmission::is_guarded(), at hand
  // The answer of zones before, when a begun answer has to be shown unchanged.
  std::unique_ptr<std::uint8_t[]> scratch_;
};

}  // namespace gl::services
