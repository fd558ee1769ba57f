#include "lib/zone/denial.h"

#include <ldns/sha1.h>

#include <algorithm>
#include <cstring>

#include "lib/base/endian.h"

namespace gl::zone {
namespace {

// In the canonical order: a key that another begins with comes first.
int compare(Bytes a, Bytes b) noexcept {
  const std::size_t both = std::min(a.size(), b.size());
  const int order = both == 0 ? 0 : std::memcmp(a.data(), b.data(), both);
  if (order != 0) return order;
  return a.size() < b.size() ? -1 : static_cast<int>(a.size() > b.size());
}

}  // namespace

std::uint64_t Denials::prefix_of(Bytes key) noexcept {
  std::uint8_t padded[8] = {};
  if (!key.empty()) std::memcpy(padded, key.data(), std::min<std::size_t>(key.size(), 8));
  return load_be<std::uint64_t>(padded);
}

Nsec3Hash nsec3_hash(Bytes name, Bytes salt, std::uint16_t iterations) noexcept {
  std::uint8_t buffer[dns::kMaxName + 255];
  Nsec3Hash digest;
  std::memcpy(buffer, name.data(), name.size());
  if (!salt.empty()) std::memcpy(buffer + name.size(), salt.data(), salt.size());
  ldns_sha1(buffer, static_cast<unsigned>(name.size() + salt.size()), digest.data());
  if (!salt.empty()) std::memcpy(buffer + digest.size(), salt.data(), salt.size());
  for (; iterations > 0; --iterations) {
    std::memcpy(buffer, digest.data(), digest.size());
    ldns_sha1(buffer, static_cast<unsigned>(digest.size() + salt.size()), digest.data());
  }
  return digest;
}

bool Denials::like(const Denials& other) const noexcept {
  const Parameters& a = parameters_;
  const Parameters& b = other.parameters_;
  return a.kind == b.kind && a.iterations == b.iterations && a.apex_key_length == b.apex_key_length &&
         compare(a.salt, b.salt) == 0;
}

std::vector<Denials::Pair> Denials::pairs_with(const Denials& other) const {
  std::vector<Pair> pairs;
  const std::size_t here = chain_.entries.size();
  const std::size_t there = other.chain_.entries.size();
  std::size_t j = 0;
  for (std::size_t i = 0; i < here; ++i) {
    const Bytes key = key_of(i);
    while (j < there && compare(other.key_of(j), key) < 0) ++j;
    if (j == there) break;
    if (compare(other.key_of(j), key) != 0) continue;
    const bool same_span = compare(key_of((i + 1) % here), other.key_of((j + 1) % there)) == 0;
    pairs.push_back({chain_.entries[i].block, other.chain_.entries[j].block, same_span});
  }
  return pairs;
}

// Before the first comes the last: the chain is a ring.
std::size_t Denials::last_at_or_before(Bytes key) const noexcept {
  const std::uint64_t prefix = prefix_of(key);
  std::size_t low = 0;
  std::size_t count = chain_.entries.size();
  const auto key_after = [&](std::size_t i) {  // entry i > key
    if (chain_.prefixes[i] != prefix) return chain_.prefixes[i] > prefix;
    return compare(key_of(i), key) > 0;
  };
  while (count > 0) {
    const std::size_t half = count / 2;
    if (key_after(low + half)) {
      count = half;
    } else {
      low += half + 1;
      count -= half + 1;
    }
  }
  return low == 0 ? chain_.entries.size() - 1 : low - 1;
}

BlockId Denials::covering_nsec(const dns::Name& name) const noexcept {
  if (chain_.entries.empty()) return kNoBlock;
  std::uint8_t key[dns::kMaxOrderKey];
  const std::size_t length = dns::order_key(name, key);
  return chain_.entries[last_at_or_before(Bytes(key, length).subspan(parameters_.apex_key_length))].block;
}

Nsec3Hash Denials::hash(Bytes name) const noexcept {
  return nsec3_hash(name, parameters_.salt, parameters_.iterations);
}

BlockId Denials::covering_nsec3(Bytes name) const noexcept {
  return covering_nsec3(hash(name));
}

BlockId Denials::covering_nsec3(const Nsec3Hash& hash) const noexcept {
  if (chain_.entries.empty()) return kNoBlock;
  return chain_.entries[last_at_or_before(hash)].block;
}

BlockId Denials::matching_nsec3(const Nsec3Hash& hash) const noexcept {
  if (chain_.entries.empty()) return kNoBlock;
  const std::size_t at = last_at_or_before(hash);
  return compare(key_of(at), hash) == 0 ? chain_.entries[at].block : kNoBlock;
}

}  // namespace gl::zone
