// Server cookies: the vectors of RFC 9018 appendix A, lengths, clocks, and secrets that are rotated.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lib/base/endian.h"
#include "lib/dns/server_cookie.h"

namespace gl::dns {
namespace {

using Wire = std::vector<std::uint8_t>;

Wire unhex(const std::string& text) {
  Wire bytes(text.size() / 2);
  EXPECT_EQ(sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, nullptr, nullptr), 0);
  return bytes;
}

Wire address(const std::string& text) {
  Wire bytes(text.find(':') == std::string::npos ? 4 : 16);
  EXPECT_EQ(inet_pton(bytes.size() == 4 ? AF_INET : AF_INET6, text.c_str(), bytes.data()), 1);
  return bytes;
}

CookieSecret secret(const std::string& text) {
  const Wire bytes = unhex(text);
  CookieSecret to{};
  std::copy_n(bytes.begin(), to.size(), to.begin());
  return to;
}

Wire made(const CookieSecret& key, const Wire& client_cookie, const Wire& client, std::uint32_t time) {
  Wire cookie(kCookieSize);
  write_cookie(key, client_cookie.data(), client, time, cookie.data());
  return cookie;
}

const CookieSecret kSecret = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
const Wire kClient = address("198.51.100.100");
const Wire kClientCookie = unhex("2464c4abcf10c957");
const Wire kCookie = unhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
constexpr std::uint32_t kMade = 1559731985;

CheckedCookie check(const Wire& option, std::uint32_t now, const Wire& client = kClient,
                    const CookieSecrets& secrets = {kSecret}) {
  return check_cookie(secrets, option, client, now);
}

TEST(ServerCookie, LearntForTheFirstTime) {  // RFC 9018 A.1
  EXPECT_EQ(check(kClientCookie, kMade).standing, CookieStanding::client_only);
  EXPECT_EQ(made(kSecret, kClientCookie, kClient, kMade), kCookie);
  EXPECT_EQ(check(kCookie, kMade).standing, CookieStanding::valid);
  EXPECT_TRUE(check(kCookie, kMade).fresh);
}

TEST(ServerCookie, RenewedAfterFortyMinutes) {  // A.2
  constexpr std::uint32_t kNow = 1559734385;
  EXPECT_EQ(check(kCookie, kNow).standing, CookieStanding::valid);
  EXPECT_FALSE(check(kCookie, kNow).fresh);
  EXPECT_EQ(made(kSecret, kClientCookie, kClient, kNow), unhex("2464c4abcf10c957010000005cf7a871d4a564a1442aca77"));
}

TEST(ServerCookie, ReservedBytesAreHashedAndCleared) {  // A.3
  constexpr std::uint32_t kNow = 1559734700;
  const Wire client = address("203.0.113.203");
  const Wire old = unhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
  // The RFC shows it 6,715 s later, as valid, which its own section 4.3 does not allow. Within the hour it is.
  EXPECT_EQ(check(old, kNow, client).standing, CookieStanding::invalid);
  EXPECT_EQ(check(old, 1559727985 + 1000, client).standing, CookieStanding::valid);
  EXPECT_FALSE(check(old, 1559727985 + 1000, client).fresh);
  EXPECT_EQ(made(kSecret, old, client, kNow), unhex("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"));
}

TEST(ServerCookie, Ipv6AndASecretThatWasRotated) {  // A.4
  const CookieSecrets secrets{secret("445536bcd2513298075a5d379663c962"), secret("dd3bdf9344b678b185a6f5cb60fca715"),
                              true};
  constexpr std::uint32_t kNow = 1559741961;
  const Wire client = address("2001:db8:220:1:59de:d0f4:8769:82b8");
  const Wire old = unhex("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
  EXPECT_EQ(check(old, kNow, client, secrets).standing, CookieStanding::valid);
  EXPECT_FALSE(check(old, kNow, client, secrets).fresh) << "the client is to learn the new secret's";
  EXPECT_EQ(made(secrets.current, old, client, kNow), unhex("22681ab97d52c298010000005cf7c609a6bb79d16625507a"));
  EXPECT_EQ(check(old, kNow, client, {secrets.current, secrets.other, false}).standing, CookieStanding::invalid);
}

// RFC 7873 section 5.2.2.
TEST(ServerCookie, EveryLength) {
  for (std::size_t length = 0; length < 60; ++length) {
    Wire option = kCookie;
    option.resize(length);
    const CookieStanding wanted = length == 8                  ? CookieStanding::client_only
                                  : length < 16 || length > 40 ? CookieStanding::malformed
                                  : length == 24               ? CookieStanding::valid
                                                               : CookieStanding::invalid;
    EXPECT_EQ(check(option, kMade).standing, wanted) << length;
  }
}

// RFC 9018 section 4.3: an hour back, five minutes ahead, renewed after half an hour; 32 bits wrap.
TEST(ServerCookie, Clocks) {
  for (const std::uint32_t time : {kMade, std::uint32_t{5}, 0xfffffff0U}) {
    const Wire cookie = made(kSecret, kClientCookie, kClient, time);
    const auto at = [&](std::uint32_t seconds) { return check(cookie, time + seconds); };
    EXPECT_TRUE(at(0).fresh);
    EXPECT_TRUE(at(1800).fresh);
    EXPECT_EQ(at(1801).standing, CookieStanding::valid);
    EXPECT_FALSE(at(1801).fresh);
    EXPECT_EQ(at(3600).standing, CookieStanding::valid);
    EXPECT_EQ(at(3601).standing, CookieStanding::invalid);
    EXPECT_EQ(at(0U - 300U).standing, CookieStanding::valid);
    EXPECT_EQ(at(0U - 301U).standing, CookieStanding::invalid);
  }
}

TEST(ServerCookie, EveryByteAndTheAddressCount) {
  for (std::size_t i = 0; i < kCookie.size(); ++i) {
    Wire other = kCookie;
    other[i] ^= 1;
    EXPECT_EQ(check(other, kMade).standing, CookieStanding::invalid) << i;
  }
  EXPECT_EQ(check(kCookie, kMade, address("198.51.100.101")).standing, CookieStanding::invalid);
  EXPECT_EQ(check(kCookie, kMade, address("2001:db8::1")).standing, CookieStanding::invalid);
}

}  // namespace
}  // namespace gl::dns
