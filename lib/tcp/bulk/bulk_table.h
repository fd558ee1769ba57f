// The long answers that a core has on their way: a table of fixed size, and when each of them is due. An entry is made
// only for a client that has shown that it receives at its address, and for a request. Where the table is full, a
// client that has not been heard for kBulkQuietMs makes room, and one that has read nothing for kBulkStalledMs;
// otherwise the newcomer waits: its request is not
// acknowledged, and comes again.
// Units: milliseconds of a monotonic clock. Ownership: the responder's. Thread: one core's own. Errors: make() gives
// nothing where every entry is in use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "lib/tcp/bulk/bulk_flow.h"
#include "lib/tcp/bulk/bulk_presence.h"

namespace gl::tcp {

inline constexpr std::uint32_t kBulkQuietMs = 10'000;
inline constexpr std::uint32_t kBulkStalledMs = 40'000;

class BulkTable {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  // `entries` 0: none is ever found or made, and no `presence` is needed: what all cores have; borrowed.
  BulkTable(std::size_t entries, BulkPresence* presence);

  void begin_burst(std::uint64_t now_ms) noexcept { now_ms_ = static_cast<std::uint32_t>(now_ms); }
  [[nodiscard]] std::uint32_t now_ms() const noexcept { return now_ms_; }
  [[nodiscard]] bool enabled() const noexcept { return size_ != 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t used() const noexcept { return used_; }

  [[nodiscard]] BulkFlow* find(const FlowKey& key) noexcept;
  // Of a flow that is not found here: whether another core may have it.
  [[nodiscard]] bool elsewhere(const FlowKey& key) const noexcept { return presence_->holds(key); }
  // A fresh entry, of which only the key is set.
  [[nodiscard]] BulkFlow* make(const FlowKey& key) noexcept;
  void evict(BulkFlow& flow) noexcept;
  [[nodiscard]] std::uint32_t index_of(const BulkFlow& flow) const noexcept {
    return static_cast<std::uint32_t>(&flow - flows_.get());
  }
  [[nodiscard]] BulkFlow& at(std::uint32_t index) noexcept { return flows_[index]; }

  // `at_ms` 0: not at all.
  void schedule(const BulkFlow& flow, std::uint32_t at_ms) noexcept;
  // The index of an entry whose time has come, which is then not due any more; nothing: there is none. Costs a
  // comparison while none is due.
  [[nodiscard]] std::optional<std::uint32_t> next_due(std::uint32_t now_ms) noexcept;
  // No entry is due before; nothing: none at all.
  [[nodiscard]] std::optional<std::uint32_t> next_deadline() const noexcept {
    return used_ == 0 || first_due_ == 0 ? std::nullopt : std::optional(first_due_);
  }

 private:
  // Slots with linear probing: the index of an entry, or kNone.
  [[nodiscard]] std::size_t home_of(const FlowKey& key) const noexcept {
    return static_cast<std::size_t>(seeded_hash(key, seed_)) & (slots_.size() - 1);
  }
  [[nodiscard]] std::size_t slot_of(const FlowKey& key) const noexcept;
  void remove_slot(std::size_t slot) noexcept;
  [[nodiscard]] bool make_room() noexcept;

  BulkPresence* const presence_;
  std::size_t size_;
  std::size_t used_ = 0;
  std::array<std::uint64_t, 2> seed_{};
  std::vector<std::uint32_t> slots_;
  std::vector<std::uint32_t> free_;  // a stack, as long as `size_` less what is used
  std::unique_ptr<BulkFlow[]> flows_;
  std::vector<std::uint32_t> due_;  // by index; 0: not
  std::uint32_t now_ms_ = 0;
  std::uint32_t first_due_ = 0;  // none is due before; 0: none at all
  std::size_t scan_ = 0;         // how far due_ was looked through for what is due by now
  bool scanning_ = false;
  std::size_t hand_ = 0;  // where make_room() looks next
};

}  // namespace gl::tcp
