// --vlan: lists of VLANs, and what is none.
#include <gtest/gtest.h>

#include "lib/control/options/parse_value.h"

namespace gl::control {
namespace {

TEST(Vlans, Lists) {
  const auto one = parse_vlans("10");
  ASSERT_TRUE(one) << one.error();
  EXPECT_EQ(one->ids, std::vector<std::uint16_t>({10}));
  EXPECT_FALSE(one->port);
  const auto more = parse_vlans("untagged,1,4094@3");
  ASSERT_TRUE(more) << more.error();
  EXPECT_EQ(more->ids, std::vector<std::uint16_t>({0, 1, 4094}));
  EXPECT_EQ(more->port, 3);
}

TEST(Vlans, WrongOnesAreRefused) {
  for (const char* const text : {"", "0", "4095", "x", "10,", ",10", "@1", "Untagged", "10;20"}) {
    const auto parsed = parse_vlans(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().find("is not a list"), std::string::npos) << parsed.error();
  }
  EXPECT_FALSE(parse_vlans("10@"));
  EXPECT_FALSE(parse_vlans("10@x"));
}

}  // namespace
}  // namespace gl::control
