#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "lib/dns/tcp_framing.h"

namespace {

using namespace gl;
using namespace gl::dns;
using Kind = Framed::Kind;
using Wire = std::vector<std::uint8_t>;

Wire message() {
  return {0, 1, 1, 0, 0, 1,  0, 0,   0, 0, 0, 1, 3, 'c', 'o', 'm', 0, 0,
          1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 3,   9,   9,   9};
}

Wire framed(std::size_t declared, std::size_t present) {
  Wire w(2 + present, 7);
  w[0] = static_cast<std::uint8_t>(declared >> 8);
  w[1] = static_cast<std::uint8_t>(declared);
  return w;
}

TEST(Framing, ByLengthPrefix) {
  EXPECT_EQ(next_message({}, false).kind, Kind::incomplete);
  EXPECT_EQ(next_message(Wire{0}, false).kind, Kind::incomplete);
  EXPECT_EQ(next_message(framed(30, 0), false).kind, Kind::prefix_only);
  for (std::size_t n = 1; n < 30; ++n) EXPECT_EQ(next_message(framed(30, n), false).kind, Kind::incomplete) << n;
  const Wire whole = framed(30, 30);
  const Framed one = next_message(whole, false);
  EXPECT_EQ(one.kind, Kind::complete);
  EXPECT_EQ(one.consumed, 32U);
  EXPECT_EQ(one.request.size(), 30U);
  EXPECT_EQ(one.request.data(), whole.data() + 2);
  EXPECT_EQ(next_message(framed(30, 90), false).consumed, 32U);
}

TEST(Framing, LengthsThatCannotBe) {
  for (std::size_t n = 0; n < 12; ++n) EXPECT_EQ(next_message(framed(n, 0), false).kind, Kind::malformed) << n;
  EXPECT_EQ(next_message(framed(12, 0), false).kind, Kind::prefix_only);
  EXPECT_EQ(next_message(framed(4092, 0), false).kind, Kind::prefix_only);
  EXPECT_EQ(next_message(framed(4093, 0), false).kind, Kind::malformed);
  EXPECT_EQ(next_message(framed(4094, 4094), false).kind, Kind::malformed);
  EXPECT_EQ(next_message(framed(65535, 3), false).kind, Kind::malformed);
}

TEST(BareFraming, FindsTheEndByWalkingRecords) {
  Wire m = message();
  for (std::size_t n = 0; n < m.size(); ++n) {
    EXPECT_EQ(next_message(Bytes(m).first(n), true).kind, Kind::incomplete) << n;
  }
  const Framed whole = next_message(m, true);
  EXPECT_EQ(whole.kind, Kind::complete);
  EXPECT_EQ(whole.consumed, m.size());
  const std::size_t size = m.size();
  m.insert(m.end(), {0, 20, 1, 2, 3});
  EXPECT_EQ(next_message(m, true).consumed, size);
}

TEST(BareFraming, GivesUpOnWhatCannotEnd) {
  Wire counts = message();
  counts[6] = 0xff;  // 65280 answers: more than the window holds
  EXPECT_EQ(next_message(counts, true).kind, Kind::malformed);
  Wire label = message();
  label[12] = 0x41;
  EXPECT_EQ(next_message(label, true).kind, Kind::malformed);
  Wire rdlength = message();
  rdlength[30] = 0x20;  // runs past the window; told apart only once the window is full
  EXPECT_EQ(next_message(rdlength, true).kind, Kind::incomplete);
  rdlength.resize(4092);
  EXPECT_EQ(next_message(rdlength, true).kind, Kind::malformed);
  rdlength.resize(5000);
  EXPECT_EQ(next_message(rdlength, true).kind, Kind::malformed);
}

TEST(Framing, HostileBytesStayInBounds) {
  std::mt19937 random(3);
  for (int round = 0; round < 50000; ++round) {
    Wire w(random() % 80);
    for (auto& b : w) b = static_cast<std::uint8_t>(random() % 3 == 0 ? random() : random() % 3);
    for (const bool prefix_consumed : {false, true}) {
      const Framed f = next_message(w, prefix_consumed);
      if (f.kind != Kind::complete) continue;
      ASSERT_LE(f.consumed, w.size());
      ASSERT_GE(f.request.size(), 12U);
      ASSERT_LE(f.consumed, 4094U);
    }
  }
}

}  // namespace
