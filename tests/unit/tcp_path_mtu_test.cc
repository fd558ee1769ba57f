// The table of learnt path MTUs.
#include "lib/tcp/path_mtu.h"

#include <gtest/gtest.h>

namespace gl::tcp {
namespace {

FlowKey flow_of(std::uint32_t client, std::uint16_t port = 1000) {
  std::array<std::uint8_t, 4> address;
  store_be(address.data(), client);
  const std::array<std::uint8_t, 4> server = {192, 0, 2, 1};
  return FlowKey::v4(address.data(), server.data(), Be16(port), Be16(53));
}

TEST(PathMtu, KnowsAddressesNotPorts) {
  PathMtuTable table;
  EXPECT_EQ(table.mss(flow_of(1), 5), 0xffff);
  table.learn(flow_of(1).client(), 1400, 5);
  EXPECT_EQ(table.mss(flow_of(1, 2000), 5), 1360);
  EXPECT_EQ(table.mss(flow_of(2), 5), 0xffff);
}

TEST(PathMtu, LowersOnlyUntilItForgets) {
  PathMtuTable table;
  table.learn(flow_of(1).client(), 1400, 100);
  table.learn(flow_of(1).client(), 1450, 150);
  EXPECT_EQ(table.mss(flow_of(1), 150), 1360);
  table.learn(flow_of(1).client(), 100, 200);
  EXPECT_EQ(table.mss(flow_of(1), 200), kMinPathMtuV4 - 40);
  EXPECT_EQ(table.mss(flow_of(1), 200 + kPathMtuLifetime - 1), kMinPathMtuV4 - 40);
  EXPECT_EQ(table.mss(flow_of(1), 200 + kPathMtuLifetime), 0xffff);
  table.learn(flow_of(2).client(), 1400, 200 + kPathMtuLifetime);  // another entry does not wake it
  EXPECT_EQ(table.mss(flow_of(1), 200 + kPathMtuLifetime), 0xffff);
  table.learn(flow_of(1).client(), 1450, 200 + kPathMtuLifetime);
  EXPECT_EQ(table.mss(flow_of(1), 200 + kPathMtuLifetime), 1410);
}

TEST(PathMtu, KeepsWhatIsNewInAFixedPlace) {
  PathMtuTable table;
  for (std::uint32_t client = 0; client < 100000; ++client) {
    table.learn(flow_of(client).client(), 1400, client / 1000);
    ASSERT_EQ(table.mss(flow_of(client), client / 1000), 1360);
  }
  unsigned kept = 0;
  for (std::uint32_t client = 0; client < 100000; ++client) kept += table.mss(flow_of(client), 100) == 1360 ? 1u : 0u;
  EXPECT_GE(kept, 200u);  // 256 places; an address whose hash is another's counts for it
  EXPECT_LE(kept, 300u);
}

TEST(PathMtu, V6) {
  PathMtuTable table;
  const std::array<std::uint8_t, 16> client{1}, other{2}, server{3};
  const FlowKey flow = FlowKey::v6(client.data(), server.data(), Be16(1), Be16(53));
  table.learn(flow.client(), 1400, 0);
  EXPECT_EQ(table.mss(flow, 0), 1340);
  EXPECT_EQ(table.mss(FlowKey::v6(other.data(), server.data(), Be16(1), Be16(53)), 0), 0xffff);
}

// An off-path sender who guesses the quoted sequence number.
TEST(PathMtu, GuessesRarelyPass) {
  CookieKeys keys;
  keys.by_parity[0].fill(3);
  keys.by_parity[1].fill(4);
  unsigned passed = 0;
  constexpr unsigned kTries = 1 << 20;
  for (std::uint32_t i = 0; i < kTries; ++i) {
    passed += sent_by_us(keys, {flow_of(i), SeqNum(i * 2654435761u), std::nullopt}) ? 1u : 0u;
  }
  EXPECT_LT(passed, kTries / 1024);  // one in 2^11 on average
  EXPECT_GT(passed, kTries / 4096);
}

}  // namespace
}  // namespace gl::tcp
