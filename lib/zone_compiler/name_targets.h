// The names that a block's compression pointers can lead to, and where they stand.
// Ownership: copies the names. Thread: one; it allocates, and keeps what it has for the next block.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "lib/base/bytes.h"

namespace gl::zone {

struct NameTarget {
  enum class Kind : std::uint8_t { own, suffix, self } kind;
  std::uint16_t pointer;
};

class NameTargets {
 public:
  NameTargets() : entries_(64) {}

  void clear() noexcept {
    ++epoch_;
    count_ = 0;
    names_.clear();
  }
  // Null: not there. `name` in lower case, and its hash.
  [[nodiscard]] const NameTarget* find(Bytes name, std::uint64_t hash) const noexcept {
    for (std::size_t at = hash & mask();; at = (at + 1) & mask()) {
      const Entry& entry = entries_[at];
      if (entry.epoch != epoch_) return nullptr;
      if (entry.hash != hash || entry.size != name.size()) continue;
      if (std::memcmp(names_.data() + entry.name, name.data(), name.size()) == 0) return &entry.target;
    }
  }
  // One that is not there yet.
  void add(Bytes name, std::uint64_t hash, NameTarget target) {
    if (2 * ++count_ > entries_.size()) grow();
    const auto at = static_cast<std::uint32_t>(names_.size());
    names_.insert(names_.end(), name.begin(), name.end());
    insert({epoch_, at, hash, static_cast<std::uint8_t>(name.size()), target});
  }

 private:
  struct Entry {
    std::uint32_t epoch = 0;  // of another one it is empty
    std::uint32_t name = 0;   // where in names_
    std::uint64_t hash = 0;
    std::uint8_t size = 0;
    NameTarget target{};
  };
  [[nodiscard]] std::size_t mask() const noexcept { return entries_.size() - 1; }
  void insert(const Entry& entry) noexcept {
    std::size_t at = entry.hash & mask();
    while (entries_[at].epoch == epoch_) at = (at + 1) & mask();
    entries_[at] = entry;
  }
  void grow() {
    const std::vector<Entry> before = std::exchange(entries_, std::vector<Entry>(2 * entries_.size()));
    for (const Entry& entry : before) {
      if (entry.epoch == epoch_) insert(entry);
    }
  }

  std::vector<Entry> entries_;  // open addressing, a power of two, at most half full
  std::vector<std::uint8_t> names_;
  std::uint32_t epoch_ = 1;
  std::size_t count_ = 0;
};

}  // namespace gl::zone
