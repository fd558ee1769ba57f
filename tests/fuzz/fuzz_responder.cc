// Segments through the responder, in conversations whose cookies and echoes mostly fit, so that every rule is reached:
// plans are within their bounds and keep to MSS and window, and TSval never runs backwards.
#include <fuzzer/FuzzedDataProvider.h>
#include <algorithm>

#include <cstdint>
#include <vector>

#include "lib/tcp/responder.h"
#include "tests/fuzz/check.h"
#include "tests/golden/scripted_service.h"

namespace {

using namespace gl;
using fuzz::check;
using golden::Framing;
using golden::ScriptedQuery;

constexpr std::uint32_t kClientIsn = 0xfffff000u;
constexpr std::size_t kLargestAnswer = 50000;  // three of them fill a ledger

// One conversation: a client that knows its stream and may send any part of it at any time.
class Conversation {
 public:
  explicit Conversation(FuzzedDataProvider& input) : input_(input), responder_(settings(input)) {
    keys_.by_parity[0].fill(1);
    keys_.by_parity[1].fill(2);
    timestamps_ = input.ConsumeBool();
    const unsigned queries = input.ConsumeIntegralInRange(1u, 5u);
    for (unsigned i = 1; i <= queries; ++i) {
      const ScriptedQuery query{input.PickValueInArray(kKinds), input.ConsumeIntegralInRange<std::size_t>(24, 900),
                                input.ConsumeIntegralInRange<std::size_t>(0, kLargestAnswer)};
      const golden::ByteString bytes = make_query(query, i, Framing::length_prefix);
      stream_.insert(stream_.end(), bytes.begin(), bytes.end());
    }
  }

  void run() {
    exchange(tcp::kSyn, 0, 0);
    while (input_.remaining_bytes() > 0) {
      const auto begin = input_.ConsumeIntegralInRange<std::size_t>(0, stream_.size());
      const auto length =
          input_.ConsumeIntegralInRange<std::size_t>(0, std::min<std::size_t>(stream_.size() - begin, 8900));
      const auto flags = input_.ConsumeBool() ? std::uint8_t{tcp::kAck} : input_.ConsumeIntegral<std::uint8_t>();
      exchange(flags, begin, length);
    }
  }

 private:
  static constexpr ScriptedQuery::Kind kKinds[] = {ScriptedQuery::Kind::answer, ScriptedQuery::Kind::answer,
                                                   ScriptedQuery::Kind::close,  ScriptedQuery::Kind::silent,
                                                   ScriptedQuery::Kind::reject, ScriptedQuery::Kind::broken};
  static constexpr std::uint16_t kMss[] = {0, 63, 64, 536, 1460, 8940, 65535};

  static tcp::ResponderSettings settings(FuzzedDataProvider& input) {
    tcp::ResponderSettings settings;
    settings.immediate = input.ConsumeIntegralInRange(0, 7) == 0;
    settings.flow_cache = input.ConsumeBool() ? 4 : 0;
    settings.burst_segments = input.ConsumeIntegralInRange<std::uint8_t>(1, 10);
    settings.mss_v4 = input.PickValueInArray({std::uint16_t{64}, std::uint16_t{536}, std::uint16_t{1460}});
    own_mss_ = settings.mss_v4;
    return settings;
  }

  void exchange(std::uint8_t flags, std::size_t begin, std::size_t length) {
    tcp::Segment segment;
    segment.flags = flags;
    const bool syn = (flags & tcp::kSyn) != 0;
    segment.seq = wire::SeqNum(kClientIsn) + static_cast<std::uint32_t>(begin) + (syn ? 0u : 1u);
    if (input_.ConsumeIntegralInRange(0, 15) == 0) segment.seq = segment.seq - input_.ConsumeIntegral<std::uint8_t>();
    segment.ack = isn_ + 1 + acknowledged();
    segment.window = input_.ConsumeBool() ? 65535 : input_.ConsumeIntegral<std::uint16_t>();
    if (syn) segment.mss = input_.PickValueInArray(kMss);
    if (timestamps_) segment.timestamps = {input_.ConsumeIntegral<std::uint32_t>(), echo()};
    segment.payload = Bytes(stream_).subspan(begin, length);
    if (input_.ConsumeIntegralInRange(0, 63) == 0) service_.change();
    responder_.begin_burst(++now_ms_, keys_);
    const bool closed = input_.ConsumeIntegralInRange(0, 63) == 0;
    inspect(segment, responder_.handle(segment, closed ? nullptr : &service_));
  }

