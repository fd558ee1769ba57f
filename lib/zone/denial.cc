#include "lib/zone/denial.h"

#include <ldns/sha1.h>

#include <algorithm>
#include <cstring>

#include "lib/base/endian.h"
#include "lib/zone/zone_file.h"

namespace gl::zone {
namespace {

std::uint64_t prefix_of(const std::uint8_t* key, std::size_t length) noexcept {
  std::uint8_t padded[8] = {};
  std::memcpy(padded, key, std::min<std::size_t>(length, 8));
  return load_be<std::uint64_t>(padded);
}

}  // namespace

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

void Denials::use_nsec(std::size_t apex_key_length) {
  kind_ = Kind::nsec;
  apex_key_length_ = apex_key_length;
}

void Denials::use_nsec3(std::string salt, std::uint16_t iterations) {
  kind_ = Kind::nsec3;
  salt_ = std::move(salt);
  iterations_ = iterations;
}

void Denials::add_nsec(std::string_view order_key, BlockId block) {
  entries_.push_back({std::string(order_key.substr(apex_key_length_)), block});
}

void Denials::add_nsec3(const Nsec3Hash& hash, BlockId block) {
  entries_.push_back({std::string(as_chars(hash)), block});
}

void Denials::sort() {
  // char compares as unsigned in std::string.
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  prefixes_.clear();
  for (const Entry& e : entries_) prefixes_.push_back(prefix_of(as_bytes(e.key).data(), e.key.size()));
}

bool Denials::like(const Denials& other) const noexcept {
  return kind_ == other.kind_ && iterations_ == other.iterations_ && apex_key_length_ == other.apex_key_length_ &&
         salt_ == other.salt_;
}

std::vector<Denials::Pair> Denials::pairs_with(const Denials& other) const {
  std::vector<Pair> pairs;
  const auto after = [](const std::vector<Entry>& ring, std::size_t i) -> const std::string& {
    return ring[i + 1 == ring.size() ? 0 : i + 1].key;
  };
  std::size_t j = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::string& key = entries_[i].key;
    while (j < other.entries_.size() && other.entries_[j].key < key) ++j;
    if (j == other.entries_.size()) break;
    if (other.entries_[j].key != key) continue;
    pairs.push_back({entries_[i].block, other.entries_[j].block, after(entries_, i) == after(other.entries_, j)});
  }
  return pairs;
}

// Before the first comes the last: the chain is a ring.
std::size_t Denials::last_at_or_before(const std::uint8_t* key, std::size_t length) const noexcept {
  const std::uint64_t prefix = prefix_of(key, length);
  std::size_t low = 0;
  std::size_t count = entries_.size();
  const auto key_after = [&](std::size_t i) {  // entry i > key
    if (prefixes_[i] != prefix) return prefixes_[i] > prefix;
    const std::string& other = entries_[i].key;
    const int order = std::memcmp(other.data(), key, std::min(other.size(), length));
    return order != 0 ? order > 0 : other.size() > length;
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
  return low == 0 ? entries_.size() - 1 : low - 1;
}

BlockId Denials::covering_nsec(const dns::Name& name) const noexcept {
  if (entries_.empty()) return kNoBlock;
  std::uint8_t key[dns::kMaxOrderKey];
  const std::size_t length = dns::order_key(name, key);
  return entries_[last_at_or_before(key + apex_key_length_, length - apex_key_length_)].block;
}

Nsec3Hash Denials::hash(Bytes name) const noexcept {
  return nsec3_hash(name, as_bytes(salt_), iterations_);
}

BlockId Denials::covering_nsec3(Bytes name) const noexcept {
  return covering_nsec3(hash(name));
}

BlockId Denials::covering_nsec3(const Nsec3Hash& hash) const noexcept {
  if (entries_.empty()) return kNoBlock;
  return entries_[last_at_or_before(hash.data(), hash.size())].block;
}

BlockId Denials::matching_nsec3(const Nsec3Hash& hash) const noexcept {
  if (entries_.empty()) return kNoBlock;
  const Entry& entry = entries_[last_at_or_before(hash.data(), hash.size())];
  return entry.key == as_chars(hash) ? entry.block : kNoBlock;
}

}  // namespace gl::zone
