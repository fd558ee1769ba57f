// Which request a frame seems to have: of every kind of frame, and of one that is cut anywhere.
#include "lib/worker/look_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "tests/unit/frame_builder.h"

namespace gl::worker {
namespace {

using test::Buffer;

const Buffer kMessage = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'c', 'o', 'm', 0, 0, 1, 0, 1};
const Buffer kPrefixed = test::operator+({0, 21}, kMessage);

const Registry::Ahead kDns{nullptr, 53, 2};
const Registry::Ahead kOther{nullptr, 54, 2};

struct Kind {
  const char* what;
  Buffer frame;
};
std::vector<Kind> kinds() {
  const test::Tcp data{.flags = 0x18, .options = Buffer{1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8}};
  return {
      {"UDP", test::eth().ipv4().udp(kMessage)},
      {"UDP, IPv6", test::eth().ipv6().udp(kMessage)},
      {"UDP in a VLAN", test::eth().vlan(7).ipv4().udp(kMessage)},
      {"IPv4 options", test::eth().ipv4({.options = Buffer(8, 1)}).udp(kMessage)},
      {"TCP", test::eth().ipv4({.protocol = 6}).tcp(data, kPrefixed)},
      {"TCP, IPv6", test::eth().ipv6({.protocol = 6}).tcp(data, kPrefixed)},
  };
}

TEST(RequestIn, IsWhatTheStagesWillFind) {
  for (const Kind& kind : kinds()) {
    const Bytes found = request_in(kind.frame, kDns);
    ASSERT_GE(found.size(), kMessage.size()) << kind.what;
    EXPECT_TRUE(std::equal(kMessage.begin(), kMessage.end(), found.begin())) << kind.what;
    EXPECT_TRUE(request_in(kind.frame, kOther).empty()) << kind.what;
  }
}

TEST(RequestIn, StaysInsideOfTheFrame) {
  for (const Kind& kind : kinds()) {
    for (std::size_t length = 0; length <= kind.frame.size(); ++length) {
      const auto exact = std::make_unique<std::uint8_t[]>(length);
      std::copy_n(kind.frame.begin(), length, exact.get());
      for (unsigned wrong = 0; wrong < 256; wrong += 15) {
        if (length > 14) exact[14] = static_cast<std::uint8_t>(wrong);  // IPv4's header length, among others
        if (length > 46) exact[46] = static_cast<std::uint8_t>(wrong);  // TCP's over IPv4
        if (length > 66) exact[66] = static_cast<std::uint8_t>(wrong);  // and over IPv6
        const Bytes found = request_in({exact.get(), length}, kDns);
        EXPECT_TRUE(found.empty() || found.data() + found.size() <= exact.get() + length) << kind.what;
      }
    }
  }
}

TEST(RequestIn, OfOtherFramesThereIsNone) {
  EXPECT_TRUE(request_in(test::eth().ipv4().sealed(1, test::udp(kMessage), 2), kDns).empty());
  EXPECT_TRUE(request_in(Buffer(60), kDns).empty());
}

}  // namespace
}  // namespace gl::worker
