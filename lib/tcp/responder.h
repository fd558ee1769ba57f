// The stateless TCP responder: one segment in, a plan of segments out. It keeps nothing between two calls but
// counters and the token bucket for RSTs; see docs/protocol.md. Sources: RFC 9293, RFC 7323, RFC 6928, RFC 7766.
// Byte order: host, the flow key as on the wire. Ownership: the plan and its bytes stay valid until the next call.
// Thread: one instance a core. Errors: by outcome. It knows neither DPDK nor DNS.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "lib/service/networks.h"
#include "lib/service/stream_service.h"
#include "lib/tcp/ledger.h"
#include "lib/tcp/plan.h"

namespace gl::tcp {

class BulkPresence;
class PathMtuTable;
struct QuotedSegment;

struct ResponderSettings {
  // Advertised. At most 4094, so that the ledger's `next` is exact, and the end of a full window none of a keepalive.
  std::uint16_t window = 4094;
  std::uint8_t burst_segments = kMaxBurstSegments;
  std::uint16_t mss_v4 = 1460;  // what the port's MTU allows: offered, and a bound on what we send
  std::uint16_t mss_v6 = 1440;
  bool immediate = false;               // as the column's server: acknowledge at once, close after the answer
  bool fast_open = true;                // RFC 7413; never in immediate mode
  std::uint16_t mss_limit_v4 = 0xffff;  // bound on what we send, not on what we offer
  std::uint16_t mss_limit_v6 = 0xffff;
  std::uint32_t rst_per_second = 1000;  // 0: never send a RST
  std::uint32_t flow_cache = 0;         // entries of soft state; 0: none
  std::uint32_t bulk_flows = 0;         // answers beyond 64 KiB on their way at once; 0: none is given
  std::uint32_t bulk_rate = 0;          // bytes a second of each of them at most; 0: no limit
  std::uint32_t syn_rate = 0;           // SYN-ACKs a second to a single address; 0: no limit
  std::uint32_t answer_rate = 0;        // answers a second to it; 0: no limit
  AllowedNetworks limit_allow{};        // no such limit for these
};

class Responder {
 public:
  // `paths` is what all cores have learnt of path MTUs, `presence` which long answers they have on their way; without
  // them the instance keeps its own.
  explicit Responder(const ResponderSettings& settings, PathMtuTable* paths = nullptr,
                     BulkPresence* presence = nullptr);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // Once before a burst. `now_ms` is monotonic; the keys are borrowed until the next call.
  void begin_burst(std::uint64_t now_ms, const CookieKeys& keys) noexcept;
  // `service` is null where nothing listens on the port.
  [[nodiscard]] const Plan& handle(const Segment& segment, StreamService* service) noexcept;
  // A router says that this segment of ours was too big for `mtu`. False: we cannot have sent it.
  [[nodiscard]] bool too_big(const QuotedSegment& quoted, std::uint16_t mtu) noexcept;
  // The same of a datagram that is known to be ours. `client`: 4 or 16 bytes of address.
  void learn_path_mtu(Bytes client, std::uint16_t mtu) noexcept;
  // What the way to this client is known to carry in one packet; 0xffff where nothing is known.
  [[nodiscard]] std::uint16_t path_mtu(Bytes client) const noexcept;

  // ---- Long answers, which are sent by the clock as well.
  [[nodiscard]] std::size_t bulk_flows() const noexcept;
  // One whose time has come by `now_ms`: its index, below bulk_flows(). handle() is then to be given a segment of its
  // flow with `timer`, and nothing else that counts.
  [[nodiscard]] std::optional<std::uint32_t> next_due(std::uint64_t now_ms) noexcept;
  // It could not be given its turn: it is due again a little later.
  void postpone(std::uint32_t index, std::uint64_t now_ms) noexcept;
  [[nodiscard]] const FlowKey& bulk_key(std::uint32_t index) const noexcept;
  // None is due before; nothing: none is at all. Low 32 bits of milliseconds.
  [[nodiscard]] std::optional<std::uint32_t> next_deadline() const noexcept;

 private:
  const Plan& handle_limited(const Segment& segment, StreamService& service) noexcept;
  const Plan& handle_unlimited(const Segment& segment, StreamService* service) noexcept;
  void handle_scaled(const Segment& segment, StreamService& service) noexcept;

  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace gl::tcp
