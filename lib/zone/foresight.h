// One lookup in steps, each of which asks for the memory that the next one reads: taken side by side for the requests
// of a burst, their cache misses overlap. What it finds is a guess, as nothing of a request has been checked. A wrong
// one costs time and nothing else: the answer is looked up anew.
// Byte order: wire. Ownership: borrows the snapshot. Thread: any reader of it. Packet path: no allocation. Errors:
// none.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/base/prefetch.h"
#include "lib/zone/snapshot.h"

namespace gl::zone {

class Foresight {
 public:
  void find_slots(const ZoneSnapshot& snapshot, const HashedName& name, std::uint16_t type, bool dnssec) noexcept {
    zone_ = snapshot.find(name, type == dns::rr::ds);
    node_ = nullptr;
    block_ = nullptr;
    if (zone_ == nullptr || zone_->unavailable) return count_ = 0, void();
    type_ = type;
    dnssec_ = dnssec;
    // The name itself, or the delegation right above it.
    const std::size_t deepest = std::min(name.name.labels, zone_->max_labels);
    const std::size_t above_apex = deepest - std::min<std::size_t>(zone_->apex_labels, deepest);
    count_ = std::min(above_apex, kDepths);
    for (std::size_t i = 0; i < count_; ++i) {
      hash_[i] = name.hash[deepest - i];
      prefetch_for_read(&zone_->slots[hash_[i] & (zone_->slots.size() - 1)]);
    }
  }
  void find_node() noexcept {
    for (std::size_t i = 0; i < count_ && node_ == nullptr; ++i) {
      const NodeId id = zone_->probable(hash_[i]);
      if (id != kNoNode) node_ = &zone_->nodes[id];
    }
    if (node_ != nullptr) prefetch_for_read(node_, sizeof(Node));
  }
  void find_rrsets() noexcept {
    if (node_ == nullptr) return;
    prefetch_for_read(zone_->name_of(*node_).data());
    prefetch_for_read(zone_->rrsets.data() + node_->rrsets, kRrsets * sizeof(RrsetEntry));
  }
  void find_block() noexcept {
    if (node_ == nullptr) return;
    const bool referral = node_->cut != 0 && type_ != dns::rr::ds;
    const RrsetEntry* const entry = zone_->rrset(*node_, referral ? kReferral : type_);
    if (entry == nullptr) return;
    block_ = &zone_->block(entry->block[dnssec_ ? 1 : 0].id);
    prefetch_for_read(block_, kShortBlock);
  }

  // What was found, for tests; null: nothing.
  [[nodiscard]] const Block* block() const noexcept { return block_; }

 private:
  static constexpr std::size_t kDepths = 2;
  static constexpr std::size_t kRrsets = 2;        // most nodes have no more
  static constexpr std::size_t kShortBlock = 128;  // bytes: the hardware goes on by itself where one is longer

  const Zone* zone_ = nullptr;
  const Node* node_ = nullptr;
  const Block* block_ = nullptr;
  std::array<std::uint64_t, kDepths> hash_;
  std::size_t count_ = 0;
  std::uint16_t type_ = 0;
  bool dnssec_ = false;
};

}  // namespace gl::zone
