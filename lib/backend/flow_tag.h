// A 64-bit keyed name for "this request of this flow": what the tables of requests and of waiting frames are searched
// by. Keyed, so that nobody outside can make two of them equal or crowd one bucket.
// Ownership: a plain value. Thread: any. Errors: none; never 0, which stands for "nobody" in the tables.
// Source: SipHash-2-4 (sip_hash.h); the key is libsodium's.
#pragma once

#include <sodium.h>

#include <cstdint>

#include "lib/backend/client_query.h"
#include "lib/base/bytes.h"
#include "lib/base/sip_hash.h"

namespace gl::backend {

inline constexpr std::size_t kMaxFlow = 36;

struct FlowTagger {
  SipHashKey key;

  FlowTagger() { randombytes_buf(key.data(), key.size()); }

  [[nodiscard]] std::uint64_t tag(Bytes flow, std::uint32_t number) const noexcept {
    return finish(begin(flow, number));
  }
  // `question` tells apart what a client sends under one number.
  [[nodiscard]] std::uint64_t tag(Bytes flow, std::uint32_t number, const QuestionKey& question) const noexcept {
    SipHash<1> hash = begin(flow, number);
    for (const std::uint64_t word : question) hash.add(word);
    return finish(hash);
  }

 private:
  [[nodiscard]] SipHash<1> begin(Bytes flow, std::uint32_t number) const noexcept {
    SipHash<1> hash(key);
    hash.add(flow);
    hash.add(number);
    return hash;
  }
  [[nodiscard]] static std::uint64_t finish(SipHash<1> hash) noexcept {
    const std::uint64_t value = hash.finish()[0];
    return value != 0 ? value : 1;
  }
};

}  // namespace gl::backend
