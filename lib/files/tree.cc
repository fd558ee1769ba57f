#include "lib/files/tree.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "lib/base/endian.h"

namespace gl::files {

std::uint64_t NodeNumbers::number(std::uint64_t parent, std::string_view name) const noexcept {
  static_assert(std::tuple_size_v<TreeKey> == crypto_shorthash_KEYBYTES);
  std::array<std::uint8_t, 8 + kMaxName> text;
  if (name.size() > kMaxName) return 0;
  store_be(text.data(), parent);
  std::memcpy(text.data() + 8, name.data(), name.size());
  std::array<std::uint8_t, crypto_shorthash_BYTES> hash;
  crypto_shorthash(hash.data(), text.data(), 8 + name.size(), key_.data());
  return std::max<std::uint64_t>(load_be<std::uint64_t>(hash.data()) & kMost, 3);
}

std::span<const Node* const> Node::children_behind(std::uint64_t behind) const noexcept {
  const auto first = std::ranges::upper_bound(children, behind, {}, [](const Node* child) { return child->number; });
  return std::span(children).subspan(static_cast<std::size_t>(first - children.begin()));
}

}  // namespace gl::files
