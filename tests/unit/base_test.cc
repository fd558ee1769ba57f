#include <gtest/gtest.h>

#include "lib/base/endian.h"
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
