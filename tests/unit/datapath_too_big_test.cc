// Path MTU discovery frame by frame: which messages are believed, and what then becomes of our segments.
#include <gtest/gtest.h>

#include "tests/unit/pipeline_harness.h"
#include "tests/unit/too_big_frames.h"

namespace gl::test {
namespace {

using datapath::Verdict;

// A client without timestamps that asks for 4000 bytes; what it got. The first segment is the one that is quoted.
std::vector<Buffer> ask(Harness& harness, bool v6) {
  const auto wrap = [v6](const Tcp& tcp, const Buffer& payload) {
    return v6 ? eth().ipv6().tcp(tcp, payload) : eth().ipv4().tcp(tcp, payload);
  };
  EXPECT_EQ(harness.give(wrap({.options = {2, 4, 5, 180}}, {})), Verdict::tcp_syn_ack);
  const std::size_t tcp_at = v6 ? 54 : 34;
  const std::uint32_t isn = load_be<std::uint32_t>(harness.reply().data() + tcp_at + 4);
  Buffer query = {0, 20};
  query.resize(22, 'q');
  harness.service.repeat = 200;
  EXPECT_EQ(harness.give(wrap({.seq = 1001, .ack = isn + 1, .flags = 0x18}, query)), Verdict::tcp_answered_withheld);
  std::vector<Buffer> frames;
  for (const auto& sent : harness.out.sent) frames.push_back(sent.bytes);
  return frames;
}

std::size_t largest(const std::vector<Buffer>& frames) {
  std::size_t size = 0;
  for (const Buffer& frame : frames) size = std::max(size, frame.size() - 14);
  return size;
}
std::size_t payload(const std::vector<Buffer>& frames, std::size_t headers) {
  std::size_t size = 0;
  for (const Buffer& frame : frames) size += frame.size() - 14 - headers;
  return size;
}

TEST(TooBig, SegmentsShrinkAndGrowAgain) {
  for (const bool v6 : {false, true}) {
    Harness harness;
    const std::size_t headers = v6 ? 60 : 40;
    const auto before = ask(harness, v6);
    EXPECT_EQ(largest(before), 1500u);
    // The router quotes what it got: the ACK is deferred there, so the client's ISN is known.
    const Buffer quoted = part(before[0], 14, headers + 12);
    EXPECT_EQ(harness.give(v6 ? too_big6(quoted, 1300) : too_big4(quoted, 1300)),
              v6 ? Verdict::icmpv6_too_big_learned : Verdict::icmp_too_big_learned);
    EXPECT_TRUE(harness.out.sent.empty());
    const auto after = ask(harness, v6);
    EXPECT_EQ(largest(after), 1300u);
    EXPECT_EQ(payload(after, headers), payload(before, headers));
    // It is never raised, not even by a router.
    EXPECT_EQ(harness.give(v6 ? too_big6(quoted, 1400) : too_big4(quoted, 1400)),
              v6 ? Verdict::icmpv6_too_big_learned : Verdict::icmp_too_big_learned);
    EXPECT_EQ(largest(ask(harness, v6)), 1300u);
    harness.responder.begin_burst(1000 + 601000, harness.keys);
    EXPECT_EQ(largest(ask(harness, v6)), 1500u);
  }
}

TEST(TooBig, SmallestSizes) {
  Harness harness;
  const auto four = ask(harness, false);
  EXPECT_EQ(harness.give(too_big4(part(four[0], 14, 52), 0)),
            Verdict::icmp_too_big_learned);  // a router of before 1990
  EXPECT_EQ(largest(ask(harness, false)), 552u);
  const auto six = ask(harness, true);
  EXPECT_EQ(largest(six), 1500u);  // another client
  EXPECT_EQ(harness.give(too_big6(part(six[0], 14, 72), 1279)), Verdict::drop_icmpv6_too_big_invalid);
  EXPECT_EQ(largest(ask(harness, true)), 1500u);
}

TEST(TooBig, OnlyOfSegmentsThatWeCanHaveSent) {
  Harness harness;
  const std::uint32_t isn4 = our_isn4();
  const std::uint32_t isn6 = our_isn6();
  const auto no4 = [&](const Buffer& quoted, unsigned mtu = 1300) {
    EXPECT_EQ(harness.give(too_big4(quoted, mtu)), Verdict::drop_icmp_too_big_invalid);
  };
  const auto no6 = [&](const Buffer& quoted, unsigned mtu = 1300) {
    EXPECT_EQ(harness.give(too_big6(quoted, mtu)), Verdict::drop_icmpv6_too_big_invalid);
  };
  harness.out.capacity = 0;  // no byte behind the frame
  for (std::size_t length = 0; length < 28; ++length) no4(part(quoted4(1500, isn4 + 1), 0, length));
  for (std::size_t length = 0; length < 48; ++length) no6(part(quoted6(1500, isn6 + 1), 0, length));
  no4(quoted4(1300, isn4 + 1));                      // not too big at all
  no4(quoted4(1500, isn4));                          // before our stream
  no4(quoted4(1500, isn4 + 2 + tcp::kOffsetLimit));  // behind all that a connection may carry
  no4(quoted4(1500, isn4 + 1, 54));                  // no service of ours
  no6(quoted6(1300, isn6 + 1));
  no6(quoted6(1500, isn6));
  no6(quoted6(1500, isn6 + 1, 54));
  const auto changed = [](Buffer bytes, std::size_t at, std::uint8_t value) {
    bytes[at] = value;
    return bytes;
  };
  no4(changed(quoted4(1500, isn4 + 1), 15, 9));    // from another address
  no4(changed(quoted4(1500, isn4 + 1), 9, 17));    // UDP
  no4(changed(quoted4(1500, isn4 + 1), 0, 0x44));  // header too short
  no4(changed(quoted4(1500, isn4 + 1), 0, 0x4f));  // header longer than the quote
  no4(changed(quoted4(1500, isn4 + 1), 6, 0x20));  // a fragment
  no6(changed(quoted6(1500, isn6 + 1), 23, 9));
  no6(changed(quoted6(1500, isn6 + 1), 6, 17));
  harness.out.capacity = 1518;
  EXPECT_EQ(largest(ask(harness, false)), 1500u);
  EXPECT_EQ(harness.give(too_big4(quoted4(1500, isn4 + 1 + tcp::kOffsetLimit), 1300)), Verdict::icmp_too_big_learned);
  EXPECT_EQ(harness.counters.verdict_sum(), harness.received);
}

}  // namespace
}  // namespace gl::test
