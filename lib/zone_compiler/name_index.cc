#include "lib/zone_compiler/name_index.h"

#include <algorithm>
#include <bit>

#include "lib/base/prefetch.h"
#include "lib/zone_compiler/records.h"

namespace gl::zone {

NameIndex::NameIndex(std::size_t count) {
  slots_.resize(std::bit_ceil(2 * count + 2));
  for (Slot& slot : slots_) slot = {};
}

std::uint64_t NameIndex::hash_of(std::string_view name) noexcept {
  HashedName hashed;
  if (!hashed.name.parse(as_bytes(name))) return 0;  // cannot be: the records were checked
  hashed.rehash();
  return hashed.hash[hashed.name.labels];
}

void NameIndex::add(std::string_view name, NodeId id) noexcept {
  Pending& oldest = pending_[added_ % pending_.size()];
  if (added_ >= pending_.size()) insert(oldest);
  oldest = {hash_of(name), id};
  prefetch_for_write(&slots_[oldest.hash & mask()]);
  ++added_;
}

void NameIndex::finish() noexcept {
  for (std::size_t i = added_ - std::min(added_, pending_.size()); i < added_; ++i) {
    insert(pending_[i % pending_.size()]);
  }
  added_ = 0;
}

void NameIndex::insert(const Pending& pending) noexcept {
  std::size_t at = pending.hash & mask();
  while (slots_[at].node != kNoNode) at = (at + 1) & mask();
  slots_[at] = {static_cast<std::uint32_t>(pending.hash >> 32), pending.node};
}

}  // namespace gl::zone
