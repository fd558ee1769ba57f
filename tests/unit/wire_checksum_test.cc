// The checksum against a naive one, the example of RFC 1071, and the incremental update of RFC 1624.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "lib/wire/checksum.h"

namespace gl::wire {
namespace {

// RFC 1071 section 4.1, word by word in network order.
std::uint16_t naive(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0));
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

TEST(Checksum, ExampleOfRfc1071) {
  const std::vector<std::uint8_t> bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(checksum(sum_bytes(bytes)).host(), 0xffff - 0xddf2);
}

TEST(Checksum, EveryLengthAndAlignmentLikeTheNaiveOne) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> bytes(2000);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  for (std::size_t start = 0; start < 9; ++start) {
    for (std::size_t length = 0; length < 200; ++length) {
      const Bytes part = Bytes(bytes).subspan(start, length);
      ASSERT_EQ(checksum(sum_bytes(part)).host(), naive(part)) << start << " " << length;
    }
  }
  EXPECT_EQ(checksum(sum_bytes(bytes)).host(), naive(bytes));
}

// To somewhere else, in place, and to a few bytes before: nothing but the copy is written.
TEST(Checksum, CopiedAndSummedInOnePass) {
  std::mt19937 random(2);
  constexpr std::size_t kFrom = 32;
  for (std::size_t back : {0u, 1u, 2u, 3u, 5u, 7u, 8u, 15u, 32u}) {
    for (std::size_t length = 0; length < 200; ++length) {
      std::vector<std::uint8_t> bytes(kFrom + length + 16);
      for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
      std::vector<std::uint8_t> expected = bytes;
      const std::vector<std::uint8_t> part(bytes.begin() + kFrom,
                                           bytes.begin() + static_cast<std::ptrdiff_t>(kFrom + length));
      std::copy(part.begin(), part.end(), expected.begin() + static_cast<std::ptrdiff_t>(kFrom - back));
      const PartialSum sum = copy_and_sum(bytes.data() + kFrom - back, bytes.data() + kFrom, length, 0);
      ASSERT_EQ(bytes, expected) << back << " " << length;
      ASSERT_EQ(checksum(sum).host(), naive(part)) << back << " " << length;
    }
    std::vector<std::uint8_t> to(200);
    const std::vector<std::uint8_t> from(to.size(), 0xa5);
    const PartialSum sum = copy_and_sum(to.data(), from.data(), from.size() - back, 7);
    EXPECT_EQ(fold(sum), fold(sum_bytes(Bytes(from).first(from.size() - back), 7)));
  }
}

TEST(Checksum, CarriesOfAllOnes) {
  const std::vector<std::uint8_t> ones(65535, 0xff);
  EXPECT_EQ(checksum(sum_bytes(ones)).host(), naive(ones));
}

TEST(Checksum, HoldsOverItsOwnField) {
  std::vector<std::uint8_t> bytes = {0x45, 0, 0, 0x54, 0, 0, 0x40, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
  const Be16 sum = checksum(sum_bytes(bytes));
  std::memcpy(bytes.data() + 10, &sum, 2);
  EXPECT_TRUE(checksum_holds(sum_bytes(bytes)));
  bytes[0] ^= 1;
  EXPECT_FALSE(checksum_holds(sum_bytes(bytes)));
}

TEST(Checksum, PseudoHeadersAreTheirBytes) {
  const std::vector<std::uint8_t> v4 = {192, 0, 2, 1, 198, 51, 100, 7, 0, 17, 1, 44};
  EXPECT_EQ(checksum(pseudo_v4(v4.data(), v4.data() + 4, 17, 300)).host(), naive(v4));
  std::vector<std::uint8_t> v6(40);
  for (std::size_t i = 0; i < 32; ++i) v6[i] = static_cast<std::uint8_t>(i * 7 + 3);
  v6[34] = 1;
  v6[35] = 44;
  v6[39] = 6;
  EXPECT_EQ(checksum(pseudo_v6(v6.data(), v6.data() + 16, 6, 300)).host(), naive(v6));
}

TEST(Checksum, UpdateIsLikeComputingAnew) {
  std::mt19937 random(2);
  std::vector<std::uint8_t> bytes(40);
  for (int round = 0; round < 10000; ++round) {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const Be16 before = checksum(sum_bytes(bytes));
    Be16 old_word, new_word(static_cast<std::uint16_t>(random()));
    std::memcpy(&old_word, bytes.data() + 6, 2);
    std::memcpy(bytes.data() + 6, &new_word, 2);
    ASSERT_EQ(checksum_update(before, old_word, new_word).host(), naive(bytes));
  }
}

}  // namespace
}  // namespace gl::wire
