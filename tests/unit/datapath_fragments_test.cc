// Which fragments are kept: UDP, from a backend, for an address of ours. All others are dropped as ever.
#include <gtest/gtest.h>

#include "tests/unit/pipeline_harness.h"

namespace gl::test {
namespace {

using namespace gl::datapath;

constexpr wire::Ipv4Address kBackend4{{198, 51, 100, 53}};
constexpr wire::Ipv6Address kBackend6{{0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53}};

struct Fragments : ::testing::Test {
  Harness h;
  ReplyOwners owners{{{kBackend4, 53, {}}, {kBackend6, 53, {}}}, 1};
  Fragments() { h.interface.backends = &owners; }

  Verdict v4(const wire::Ipv4Address& from, unsigned protocol, unsigned fragment) {
    return h.give(eth().ipv4({.from = from, .protocol = protocol, .fragment = fragment}).upper(Buffer(64, 1)));
  }
  Verdict v6(const wire::Ipv6Address& from, unsigned protocol, unsigned field, const Buffer& before = {}) {
    Ipv6 ip;
    ip.from = from;
    ip.first_extension = before.empty() ? 44 : 60;
    ip.extensions = before;
    put(ip.extensions, Buffer{static_cast<std::uint8_t>(protocol), 0});
    put16(ip.extensions, field);
    put32(ip.extensions, 77);
    return h.give(eth().ipv6(ip).upper(Buffer(64, 1)));
  }
};

TEST_F(Fragments, OfABackendAreKept) {
  EXPECT_EQ(v4(kBackend4, 17, 0x2000), Verdict::fragment_kept) << "first";
  EXPECT_EQ(v4(kBackend4, 17, 0x2005), Verdict::fragment_kept) << "in between";
  EXPECT_EQ(v4(kBackend4, 17, 0x0005), Verdict::fragment_kept) << "last";
  EXPECT_EQ(v6(kBackend6, 17, 1), Verdict::fragment_kept);
  EXPECT_EQ(v6(kBackend6, 17, 0x41), Verdict::fragment_kept);
  EXPECT_EQ(v6(kBackend6, 17, 0x40), Verdict::fragment_kept);
}

TEST_F(Fragments, OfOthersAreDropped) {
  EXPECT_EQ(v4(kClient4, 17, 0x2000), Verdict::drop_ipv4_fragment);
  EXPECT_EQ(v6(kClient6, 17, 1), Verdict::drop_ipv6_fragment);
}

TEST_F(Fragments, OfOtherProtocolsAreDropped) {
  EXPECT_EQ(v4(kBackend4, 6, 0x2000), Verdict::drop_ipv4_fragment);
  EXPECT_EQ(v4(kBackend4, 1, 0x2000), Verdict::drop_ipv4_fragment);
  EXPECT_EQ(v6(kBackend6, 6, 1), Verdict::drop_ipv6_fragment);
  EXPECT_EQ(v6(kBackend6, 58, 1), Verdict::drop_ipv6_fragment);
}

TEST_F(Fragments, BehindOtherExtensionHeadersAreDropped) {
  EXPECT_EQ(v6(kBackend6, 17, 1, {44, 0, 1, 4, 0, 0, 0, 0}), Verdict::drop_ipv6_fragment);
}

TEST_F(Fragments, AtomicOnesAreWhole) {
  EXPECT_NE(v6(kBackend6, 17, 0), Verdict::fragment_kept);
  EXPECT_NE(v4(kBackend4, 17, 0x4000), Verdict::fragment_kept);
}

TEST_F(Fragments, WithoutForwardingNoneIsKept) {
  h.interface.backends = nullptr;
  EXPECT_EQ(v4(kBackend4, 17, 0x2000), Verdict::drop_ipv4_fragment);
  EXPECT_EQ(v6(kBackend6, 17, 1), Verdict::drop_ipv6_fragment);
}

}  // namespace
}  // namespace gl::test
