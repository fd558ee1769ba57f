// A 64-bit keyed name for "this request of this flow": what the tables of requests and of waiting frames are searched
// by. Keyed, so that nobody outside can make two of them equal or crowd one bucket.
// Ownership: a plain value. Thread: any. Errors: none; never 0, which stands for "nobody" in the tables.
// Source: SipHash-2-4 (libsodium).
#pragma once

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "lib/backend/client_query.h"
#include "lib/base/bytes.h"

namespace gl::backend {

inline constexpr std::size_t kMaxFlow = 36;

struct FlowTagger {
  std::array<std::uint8_t, crypto_shorthash_siphash24_KEYBYTES> key;

  FlowTagger() { randombytes_buf(key.data(), key.size()); }

  [[nodiscard]] std::uint64_t tag(Bytes flow, std::uint32_t number) const noexcept { return tag(flow, number, {}); }
  // `question` tells apart what a client sends under one number.
  [[nodiscard]] std::uint64_t tag(Bytes flow, std::uint32_t number, const QuestionKey& question) const noexcept {
    std::array<std::uint8_t, kMaxFlow + sizeof number + sizeof question> input;
    const std::size_t length = std::min(flow.size(), kMaxFlow);
    if (length != 0) std::memcpy(input.data(), flow.data(), length);
    std::memcpy(input.data() + length, &number, sizeof number);
    std::memcpy(input.data() + length + sizeof number, question.data(), sizeof question);
    std::uint64_t value = 0;
    std::array<std::uint8_t, crypto_shorthash_siphash24_BYTES> digest;
    crypto_shorthash_siphash24(digest.data(), input.data(), length + sizeof number + sizeof question, key.data());
    std::memcpy(&value, digest.data(), sizeof value);
    return value != 0 ? value : 1;
  }
};

}  // namespace gl::backend
