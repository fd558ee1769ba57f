#include "lib/tcp/fast_open.h"

#include <sodium.h>

#include <cstring>

namespace gl::tcp {
namespace {

// The addresses and one byte: 9 or 33 bytes, where what an initial sequence number's MAC covers has 12, 16, 36 or 40.
// SipHash takes the length into its last block, so neither value says anything of the other, under the same key.
constexpr std::uint8_t kDomain = 34;

std::uint64_t mac64(const SipKey& key, const FlowKey& flow) noexcept {
  std::uint8_t input[32 + 1];
  const std::size_t length = flow.bytes.size() - 4 - flow.offset;
  std::memcpy(input, flow.bytes.data() + flow.offset, length);
  input[length] = kDomain;
  std::uint8_t digest[crypto_shorthash_siphash24_BYTES];
  crypto_shorthash_siphash24(digest, input, length + 1, key.data());
  return load_be<std::uint64_t>(digest);
}

}  // namespace

std::uint64_t make_fast_open_cookie(const CookieKeys& keys, const FlowKey& flow) noexcept {
  return mac64(keys.by_parity[keys.current], flow);
}

FastOpenStanding check_fast_open_cookie(const CookieKeys& keys, const FlowKey& flow, std::uint64_t cookie) noexcept {
  if (cookie == mac64(keys.by_parity[keys.current], flow)) return FastOpenStanding::current;
  if (cookie == mac64(keys.by_parity[1u - keys.current], flow)) return FastOpenStanding::other;
  return FastOpenStanding::invalid;
}

}  // namespace gl::tcp