  // How much of what was sent the client claims to have.
  std::uint32_t acknowledged() {
    const auto claim = input_.ConsumeIntegralInRange(0, 3);
    if (claim == 0) return 0;
    if (claim == 2 && input_.ConsumeIntegralInRange(0, 15) == 0) return input_.ConsumeIntegral<std::uint32_t>();
    return claim == 1 ? sent_end_ : input_.ConsumeIntegralInRange(0u, sent_end_ + 2);
  }
  std::uint32_t echo() {
    if (input_.ConsumeIntegralInRange(0, 7) == 0) return input_.ConsumeIntegral<std::uint32_t>();
    return echoes_.empty()
               ? 0
               : echoes_[input_.ConsumeBool() ? echoes_.size() - 1
                                              : input_.ConsumeIntegralInRange<std::size_t>(0, echoes_.size() - 1)];
  }

  // TSval runs forward for a client that opens once and echoes what it got. Any other can only confuse itself: what the
  // flow cache sends goes on from a value that may then be half the circle from those sent before.
  void notice_client(const tcp::Segment& in) {
    if (!in.timestamps) return;
    ts_vals_.push_back(in.timestamps->value);
    const bool known = std::find(echoes_.begin(), echoes_.end(), in.timestamps->echo) != echoes_.end();
    strange_ = strange_ || ((in.flags & tcp::kSyn) != 0 ? !echoes_.empty() : !known);
  }

  // The soft state knows the newest window, which need not be this segment's. It is never overstepped as it was widest.
  void notice_window(const tcp::Segment& in) {
    const std::uint32_t acknowledged = in.ack - (isn_ + 1);
    if (acknowledged <= tcp::kOffsetLimit) window_end_ = std::max(window_end_, acknowledged + in.window);
  }

  void inspect(const tcp::Segment& in, const tcp::Plan& plan) {
    notice_client(in);
    notice_window(in);
    check(plan.count <= plan.segments.size(), "a plan has room for its segments");
    std::uint32_t bytes = 0;
    for (std::size_t i = 0; i < plan.count; ++i) {
      const tcp::OutSegment& out = plan.segments[i];
      check(out.length == 0 || (plan.answers != nullptr && out.offset <= plan.answers->size() &&
                                out.length <= plan.answers->size() - out.offset),
            "a segment has its bytes");
      check(out.length <= own_mss_, "a segment keeps to the MSS");
      check((out.flags & tcp::kRst) == 0 || (out.length == 0 && plan.count == 1), "a RST stands alone");
      check((out.flags & tcp::kFin) == 0 || i + 1 == plan.count, "a FIN comes last");
      bytes += out.length;
      if ((out.flags & tcp::kSyn) != 0) {
        isn_ = out.seq;
        window_end_ = in.window;
      }
      check(out.length == 0 || out.seq + out.length - (isn_ + 1) <= window_end_, "answers keep to the client's window");
      note_timestamps(in, out);
    }
    if (bytes > 0) sent_end_ = std::max(sent_end_, std::min(in.ack - (isn_ + 1) + bytes, tcp::kOffsetLimit));
  }

  void note_timestamps(const tcp::Segment& in, const tcp::OutSegment& out) {
    if (!out.has_timestamps) return;
    check(in.timestamps.has_value(), "timestamps are for those that have them");
    const bool syn = (out.flags & tcp::kSyn) != 0;
    check(syn || strange_ || out.timestamps.value - in.timestamps->echo < 0x80000000u, "TSval never runs backwards");
    // The segment's own, or TS.Recent where the soft state has seen a newer one (RFC 7323 section 4.3).
    check(std::find(ts_vals_.begin(), ts_vals_.end(), out.timestamps.echo) != ts_vals_.end(),
          "TSecr is a TSval of the client's");
    echoes_.push_back(out.timestamps.value);
  }

  static inline std::uint16_t own_mss_ = 0;
  FuzzedDataProvider& input_;
  tcp::Responder responder_;
  tcp::CookieKeys keys_;
  golden::ScriptedService service_{Framing::length_prefix, kLargestAnswer};
  golden::ByteString stream_;
  bool timestamps_ = false;
  wire::SeqNum isn_;
  std::uint32_t sent_end_ = 0;
  std::uint32_t window_end_ = 0;
  std::vector<std::uint32_t> echoes_;   // TSvals of the server's
  std::vector<std::uint32_t> ts_vals_;  // of the client's
  bool strange_ = false;                // it has opened twice, or echoed what it never got
  std::uint64_t now_ms_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  Conversation(input).run();
  return 0;
}
