// A client of a long answer that sends anything, at any time: segments that fit more or less, SACK blocks of its own
// invention, windows that open and close, silence. What goes out stays within the answer, within what the client has
// said that it takes, and its bytes are right.
#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "lib/tcp/responder.h"

namespace gl::tcp {
namespace {

[[noreturn]] void fail() {
  std::abort();
}

// One request is a byte; its answer counts up in a way that no place repeats soon.
class LongService final : public StreamService {
 public:
  explicit LongService(std::uint64_t length) : StreamService(0), length_(length) {}
  [[nodiscard]] Framed next_request(Bytes stream, bool) const noexcept override {
    if (stream.empty()) return {};
    return {Framed::Kind::complete, stream.first(1), 1};
  }
  [[nodiscard]] Answer answer(Bytes, MutableBytes, const RequestContext&) noexcept override {
    Answer answer{Answer::Kind::answered, length_, true};
    answer.rendered = false;
    return answer;
  }
  [[nodiscard]] static std::uint8_t byte_at(std::uint64_t offset) noexcept {
    return static_cast<std::uint8_t>(offset ^ offset >> 8 ^ offset >> 16);
  }
  [[nodiscard]] std::size_t read(const Answer&, std::uint64_t offset, MutableBytes out) noexcept override {
    if (offset + out.size() > length_) fail();
    for (std::uint8_t& byte : out) byte = byte_at(offset++);
    return out.size();
  }
  [[nodiscard]] bool has_long_answers() const noexcept override { return true; }
  [[nodiscard]] bool still_has(const Answer&) const noexcept override { return has; }
  [[nodiscard]] std::size_t largest_answer() const noexcept override { return 1000; }

  bool has = true;

