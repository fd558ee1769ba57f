#include "lib/tcp/cookie.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace gl::tcp {
namespace {

CookieKeys keys() {
  CookieKeys keys;
  for (std::size_t i = 0; i < 16; ++i) {
    keys.by_parity[0][i] = static_cast<std::uint8_t>(i);
    keys.by_parity[1][i] = static_cast<std::uint8_t>(0xf0 + i);
  }
  return keys;
}

FlowKey flow(std::uint16_t port, bool v6 = false) {
  const std::uint8_t client[16] = {0x20, 1, 0xd, 0xb8, 1};
  const std::uint8_t server[16] = {0x20, 1, 0xd, 0xb8, 2};
  return v6 ? FlowKey::v6(client, server, Be16(port), Be16(53)) : FlowKey::v4(client, server, Be16(port), Be16(53));
}

class Cookie : public ::testing::TestWithParam<bool> {};

// The bytes on the wire, hashed by libsodium.
TEST_P(Cookie, MacIsThatOfLibsodium) {
  std::mt19937 random(41);
  const auto libsodium = [](const SipKey& key, const std::vector<std::uint8_t>& input) {
    std::array<std::uint8_t, crypto_shorthash_siphash24_BYTES> digest{};
    crypto_shorthash_siphash24(digest.data(), input.data(), input.size(), key.data());
    return load_be<std::uint32_t>(digest.data());
  };
  for (int i = 0; i < 1000; ++i) {
    SipKey key;
    std::vector<std::uint8_t> input(GetParam() ? 36 : 12);
    for (auto& byte : key) byte = static_cast<std::uint8_t>(random());
    for (auto& byte : input) byte = static_cast<std::uint8_t>(random());
    FlowKey f;
    f.offset = GetParam() ? 0 : 24;
    std::copy(input.begin(), input.end(), f.bytes.begin() + f.offset);
    EXPECT_EQ(detail::mac32(key, f), libsodium(key, input));
    const auto isn = static_cast<std::uint32_t>(random());
    for (const unsigned shift : {24u, 16u, 8u, 0u}) input.push_back(static_cast<std::uint8_t>(isn >> shift));
    EXPECT_EQ(detail::mac32(key, f, SeqNum(isn)), libsodium(key, input));
  }
}

TEST_P(Cookie, TellsHowFarTheClientHasRead) {
  const CookieKeys k = keys();
  for (std::uint16_t port = 1024; port < 3024; ++port) {
    const FlowKey f = flow(port, GetParam());
    const SeqNum isn = make_isn(k, f, static_cast<std::uint8_t>(port & 7), std::nullopt);
    for (std::uint32_t off : {0u, 1u, 500u, kOffsetLimit - 1, kOffsetLimit}) {
      const auto accepted = check_ack(k, f, isn + 1 + off, std::nullopt);
      ASSERT_TRUE(accepted);
      EXPECT_EQ(accepted->ack_offset, off);
      EXPECT_EQ(accepted->isn, isn);
      EXPECT_EQ(accepted->mss_class, port & 7);
      EXPECT_FALSE(accepted->old_epoch);
    }
    EXPECT_FALSE(check_ack(k, f, isn, std::nullopt));
    EXPECT_FALSE(check_ack(k, f, isn + 2 + kOffsetLimit, std::nullopt));
  }
}

TEST_P(Cookie, BindsTheClientsIsnWhereItIsGiven) {
  const CookieKeys k = keys();
  const FlowKey f = flow(4000, GetParam());
  const SeqNum isn = make_isn(k, f, 3, SeqNum(77));
  ASSERT_TRUE(check_ack(k, f, isn + 1, SeqNum(77)));
  EXPECT_FALSE(check_ack(k, f, isn + 1, SeqNum(78)));
  EXPECT_FALSE(check_ack(k, f, isn + 1, std::nullopt));
}

TEST_P(Cookie, OutlivesOneChangeOfEpochAndNoMore) {
  CookieKeys k = keys();
  const FlowKey f = flow(4001, GetParam());
  const SeqNum isn = make_isn(k, f, 5, std::nullopt);
  k.current = 1;
  const auto accepted = check_ack(k, f, isn + 10, std::nullopt);
  ASSERT_TRUE(accepted);
  EXPECT_TRUE(accepted->old_epoch);
  k.by_parity[0][0] ^= 1;
  k.current = 0;
  EXPECT_FALSE(check_ack(k, f, isn + 10, std::nullopt));
}

INSTANTIATE_TEST_SUITE_P(Families, Cookie, ::testing::Bool(),
                         [](const auto& given) { return given.param ? "v6" : "v4"; });

TEST(Mss, IsRoundedDownToAClass) {
  EXPECT_FALSE(mss_class(63));
  EXPECT_EQ(*mss_class(64), 0);
  EXPECT_EQ(*mss_class(535), 1);
  EXPECT_EQ(*mss_class(1459), 5);
  EXPECT_EQ(*mss_class(65535), 7);
}

}  // namespace
}  // namespace gl::tcp
