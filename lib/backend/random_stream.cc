#include "lib/backend/random_stream.h"

#include <sodium.h>

#include <cstring>

namespace gl::backend {

static_assert(crypto_stream_chacha20_KEYBYTES == 32);

RandomStream::RandomStream() {
  randombytes_buf(block_.data(), kKeyBytes);
}

void RandomStream::refill() noexcept {
  std::array<std::uint8_t, kKeyBytes> key;
  std::memcpy(key.data(), block_.data(), key.size());
  // A key is used once: the nonce may stay.
  constexpr std::array<std::uint8_t, crypto_stream_chacha20_NONCEBYTES> nonce{};
  crypto_stream_chacha20(block_.data(), block_.size(), nonce.data(), key.data());
  at_ = kKeyBytes;
}

std::uint32_t RandomStream::u32() noexcept {
  if (at_ + sizeof(std::uint32_t) > kBlock) refill();
  std::uint32_t value;
  std::memcpy(&value, block_.data() + at_, sizeof value);
  at_ += sizeof value;
  return value;
}

}  // namespace gl::backend
