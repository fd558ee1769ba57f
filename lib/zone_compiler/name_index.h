// The hash table over the names of a zone, as the packet path walks it (Zone::find).
// Ownership: owns the slots. Thread: one; it allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/growing_array.h"
#include "lib/zone/zone_data.h"

namespace gl::zone {

class NameIndex {
 public:
  // Room for `count` names, at most half full.
  explicit NameIndex(std::size_t count = 0);
  // `name` is valid, in lower case, and not there yet. It is found from finish() on.
  void add(std::string_view name, NodeId id) noexcept;
  void finish() noexcept;
  // The first id of that hash for which `is_it(id)`.
  template <class IsIt>
  [[nodiscard]] NodeId find(std::string_view name, IsIt&& is_it) const noexcept {
    const std::uint64_t hash = hash_of(name);
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.node == kNoNode || (slot.tag == tag && is_it(slot.node))) return slot.node;
    }
  }
  [[nodiscard]] std::span<const Slot> slots() const noexcept { return slots_.view(); }

 private:
  [[nodiscard]] static std::uint64_t hash_of(std::string_view name) noexcept;
  [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
  struct Pending {
    std::uint64_t hash;
    NodeId node;
  };
  void insert(const Pending& pending) noexcept;

  GrowingArray<Slot> slots_;
  // The last ones, for which the memory is on its way: the table is far larger than the caches.
  std::array<Pending, 16> pending_{};
  std::size_t added_ = 0;
};

}  // namespace gl::zone
