#include "lib/tcp/bulk/bulk_table.h"

#include <sodium.h>

#include <algorithm>
#include <bit>

namespace gl::tcp {
namespace {

constexpr std::size_t kLooks = 16;  // entries that make_room() looks at: a full table costs no more than that

constexpr bool is_before(std::uint32_t a, std::uint32_t b) noexcept {
  return static_cast<std::int32_t>(a - b) < 0;
}

}  // namespace

BulkTable::BulkTable(std::size_t entries, BulkPresence* presence) : presence_(presence), size_(entries) {
  if (entries == 0) return;
  slots_.assign(std::bit_ceil(2 * entries), kNone);
  flows_ = std::make_unique<BulkFlow[]>(entries);
  due_.assign(entries, 0);
  free_.reserve(entries);
  for (std::size_t i = entries; i-- > 0;) free_.push_back(static_cast<std::uint32_t>(i));
  randombytes_buf(seed_.data(), sizeof seed_);
}

// Of the flow's entry, or the empty one where it belongs.
std::size_t BulkTable::slot_of(const FlowKey& key) const noexcept {
  std::size_t slot = home_of(key);
  while (slots_[slot] != kNone && !same_flow(flows_[slots_[slot]].key, key)) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

BulkFlow* BulkTable::find(const FlowKey& key) noexcept {
  if (used_ == 0) return nullptr;
  const std::uint32_t index = slots_[slot_of(key)];
  return index == kNone ? nullptr : &flows_[index];
}

bool BulkTable::make_room() noexcept {
  for (std::size_t looks = 0; looks < std::min(kLooks, size_); ++looks) {
    BulkFlow& flow = flows_[hand_];
    hand_ = (hand_ + 1) % size_;
    if (now_ms_ - flow.heard_ms < kBulkQuietMs && now_ms_ - flow.moved_ms < kBulkStalledMs) continue;
    evict(flow);
    return true;
  }
  return false;
}

BulkFlow* BulkTable::make(const FlowKey& key) noexcept {
  if (size_ == 0 || (used_ == size_ && !make_room())) return nullptr;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  ++used_;
  slots_[slot_of(key)] = index;
  flows_[index] = {};
  flows_[index].key = key;
  presence_->add(key);
  return &flows_[index];
}

void BulkTable::evict(BulkFlow& flow) noexcept {
  const std::uint32_t index = index_of(flow);
  remove_slot(slot_of(flow.key));
  presence_->remove(flow.key);
  due_[index] = 0;
  free_.push_back(index);  // there is room: it was reserved
  --used_;
}

// What stands behind moves up, so that no look-up stops too early.
void BulkTable::remove_slot(std::size_t slot) noexcept {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t next = slot;;) {
    next = (next + 1) & mask;
    if (slots_[next] == kNone) break;
    const std::size_t home = home_of(flows_[slots_[next]].key);
    if (((next - home) & mask) < ((next - slot) & mask)) continue;  // it belongs between the two
    slots_[slot] = slots_[next];
    slot = next;
  }
  slots_[slot] = kNone;
}

void BulkTable::schedule(const BulkFlow& flow, std::uint32_t at_ms) noexcept {
  due_[index_of(flow)] = at_ms;
  if (at_ms == 0) return;
  if (first_due_ == 0 || is_before(at_ms, first_due_)) first_due_ = at_ms;
}

std::optional<std::uint32_t> BulkTable::next_due(std::uint32_t now_ms) noexcept {
  if (!scanning_) {
    if (used_ == 0 || first_due_ == 0 || is_before(now_ms, first_due_)) return std::nullopt;
    scanning_ = true;
    scan_ = 0;
    first_due_ = 0;
  }
  for (; scan_ < size_; ++scan_) {
    const std::uint32_t due = due_[scan_];
    if (due == 0) continue;
    if (!is_before(now_ms, due)) {
      due_[scan_] = 0;
      return static_cast<std::uint32_t>(scan_++);
    }
    if (first_due_ == 0 || is_before(due, first_due_)) first_due_ = due;
  }
  scanning_ = false;
  return std::nullopt;
}

}  // namespace gl::tcp
