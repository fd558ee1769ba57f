#include "lib/dns/server_cookie.h"

#include <sodium/crypto_shorthash_siphash24.h>

#include <algorithm>
#include <cstring>

#include "lib/base/endian.h"

namespace gl::dns {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHashed = kClientCookieSize + 8;  // of the option; behind that stands the hash
constexpr std::size_t kMinWithServer = kClientCookieSize + 8;
constexpr std::size_t kMaxWithServer = kClientCookieSize + 32;

// RFC 9018 section 4.3.
constexpr std::int32_t kOldest = 3600;
constexpr std::int32_t kAhead = 300;
constexpr std::int32_t kRenewed = 1800;

std::uint64_t hash_of(const CookieSecret& secret, const std::uint8_t* option, Bytes client) noexcept {
  std::array<std::uint8_t, kHashed + 16> input;
  const std::size_t address = std::min<std::size_t>(client.size(), 16);
  std::memcpy(input.data(), option, kHashed);
  if (address != 0) std::memcpy(input.data() + kHashed, client.data(), address);
  std::array<std::uint8_t, crypto_shorthash_siphash24_BYTES> hash;
  crypto_shorthash_siphash24(hash.data(), input.data(), kHashed + address, secret.data());
  return load_be<std::uint64_t>(hash.data());
}

bool has_length_of_cookie(std::size_t length) noexcept {
  return length == kClientCookieSize || (length >= kMinWithServer && length <= kMaxWithServer);
}

}  // namespace

CheckedCookie check_cookie(const CookieSecrets& secrets, Bytes option, Bytes client, std::uint32_t now) noexcept {
  if (!has_length_of_cookie(option.size())) return {CookieStanding::malformed};
  if (option.size() == kClientCookieSize) return {CookieStanding::client_only};
  const std::uint8_t* const server = option.data() + kClientCookieSize;
  if (option.size() != kCookieSize || server[0] != kVersion) return {CookieStanding::invalid};
  // Serial number arithmetic (RFC 1982), as 32 bits of time ask for.
  const auto age = static_cast<std::int32_t>(now - load_be<std::uint32_t>(server + 4));
  if (age > kOldest || age < -kAhead) return {CookieStanding::invalid};
  const auto hash = load_be<std::uint64_t>(option.data() + kHashed);
  if (hash == hash_of(secrets.current, option.data(), client)) {
    const bool reserved_clear = (load_be<std::uint32_t>(server) & 0xffffff) == 0;
    return {CookieStanding::valid, age <= kRenewed && reserved_clear};
  }
  const bool of_other = secrets.has_other && hash == hash_of(secrets.other, option.data(), client);
  return {of_other ? CookieStanding::valid : CookieStanding::invalid};
}

void write_cookie(const CookieSecret& secret, const std::uint8_t* client_cookie, Bytes client, std::uint32_t time,
                  std::uint8_t* to) noexcept {
  std::memcpy(to, client_cookie, kClientCookieSize);
  store_be(to + kClientCookieSize, std::uint32_t{kVersion} << 24);
  store_be(to + kClientCookieSize + 4, time);
  store_be(to + kHashed, hash_of(secret, to, client));
}

}  // namespace gl::dns
