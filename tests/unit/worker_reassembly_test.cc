// Fragments of replies: put together in any order, refused where they lie over one another, forgotten in time; and no
// buffer is ever lost.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>

#include "lib/worker/reassembly.h"
#include "tests/unit/eal_support.h"

namespace gl::worker {
namespace {

using namespace gl::test;

constexpr std::uint64_t kPerMs = 1000;  // cycles

struct ReassemblyTest : ::testing::Test {
  std::unique_ptr<dpdk::MbufPool> pool;
  Counter dropped;
  std::unique_ptr<Reassembly> reassembly;
  std::uint64_t now = 1;
  Buffer payload;  // of IP

  void SetUp() override {
    start_eal();
    pool = std::make_unique<dpdk::MbufPool>(make_pool(4096));
    auto made = Reassembly::create(-1, kPerMs, dropped);
    ASSERT_TRUE(made.ok()) << made.error();
    reassembly = std::move(*made);
  }
  void TearDown() override {
    reassembly.reset();
    EXPECT_EQ(in_use(*pool), 0u) << "every buffer comes back";
  }
  void make_payload(std::size_t length) {
    payload.resize(length);
    std::iota(payload.begin(), payload.end(), std::uint8_t{1});
  }
  // The piece [from, from + length) of the payload as a frame.
  [[nodiscard]] Buffer v4(std::size_t from, std::size_t length, unsigned id = 0x1234) const {
    Ipv4 ip;
    ip.fragment = static_cast<unsigned>(from / 8 | (from + length < payload.size() ? 0x2000 : 0));
    Buffer packet = ip(piece(from, length));
    packet[4] = static_cast<std::uint8_t>(id >> 8);
    packet[5] = static_cast<std::uint8_t>(id);
    return eth().upper(0x0800, packet);
  }
  [[nodiscard]] Buffer v6(std::size_t from, std::size_t length) const {
    Ipv6 ip;
    ip.first_extension = 44;
    ip.extensions = {17, 0};
    put16(ip.extensions, static_cast<unsigned>(from | (from + length < payload.size() ? 1 : 0)));
    put32(ip.extensions, 0xabcdef01);
    return eth().ipv6(ip).upper(piece(from, length));
  }
  [[nodiscard]] Buffer piece(std::size_t from, std::size_t length) const {
    const auto begin = payload.begin() + static_cast<std::ptrdiff_t>(from);
    return {begin, begin + static_cast<std::ptrdiff_t>(std::min(length, payload.size() - from))};
  }
  // The whole frame's bytes where this completes one.
  Buffer give(const Buffer& frame) {
    rte_mbuf* const whole = reassembly->take(mbuf_of(*pool, frame), now);
    if (whole == nullptr) return {};
    const MutableBytes bytes = reassembly->linear(whole);
    Buffer found(bytes.begin(), bytes.end());
    EXPECT_EQ(found, bytes_of(whole));
    rte_pktmbuf_free(whole);
    return found;
  }
  // Behind `headers` bytes.
  void expect_whole(const Buffer& found, std::size_t headers) const {
    ASSERT_EQ(found.size(), headers + payload.size());
    EXPECT_TRUE(std::equal(payload.begin(), payload.end(), found.begin() + static_cast<std::ptrdiff_t>(headers)));
  }
};

TEST_F(ReassemblyTest, Ipv4InEveryOrder) {
  make_payload(3 * 1480 - 100);
  std::array<std::size_t, 3> order{0, 1480, 2960};
  unsigned id = 1;
  do {
    Buffer found;
    for (const std::size_t at : order) {
      EXPECT_TRUE(found.empty());
      found = give(v4(at, 1480, id));
    }
    ++id;
    expect_whole(found, 14 + 20);
    EXPECT_EQ(get16(found, 14 + 2), 20 + payload.size());
    EXPECT_EQ(get16(found, 14 + 6) & 0x3fff, 0u) << "a whole is no fragment";
  } while (std::next_permutation(order.begin(), order.end()));
  EXPECT_EQ(dropped.value(), 0u);
}

TEST_F(ReassemblyTest, Ipv6WithoutItsFragmentHeader) {
  make_payload(2 * 1448 + 5);
  EXPECT_TRUE(give(v6(2896, 1448)).empty());
  EXPECT_TRUE(give(v6(0, 1448)).empty());
  const Buffer found = give(v6(1448, 1448));
  expect_whole(found, 14 + 40);
  EXPECT_EQ(get16(found, 14 + 4), payload.size());
  EXPECT_EQ(found[14 + 6], 17) << "next header";
}

TEST_F(ReassemblyTest, AsManyFragmentsAsItSays) {
  make_payload(max_reassembled(1500, false) + 8);
  EXPECT_EQ(payload.size(), Reassembly::kFragments * 1480u);
  Buffer found;
  for (std::size_t at = 0; at < payload.size(); at += 1480) found = give(v4(at, 1480));
  expect_whole(found, 14 + 20);
  make_payload(max_reassembled(1500, true) + 8);
  for (std::size_t at = 0; at < payload.size(); at += 1448) found = give(v6(at, 1448));
  expect_whole(found, 14 + 40);
  EXPECT_EQ(dropped.value(), 0u);
}

TEST_F(ReassemblyTest, OneFragmentMoreIsTooMany) {
  make_payload((Reassembly::kFragments + 1) * 1480);
  for (std::size_t at = 0; at < payload.size(); at += 1480) EXPECT_TRUE(give(v4(at, 1480)).empty());
  EXPECT_EQ(dropped.value(), Reassembly::kFragments) << "the last one begins anew";
}

TEST_F(ReassemblyTest, OverlappingFragmentsAreNobodys) {
  make_payload(1600);
  EXPECT_TRUE(give(v4(0, 800)).empty());
  EXPECT_TRUE(give(v4(400, 800)).empty());
  EXPECT_TRUE(give(v4(1200, 400)).empty());
  EXPECT_GT(dropped.value(), 0u);
}

TEST_F(ReassemblyTest, PaddingIsNoPartOfTheWhole) {
  make_payload(1480 + 6);
  EXPECT_TRUE(give(v4(1480, 1480) + Buffer(40, 0xee)).empty());
  expect_whole(give(v4(0, 1480)), 14 + 20);
}

TEST_F(ReassemblyTest, BehindAVlanTag) {
  make_payload(2000);
  const auto tagged = [&](std::size_t at) {
    const Buffer frame = v4(at, 1480);
    return eth().vlan(5).upper(0x0800, {frame.begin() + 14, frame.end()});
  };
  EXPECT_TRUE(give(tagged(0)).empty());
  expect_whole(give(tagged(1480)), 18 + 20);
}

TEST_F(ReassemblyTest, LongerThanADatagramCanBe) {
  make_payload(65535);
  EXPECT_TRUE(give(v4(64096, 1480)).empty()) << "ends beyond 65,515";
  EXPECT_EQ(dropped.value(), 1u);
}

TEST_F(ReassemblyTest, PiecesThatNoFragmentHas) {
  make_payload(3000);
  EXPECT_TRUE(give(v4(0, 1477)).empty()) << "not a multiple of 8, and not the last";
  payload.resize(1480);
  EXPECT_TRUE(give(v4(1480, 0)).empty()) << "nothing in it";
  EXPECT_EQ(dropped.value(), 2u);
}

TEST_F(ReassemblyTest, AfterASecondItIsTooLate) {
  make_payload(2000);
  EXPECT_TRUE(give(v4(0, 1480)).empty());
  now += Reassembly::kTimeoutMs * kPerMs + 1;
  EXPECT_TRUE(give(v4(1480, 1480)).empty());
  EXPECT_EQ(dropped.value(), 1u) << "the first; the second begins anew";
  expect_whole(give(v4(0, 1480)), 14 + 20);
}

TEST_F(ReassemblyTest, AFullTableKeepsWhatItHasAndRecovers) {
  make_payload(2000);
  for (unsigned id = 0; id < 4 * Reassembly::kDatagrams; ++id) EXPECT_TRUE(give(v4(0, 1480, id)).empty());
  EXPECT_GE(dropped.value(), 3u * Reassembly::kDatagrams);
  EXPECT_LE(in_use(*pool), Reassembly::kMbufs);
  now += Reassembly::kTimeoutMs * kPerMs + 1;
  EXPECT_TRUE(give(v4(0, 1480, 0x9999)).empty());
  expect_whole(give(v4(1480, 1480, 0x9999)), 14 + 20);
}

// Whatever comes, no buffer is lost and nothing is read beyond the frames.
TEST_F(ReassemblyTest, RandomPieces) {
  std::mt19937 random(7);
  make_payload(12000);
  for (unsigned i = 0; i < 20000; ++i) {
    const std::size_t from = random() % 1400 * 8;
    const std::size_t length = 1 + random() % 1400;
    now += random() % 20 * kPerMs;
    give(random() % 2 == 0 ? v4(from, length, static_cast<unsigned>(random() % 50)) : v6(from, length));
    ASSERT_LE(in_use(*pool), Reassembly::kMbufs);
  }
  EXPECT_GT(dropped.value(), 0u);
}

TEST(MaxReassembled, IsWhatFitsTheFragments) {
  static_assert(Reassembly::kFragments == 8);
  EXPECT_EQ(max_reassembled(1500, false), 8u * 1480 - 8);
  EXPECT_EQ(max_reassembled(1500, true), 8u * 1448 - 8);
  EXPECT_EQ(max_reassembled(1280, true), 8u * 1232 - 8);
  EXPECT_EQ(max_reassembled(9000, false), 65535u - 20 - 8);
  EXPECT_EQ(max_reassembled(9000, true), 65535u - 8);
}

}  // namespace
}  // namespace gl::worker
