#include <algorithm>
#include <utility>

#include "lib/zone_compiler/zone_render.h"

namespace gl::zone {

void ChainBuilder::use_nsec(std::size_t length) {
  kind = Denials::Kind::nsec;
  apex_key_length = length;
}

void ChainBuilder::use_nsec3(std::string with, std::uint16_t times) {
  kind = Denials::Kind::nsec3;
  salt = std::move(with);
  iterations = times;
}

void ChainBuilder::add(Bytes key, BlockId block) {
  entries.push_back({static_cast<std::uint32_t>(keys.size()), block, static_cast<std::uint16_t>(key.size()), 0});
  keys.append(key.data(), key.size());
}

void ChainBuilder::sort() {
  const auto key_of = [this](const ChainEntry& e) { return as_chars({keys.data() + e.key, e.length}); };
  std::sort(entries.begin(), entries.end(),
            [&](const ChainEntry& a, const ChainEntry& b) { return key_of(a) < key_of(b); });
  prefixes.clear();
  for (const ChainEntry& e : entries) prefixes.push_back(Denials::prefix_of(as_bytes(key_of(e))));
}

Denials ChainBuilder::view() const noexcept {
  return {{kind, iterations, as_bytes(salt), apex_key_length}, {prefixes.view(), entries.view(), keys.view()}};
}

}  // namespace gl::zone
