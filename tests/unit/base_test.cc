#include <gtest/gtest.h>

#include "lib/base/endian.h"
#include "lib/base/growing_array.h"
#include "lib/base/result.h"
#include "lib/wire/seqnum.h"

namespace gl {
namespace {

TEST(Endian, FieldsLieBigEndianInMemory) {
  const Be32 field(0x01020304);
  const std::uint8_t expected[4] = {1, 2, 3, 4};
  EXPECT_EQ(std::memcmp(&field, expected, 4), 0);
  EXPECT_EQ(field.host(), 0x01020304u);
}

TEST(Endian, LoadAndStoreAtOddAddresses) {
  std::uint8_t bytes[9] = {};
  store_be<std::uint16_t>(bytes + 1, 0xabcd);
  store_be<std::uint32_t>(bytes + 3, 0x12345678);
  EXPECT_EQ(bytes[1], 0xab);
  EXPECT_EQ(bytes[6], 0x78);
  EXPECT_EQ(load_be<std::uint16_t>(bytes + 1), 0xabcd);
  EXPECT_EQ(load_be<std::uint32_t>(bytes + 3), 0x12345678u);
}

TEST(GrowingArray, KeepsWhatItHoldsWhileItGrows) {
  GrowingArray<std::uint32_t> array;
  constexpr std::uint32_t kMany = 5'000'000;  // 20 MB: beyond where huge pages begin
  for (std::uint32_t i = 0; i < kMany; ++i) array.push_back(i * 7);
  ASSERT_EQ(array.size(), kMany);
  for (std::uint32_t i = 0; i < kMany; ++i) ASSERT_EQ(array[i], i * 7) << i;
  const std::uint32_t more[] = {1, 2, 3};
  array.append(more, 3);
  array.append(nullptr, 0);
  EXPECT_EQ(array.back(), 3u);
  array.resize(kMany);
  array.resize(kMany + 2);
  EXPECT_EQ(array[kMany], 0u) << "what comes anew is zero";
  GrowingArray<std::uint32_t> moved = std::move(array);
  EXPECT_EQ(moved[kMany - 1], (kMany - 1) * 7);
}

TEST(SeqNum, ComparesAcrossTheWrap) {
  using wire::SeqNum;
  EXPECT_TRUE(before(SeqNum(0xfffffff0), SeqNum(5)));
  EXPECT_FALSE(before(SeqNum(5), SeqNum(0xfffffff0)));
  EXPECT_EQ(SeqNum(5) - SeqNum(0xfffffffb), 10u);
  EXPECT_EQ(SeqNum(0xffffffff) + 1, SeqNum(0));
}

TEST(Result, CarriesAValueOrOneLine) {
  const Result<int> good = 7;
  const Result<int> bad = Error{"zone.db:3: no SOA"};
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(*good, 7);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error(), "zone.db:3: no SOA");
}

}  // namespace
}  // namespace gl
