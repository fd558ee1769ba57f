// The stateless TCP responder: one segment in, a plan of segments out. It keeps nothing between two calls but
// counters and the token bucket for RSTs; see docs/protocol.md. Sources: RFC 9293, RFC 7323, RFC 6928, RFC 7766.
// Byte order: host, the flow key as on the wire. Ownership: the plan and its bytes stay valid until the next call.
// Thread: one instance a core. Errors: by outcome. It knows neither DPDK nor DNS.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/service/service.h"
#include "lib/tcp/cookie.h"
#include "lib/tcp/ledger.h"
#include "lib/wire/seqnum.h"
#include "lib/wire/tcp_options.h"

namespace gl::tcp {

class PathMtuTable;
struct QuotedSegment;

enum Flag : std::uint8_t {
  kFin = 0x01,
  kSyn = 0x02,
  kRst = 0x04,
  kPsh = 0x08,
  kAck = 0x10,
  kUrg = 0x20,
  kEce = 0x40,
  kCwr = 0x80
};

struct Timestamps {
  std::uint32_t value = 0;  // TSval
  std::uint32_t echo = 0;   // TSecr
};

// A TCP segment whose lengths and checksum have been checked.
struct Segment {
  FlowKey flow;
  SeqNum seq;
  SeqNum ack;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;  // as sent: we never offer scaling
  std::uint16_t mss = 0;     // of a SYN; 0 where the option is absent
  std::optional<Timestamps> timestamps;
  Bytes payload{};
  bool resumed = false;                                // it came before, and has waited for an answer since
  wire::FastOpen fast_open{};                          // of a SYN
  std::uint8_t options_length = wire::kMaxTcpOptions;  // of a SYN, bytes: to a stranger ours has no more
};

struct OutSegment {
  SeqNum seq;
  SeqNum ack;
  std::uint8_t flags = 0;
  bool has_timestamps = false;
  Timestamps timestamps;
  std::uint16_t mss = 0;  // option of a SYN-ACK; 0: none
  std::uint16_t window = 0;
  std::uint32_t offset = 0;  // payload: this part of Plan::stream
  std::uint32_t length = 0;
  wire::FastOpen fast_open{};  // option of a SYN-ACK: a cookie, or absent
};

// Why a segment ended as it did. Every name is a counter (datapath/verdict.h makes them visible).
#define GL_TCP_OUTCOMES(X)                                                                        \
  X(syn_ack, "SYN answered with a cookie")                                                        \
  X(syn_ack_cookie, "SYN that asks for a Fast Open cookie: answered with one")                    \
  X(syn_answered, "SYN with a valid Fast Open cookie: its queries answered at once")              \
  X(syn_bad_cookie, "SYN with a Fast Open cookie that is not valid: data ignored")                \
  X(answered, "new queries answered, their ACK with them")                                        \
  X(answered_withheld, "new queries answered in several segments, their ACK withheld")            \
  X(continued, "repeated query: the missing rest of its answer sent")                             \
  X(acked_repeat, "repeated query whose answer had arrived: acknowledged")                        \
  X(acked_withheld, "the whole answer arrived: the withheld ACK sent")                            \
  X(acked_prefix, "a length prefix alone: acknowledged")                                          \
  X(acked_keepalive, "keepalive probe acknowledged")                                              \
  X(acked_fin, "FIN of a closed or closing connection acknowledged")                              \
  X(fin_ack, "FIN answered with FIN and ACK")                                                     \
  X(flow_answered, "pipelined queries answered from the flow cache")                              \
  X(flow_continued, "more of a long answer sent as acknowledgements come in")                     \
  X(flow_resent, "part of an answer sent again after duplicate acknowledgements")                 \
  X(acked_piece, "piece of a query of a client that is stuck with it: kept, and acknowledged")    \
  X(flow_kept, "query kept until it is whole, or until answers before it have arrived")           \
  X(parked, "query whose answer is not there yet: the segment waits for it")                      \
  X(closed_full, "no room left in the ledger for this answer: FIN")                               \
  X(reset_no_cookie, "no cookie fits: RST")                                                       \
  X(reset_closed_port, "no service on this port: RST")                                            \
  X(reset_stale, "data after our FIN: RST")                                                       \
  X(reset_forgotten, "a piece of this query was acknowledged, and nobody has it any more: RST")   \
  X(reset_changed, "the rest of an answer that has changed since: RST")                           \
  X(reset_stuck, "piece of an answered query repeated, and its place is not known: RST")          \
  X(reset_malformed, "the stream holds no request, or one that is never answered: RST")           \
  X(reset_too_long, "immediate mode: a query acknowledged before, whose answer is too long: RST") \
  X(drop_reset_limited, "RST withheld by its rate limit or by configuration")                     \
  X(drop_rst, "RST received")                                                                     \
  X(drop_flags, "impossible flags, or neither SYN nor ACK")                                       \
  X(drop_mss, "SYN with an MSS below the smallest class")                                         \
  X(drop_ack_only, "acknowledgement that asks for nothing")                                       \
  X(drop_beyond, "pipelined behind an unanswered query: the client will repeat it")               \
  X(drop_waiting, "segment of a flow that waits for an answer already")                           \
  X(drop_incomplete, "incomplete query: the client will repeat it whole")                         \
  X(drop_zero_window, "query with no room for any answer byte: the client will repeat it")        \
  X(drop_fin_early, "FIN that overtook an answer: the client will repeat it")                     \
  X(drop_no_timestamp_late, "later segment of a client without timestamps")

enum class Outcome : std::uint8_t {
#define X(name, help) name,
  GL_TCP_OUTCOMES(X)
#undef X
};
inline constexpr std::size_t kOutcomes = 0
#define X(name, help) +1
    GL_TCP_OUTCOMES(X)
#undef X
    ;

inline constexpr std::size_t kMaxBurstSegments = 10;  // RFC 6928
struct Plan {
  Outcome outcome = Outcome::drop_ack_only;
  std::uint8_t count = 0;
  std::array<OutSegment, kMaxBurstSegments + 3> segments;
  Bytes stream{};  // answer bytes that the segments' offsets count in
};

struct ResponderSettings {
  std::uint16_t window = 4095;  // advertised; at most 4095, so that the ledger's `next` is exact
  std::uint8_t burst_segments = kMaxBurstSegments;
  std::uint16_t mss_v4 = 1460;  // what the port's MTU allows: offered, and a bound on what we send
  std::uint16_t mss_v6 = 1440;
  bool immediate = false;               // the column's way: acknowledge at once, close after the answer
  bool fast_open = true;                // RFC 7413; never in immediate mode
  std::uint16_t mss_limit_v4 = 0xffff;  // bound on what we send, not on what we offer
  std::uint16_t mss_limit_v6 = 0xffff;
  std::uint32_t rst_per_second = 1000;  // 0: never send a RST
  std::uint32_t flow_cache = 0;         // entries of soft state; 0: none
};

class Responder {
 public:
  // `paths` is what all cores have learnt of path MTUs; without it the instance keeps its own.
  explicit Responder(const ResponderSettings& settings, PathMtuTable* paths = nullptr);
  ~Responder();
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  // Once before a burst. `now_ms` is monotonic; the keys are borrowed until the next call.
  void begin_burst(std::uint64_t now_ms, const CookieKeys& keys) noexcept;
  // `service` is null where nothing listens on the port.
  [[nodiscard]] const Plan& handle(const Segment& segment, Service* service) noexcept;
  // A router says that this segment of ours was too big for `mtu`. False: we cannot have sent it.
  [[nodiscard]] bool too_big(const QuotedSegment& quoted, std::uint16_t mtu) noexcept;

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace gl::tcp
