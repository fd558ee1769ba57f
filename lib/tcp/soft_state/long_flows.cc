#include "lib/tcp/soft_state/long_flows.h"

#include <sodium.h>

#include <algorithm>
#include <bit>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"

namespace gl::tcp {

LongFlows::LongFlows(std::size_t entries) {
  if (entries == 0) return;
  const std::size_t size = std::bit_ceil(std::max(entries, kWays));
  tags_.resize(size);
  flows_ = std::make_unique<LongFlow[]>(size);  // touched now: no later connection makes the process grow
  randombytes_buf(seed_.data(), sizeof seed_);
}

std::uint64_t LongFlows::hash(const FlowKey& key) const noexcept {
  return seeded_hash(key, seed_);
}

LongFlow* LongFlows::find(const FlowKey& key, SeqNum ack) noexcept {
  if (!used_) return nullptr;
  const std::uint64_t hashed = hash(key);
  const std::size_t first = set_of(hashed >> 16);
  for (std::size_t i = first; i < first + kWays; ++i) {
    if (tags_[i] != tag_of(hashed)) continue;
    LongFlow& flow = flows_[i];
    if (same_flow(flow.key, key) && flow.validates(ack - flow.isn - 1)) return &flow;
  }
  return nullptr;
}

LongFlow* LongFlows::make(const FlowKey& key, SeqNum isn, std::uint32_t offset) noexcept {
  if (tags_.empty()) return nullptr;
  LongFlow* const known = find(key, isn + 1 + offset);
  if (known != nullptr && known->isn == isn) return known;
  const std::uint64_t hashed = hash(key);
  const std::size_t way = free_way(set_of(hashed >> 16));
  if (way == tags_.size()) return nullptr;
  used_ = true;
  tags_[way] = tag_of(hashed);
  flows_[way] = {key, isn, offset, 0, false, now_ms_, 0, CookieForm::plain};
  return &flows_[way];
}

// An empty one, or the one that has been idle for longest, and for long enough; the table's end where there is none.
std::size_t LongFlows::free_way(std::size_t first) const noexcept {
  std::size_t way = tags_.size();
  std::uint32_t longest = kLongFlowIdleMs;
  for (std::size_t i = first; i < first + kWays; ++i) {
    if (tags_[i] == 0) return i;
    const std::uint32_t idle = now_ms_ - flows_[i].seen_ms;
    if (idle < longest) continue;
    longest = idle;
    way = i;
  }
  return way;
}

std::optional<Accepted> check_long_flow(const CookieKeys& keys, const LongFlow* flow, SeqNum ack) noexcept {
  if (flow == nullptr) return std::nullopt;
  const std::uint32_t isn = flow->isn.value();
  const std::uint32_t parity = isn >> detail::parity_shift(flow->form) & 1;
  const std::uint32_t mac = detail::mac32(keys.by_parity[parity], flow->key);
  if (((mac ^ isn) & detail::mac_mask(flow->form)) != 0) return std::nullopt;
  return Accepted{flow->isn, ack - flow->isn - 1, static_cast<std::uint8_t>(isn >> detail::class_shift(flow->form)),
                  parity != keys.current};
}

}  // namespace gl::tcp
