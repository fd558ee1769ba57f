// Our SipHash beside libsodium's.
#include "lib/base/sip_hash.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <random>
#include <vector>

namespace {

using namespace gl;

class SipHashTest : public testing::Test {
 protected:
  SipHashTest() {
    for (std::uint8_t& byte : key_) byte = random_byte();
  }
  std::uint8_t random_byte() { return static_cast<std::uint8_t>(random_()); }
  std::vector<std::uint8_t> random_bytes(std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    std::ranges::generate(bytes, [this] { return random_byte(); });
    return bytes;
  }
  // In pieces of random length.
  template <unsigned kWords>
  std::array<std::uint64_t, kWords> of(Bytes input) {
    SipHash<kWords> hash(key_);
    while (!input.empty()) {
      const std::size_t piece = std::min<std::size_t>(input.size(), random_() % 20);
      hash.add(input.first(piece));
      input = input.subspan(piece);
    }
    return hash.finish();
  }

  std::mt19937 random_{1};
  SipHashKey key_;
};

TEST_F(SipHashTest, ResultsAreThoseOfLibsodium) {
  for (std::size_t size = 0; size < 600; ++size) {
    const auto input = random_bytes(size);
    std::array<std::uint64_t, 1> one;
    crypto_shorthash_siphash24(reinterpret_cast<std::uint8_t*>(one.data()), input.data(), size, key_.data());
    EXPECT_EQ(of<1>(input), one) << size;
    std::array<std::uint64_t, 2> two;
    crypto_shorthash_siphashx24(reinterpret_cast<std::uint8_t*>(two.data()), input.data(), size, key_.data());
    EXPECT_EQ(of<2>(input), two) << size;
  }
}

TEST_F(SipHashTest, NumbersAreTheirBytes) {
  SipHash<1> numbers(key_);
  numbers.add(std::uint32_t{0x04030201});
  numbers.add(std::uint64_t{0x0c0b0a0908070605});
  EXPECT_EQ(numbers.finish(), of<1>(std::array<std::uint8_t, 12>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
}

}  // namespace