 private:
  const std::uint64_t length_;
};

class Connection {
 public:
  explicit Connection(FuzzedDataProvider& input)
      : input_(input),
        length_(input.ConsumeIntegralInRange<std::uint64_t>(kMaxRenderedAnswer + 1,
                                                            input.ConsumeBool() ? 200'000 : 1ull << 33)),
        service_(length_),
        responder_(settings(input)) {
    std::array<std::uint8_t, 4> host{192, 0, 2, 1};
    segment_.flow = FlowKey::v4(host.data(), host.data(), Be16(7), Be16(80));
    if (input.ConsumeBool()) segment_.timestamps = Timestamps{100, 0};
    segment_.mss = 1460;
    segment_.window = 65535;
    segment_.sack_permitted = true;
    segment_.window_scale = input.ConsumeIntegralInRange<std::uint8_t>(0, 15);
  }

  void run() {
    const Plan& plan = send(kSyn, SeqNum(kClient), SeqNum(0));
    if (plan.count != 1) fail();
    first_ = plan.segments[0].seq + 1;
    const bool scales = plan.segments[0].window_scale;
    shift_ = scales ? segment_.window_scale : 0;
    segment_.mss = 0;
    segment_.window_scale = wire::kNoWindowScale;
    ask();
    while (input_.remaining_bytes() > 0) step();
  }

 private:
  static ResponderSettings settings(FuzzedDataProvider& input) {
    ResponderSettings settings;
    settings.bulk_flows = 2;
    settings.flow_cache = input.ConsumeBool() ? 4 : 0;
    settings.bulk_rate = input.ConsumeBool() ? 0 : input.ConsumeIntegralInRange(1000u, 100'000'000u);
    return settings;
  }
  const Plan& send(std::uint8_t flags, SeqNum seq, SeqNum ack) {
    segment_.flags = flags;
    segment_.seq = seq;
    segment_.ack = ack;
    responder_.begin_burst(now_ms_, keys_);
    const Plan& plan = responder_.handle(segment_, &service_);
    inspect(plan);
    return plan;
  }
  void ask() {
    static constexpr std::array<std::uint8_t, 1> kRequest{'x'};
    segment_.payload = kRequest;
    (void)send(kAck | kPsh, SeqNum(kClient + 1), first_ + static_cast<std::uint32_t>(acked_));
    segment_.payload = {};
  }

  void step() {
    if (input_.ConsumeBool())
      now_ms_ += input_.ConsumeIntegralInRange<std::uint64_t>(0, input_.ConsumeBool() ? 60 : 20'000);
    switch (input_.ConsumeIntegralInRange(0, 7)) {
      case 0:
        return timers();
      case 1:
        return ask();
      case 2:
        segment_.window = input_.ConsumeIntegral<std::uint16_t>();
        break;
      case 3:
        if (input_.ConsumeIntegralInRange(0, 31) == 0) service_.has = false;
        break;
      default:
        break;
    }
    const std::uint64_t span = sent_ - acked_;
    acked_ += input_.ConsumeBool() ? span : input_.ConsumeIntegralInRange<std::uint64_t>(0, span);
    const auto skew = input_.ConsumeIntegralInRange(0, 15) == 0 ? input_.ConsumeIntegral<std::uint32_t>() : 0u;
    edge_ = std::max(edge_, acked_ + (std::uint64_t{segment_.window} << shift_));
    if (skew != 0) edge_ = ~std::uint64_t{0};  // who acknowledges what was not sent may be taken at its word
    segment_.sack.count = input_.ConsumeIntegralInRange<std::uint8_t>(0, 4);
    for (std::size_t i = 0; i < segment_.sack.count; ++i) {
      const auto begin = static_cast<std::uint32_t>(acked_) + input_.ConsumeIntegralInRange(0u, 40'000u);
      segment_.sack.blocks[i] = {(first_ + begin).value(),
                                 (first_ + begin + input_.ConsumeIntegral<std::uint16_t>()).value()};
    }
    const auto flags =
        input_.ConsumeIntegralInRange(0, 15) == 0 ? input_.ConsumeIntegral<std::uint8_t>() : std::uint8_t{kAck};
    (void)send(flags, SeqNum(kClient + 2), first_ + static_cast<std::uint32_t>(acked_) + skew);
    segment_.sack.count = 0;
  }
  void timers() {
    while (const auto due = responder_.next_due(now_ms_)) {
      Segment segment;
      segment.flow = responder_.bulk_key(*due);
      segment.timer = true;
      responder_.begin_burst(now_ms_, keys_);
      inspect(responder_.handle(segment, &service_));
    }
  }

  void inspect(const Plan& plan) {
    if (plan.count > kMaxSoftSegments) fail();
    for (std::size_t i = 0; i < plan.count; ++i) {
      const OutSegment& out = plan.segments[i];
      if (out.has_timestamps) segment_.timestamps->echo = out.timestamps.value;
      if (out.length == 0) continue;
      // The place in the answer that is nearest to what the client has.
      const auto low = static_cast<std::uint32_t>(acked_);
      const auto distance = static_cast<std::int32_t>((out.seq - first_) - low);
      const std::uint64_t begin = acked_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
      if (begin + out.length > length_ || begin + out.length > edge_) fail();
      std::array<std::uint8_t, 9000> room{};
      const Bytes payload = plan.payload(out, room);
      if (payload.size() != out.length) fail();
      if (edge_ == ~std::uint64_t{0}) continue;
      for (std::size_t at = 0; at < payload.size(); ++at) {
        if (payload[at] != LongService::byte_at(begin + at)) fail();
      }
      sent_ = std::max(sent_, begin + out.length);
    }
  }

  static constexpr std::uint32_t kClient = 5000;
  FuzzedDataProvider& input_;
  const std::uint64_t length_;
  LongService service_;
  CookieKeys keys_;
  Responder responder_;
  Segment segment_;
  SeqNum first_;
  std::uint8_t shift_ = 0;
  std::uint64_t now_ms_ = 1000;
  std::uint64_t acked_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t edge_ = 65535;
};

}  // namespace
}  // namespace gl::tcp

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  gl::tcp::Connection(input).run();
  return 0;
}
