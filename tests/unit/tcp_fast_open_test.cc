// The Fast Open cookie, and that an off-path sender's SYN-ACK is never longer than his SYN. The rules are golden
// dialogues.
#include "lib/tcp/fast_open.h"

#include <gtest/gtest.h>

#include <set>

#include "lib/tcp/responder.h"

namespace gl::tcp {
namespace {

constexpr std::array<std::uint8_t, 16> kClient = {0x20, 1, 2, 3};
constexpr std::array<std::uint8_t, 16> kOther = {0x20, 1, 2, 4};
constexpr std::array<std::uint8_t, 16> kServer = {0x20, 9};

FlowKey flow_of(bool v6, const std::array<std::uint8_t, 16>& client, std::uint16_t port = 7) {
  return v6 ? FlowKey::v6(client.data(), kServer.data(), Be16(port), Be16(53))
            : FlowKey::v4(client.data(), kServer.data(), Be16(port), Be16(53));
}
CookieKeys keys_of(std::uint8_t a, std::uint8_t b, std::uint8_t current) {
  CookieKeys keys;
  keys.by_parity[0].fill(a);
  keys.by_parity[1].fill(b);
  keys.current = current;
  return keys;
}

TEST(FastOpenCookie, IsTheAddressesOnEveryNode) {
  for (const bool v6 : {false, true}) {
    const std::uint64_t cookie = make_fast_open_cookie(keys_of(1, 2, 0), flow_of(v6, kClient));
    using enum FastOpenStanding;
    EXPECT_EQ(check_fast_open_cookie(keys_of(1, 2, 0), flow_of(v6, kClient, 9), cookie), current);
    EXPECT_EQ(check_fast_open_cookie(keys_of(1, 2, 1), flow_of(v6, kClient), cookie), other);
    EXPECT_EQ(check_fast_open_cookie(keys_of(3, 2, 0), flow_of(v6, kClient), cookie), invalid);
    EXPECT_EQ(check_fast_open_cookie(keys_of(1, 2, 0), flow_of(v6, kOther), cookie), invalid);
    EXPECT_EQ(check_fast_open_cookie(keys_of(1, 2, 0), flow_of(!v6, kClient), cookie), invalid);
    EXPECT_EQ(check_fast_open_cookie(keys_of(1, 2, 0), flow_of(v6, kClient), cookie ^ 1), invalid);
  }
}

class Early final : public StreamService {
 public:
  Early() : StreamService(0) {}
  Framed next_request(Bytes stream, bool) const noexcept override {
    return {Framed::Kind::complete, stream, stream.size()};
  }
  Answer answer(Bytes, MutableBytes out, const RequestContext&) noexcept override {
    std::fill_n(out.begin(), size, std::uint8_t{7});
    return {Answer::Kind::answered, size};
  }
  bool has_idempotent_requests() const noexcept override { return early; }
  std::size_t largest_answer() const noexcept override { return size; }
  bool early = true;
  std::size_t size = 50000;
};

struct FastOpen : testing::Test {
  Segment syn(bool timestamps) {
    Segment segment;
    segment.flow = flow_of(false, kClient);
    segment.seq = SeqNum(1000);
    segment.flags = kSyn;
    segment.window = 65535;
    segment.mss = 1460;
    segment.payload = Bytes(query);
    segment.fast_open = {wire::FastOpen::Kind::cookie, make_fast_open_cookie(keys, segment.flow)};
    if (timestamps) segment.timestamps = Timestamps{77, 0};
    return segment;
  }
  const Plan& give(const Segment& segment) {
    responder.begin_burst(0, keys);
    return responder.handle(segment, &service);
  }
  static std::size_t options_of(const OutSegment& out) {
    wire::TcpOptions options;
    options.mss = out.mss;
    options.fast_open = out.fast_open;
    if (out.has_timestamps) options.timestamps.emplace();
    return wire::written_length(options);
  }
  const CookieKeys keys = keys_of(1, 2, 0);
  const std::array<std::uint8_t, 30> query{};
  Early service;
  Responder responder{ResponderSettings{}};
};

TEST_F(FastOpen, AtMostTenSegmentsWithinTheWindow) {
  for (const bool timestamps : {false, true}) {
    const std::uint32_t size = timestamps ? 1448 : 1460;
    const Plan& plan = give(syn(timestamps));
    EXPECT_EQ(plan.outcome, Outcome::syn_answered);
    ASSERT_EQ(plan.count, 11);
    EXPECT_EQ(plan.segments[0].flags, kSyn | kAck);
    EXPECT_EQ(plan.segments[0].ack, SeqNum(1001));
    EXPECT_EQ(plan.segments[0].length, 0u);
    for (std::size_t i = 1; i < plan.count; ++i) {
      EXPECT_EQ(plan.segments[i].seq, plan.segments[0].seq + 1 + static_cast<std::uint32_t>(i - 1) * size);
      EXPECT_EQ(plan.segments[i].ack, SeqNum(1001));
      EXPECT_EQ(plan.segments[i].length, size);
    }
    Segment narrow = syn(timestamps);
    narrow.window = 2000;
    EXPECT_EQ(give(narrow).count, 3);
  }
}

TEST_F(FastOpen, OnlyForAServiceThatTakesIt) {
  service.early = false;
  const Plan& plan = give(syn(true));
  EXPECT_EQ(plan.outcome, Outcome::syn_ack);
  EXPECT_EQ(plan.count, 1);
  EXPECT_EQ(plan.segments[0].fast_open.kind, wire::FastOpen::Kind::absent);
}

TEST_F(FastOpen, AStrangersSynAckIsNoLongerThanHisSyn) {
  using Kind = wire::FastOpen::Kind;
  std::set<Outcome> seen;
  for (const Kind kind : {Kind::absent, Kind::request, Kind::foreign, Kind::cookie}) {
    for (const bool timestamps : {false, true}) {
      for (std::uint8_t length = timestamps ? 12 : 0; length <= 40; length = static_cast<std::uint8_t>(length + 4)) {
        Segment segment = syn(timestamps);
        segment.fast_open = {kind, 4711};
        segment.options_length = length;
        const Plan& plan = give(segment);
        ASSERT_EQ(plan.count, 1);
        EXPECT_LE(options_of(plan.segments[0]), length);
        EXPECT_EQ(plan.segments[0].has_timestamps, timestamps);
        EXPECT_EQ(plan.segments[0].mss != 0, length >= (timestamps ? 16 : 4));
        // As long as Linux's SYN that asks: MSS, SACK, timestamps, scaling and the empty option.
        EXPECT_EQ(plan.segments[0].fast_open.kind == Kind::cookie,
                  kind != Kind::absent && length >= (timestamps ? 24 : 16));
        seen.insert(plan.outcome);
      }
    }
  }
  EXPECT_EQ(seen, (std::set{Outcome::syn_ack, Outcome::syn_ack_cookie, Outcome::syn_bad_cookie}));
}

}  // namespace
}  // namespace gl::tcp
