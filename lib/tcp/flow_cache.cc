#include "lib/tcp/flow_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace gl::tcp {
namespace {

// The MAC of the cookie, never 0: that marks an empty way.
std::uint32_t tag_of(SeqNum isn) noexcept {
  return (isn.value() & 0x0fffffff) | 0x10000000;
}

}  // namespace

bool Flow::keep(Bytes more) noexcept {
  if (more.size() > queries.size() - kept) return false;
  if (!more.empty()) std::memcpy(queries.data() + kept, more.data(), more.size());
  kept = static_cast<std::uint16_t>(kept + more.size());
  return true;
}

void Flow::drop_before(SeqNum seq, std::uint32_t end) noexcept {
  const std::uint32_t count = seq - base;
  if (count == 0) return;
  kept = static_cast<std::uint16_t>(kept - count);
  std::memmove(queries.data(), queries.data() + count, kept);
  base = seq;
  base_end = end;
  bare = false;
}

FlowCache::FlowCache(std::size_t entries) {
  if (entries == 0) return;
  const std::size_t size = std::bit_ceil(std::max(entries, kWays));
  tags_.resize(size);
  flows_ = std::make_unique_for_overwrite<Flow[]>(size);
}

std::size_t FlowCache::set_of(SeqNum isn) const noexcept {
  return isn.value() * kWays & (tags_.size() - 1);
}

Flow* FlowCache::find(const FlowKey& key, SeqNum isn) noexcept {
  if (!enabled()) return nullptr;
  const std::size_t first = set_of(isn);
  for (std::size_t i = first; i < first + kWays; ++i) {
    if (tags_[i] == tag_of(isn) && same_flow(flows_[i].key, key)) return &flows_[i];
  }
  return nullptr;
}

Flow& FlowCache::make(const FlowKey& key, SeqNum isn) noexcept {
  Flow* flow = find(key, isn);
  if (flow == nullptr) {
    const std::size_t first = set_of(isn);
    std::size_t way = first + turn_++ % kWays;
    for (std::size_t i = first; i < first + kWays; ++i) {
      if (tags_[i] == 0) way = i;
    }
    tags_[way] = tag_of(isn);
    flow = &flows_[way];
  }
  flow->key = key;
  flow->isn = isn;
  flow->known = false;
  flow->bare = false;
  flow->fin = false;
  flow->closing = false;
  flow->kept = 0;
  flow->stamp = 0;
  flow->last_off = 0;
  flow->recover = 0;
  flow->duplicates = 0;
  flow->repeats = 0;
  flow->held = false;
  flow->was_held = false;
  flow->window = kInitialWindow;
  return *flow;
}

void FlowCache::forget(const FlowKey& key, SeqNum isn) noexcept {
  if (Flow* const flow = find(key, isn); flow != nullptr) tags_[static_cast<std::size_t>(flow - flows_.get())] = 0;
}

}  // namespace gl::tcp
