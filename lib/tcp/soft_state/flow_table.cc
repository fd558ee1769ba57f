#include "lib/tcp/soft_state/flow_table.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "lib/base/endian.h"

namespace gl::tcp {
namespace {

constexpr std::size_t kStrays = 8192;  // 96 KB: as many clients may move here at once from a node that is gone
constexpr std::size_t kStrayWays = 4;
constexpr std::uint32_t kNetworkCopyMs = 150;  // below every timer of a client

}  // namespace

FlowTable::FlowTable(std::size_t entries) {
  strays_.resize(kStrays);
  randombytes_buf(seed_.data(), sizeof seed_);
  if (entries == 0) return;
  const std::size_t size = std::bit_ceil(std::max(entries, kWays));
  sets_.resize(size / kWays);
  uses_.resize(size);
  flows_ = std::make_unique_for_overwrite<Flow[]>(size);
  recent_.resize(size);
}

std::uint64_t FlowTable::hash(const FlowKey& key) const noexcept {
  return seeded_hash(key, seed_);
}

Flow* FlowTable::find_in(std::size_t set, const FlowKey& key, std::uint32_t tag) noexcept {
  for (std::size_t way = 0; way < kWays; ++way) {
    Flow& flow = flows_[set * kWays + way];
    if (sets_[set].tags[way] == tag && same_flow(flow.key, key)) return &flow;
  }
  return nullptr;
}

FlowTable::Rank FlowTable::rank_of(const Flow& flow) noexcept {
  const bool needed = !flow.timestamps || flow.state == FlowState::partial_acked;
  switch (flow.state) {
    case FlowState::closing:
      if (flow.ended()) return Rank::ended;
      if (!flow.all_arrived()) return needed ? Rank::busy_needed : Rank::busy;
      return needed ? Rank::idle_needed : Rank::idle;
    case FlowState::idle:
      return flow.buffered > 0 ? (needed ? Rank::busy_needed : Rank::busy) : needed ? Rank::idle_needed : Rank::idle;
    default:
      return needed ? Rank::busy_needed : Rank::busy;
  }
}

void FlowTable::touch(const Flow& flow) noexcept {
  uses_[index_of(flow)] = {now_ms_, rank_of(flow)};
}

std::optional<std::size_t> FlowTable::free_way(std::size_t set) const noexcept {
  const std::size_t first = set * kWays;
  std::size_t way = first;
  bool empty = false;
  for (std::size_t i = first; i < first + kWays; ++i) {
    const Use& use = uses_[i];
    if (sets_[set].tags[i - first] == 0) {
      if (!empty) way = i;
      empty = true;
    } else if (use.rank == Rank::ended) {
      return i;
    } else if (const Use& best = uses_[way]; !empty) {
      if (use.rank != best.rank ? use.rank < best.rank : now_ms_ - use.at_ms > now_ms_ - best.at_ms) way = i;
    }
  }
  const Use& use = uses_[way];
  if (!empty && use.rank == Rank::busy_needed && now_ms_ - use.at_ms < kBusyMs) return std::nullopt;
  return way;
}

Flow* FlowTable::make(const FlowKey& key, SeqNum isn, bool timestamps) noexcept {
  const std::uint32_t tag = timestamps ? tag_of(isn) : tag_of(key);
  Flow* flow = find_tag(key, tag);
  if (flow == nullptr) {
    const std::optional<std::size_t> way = free_way(set_of(tag));
    if (!way) return nullptr;
    const Use& before = uses_[*way];
    if (tag_at(*way) != 0 && before.rank >= Rank::busy && now_ms_ - before.at_ms < kBusyMs) {
      crowded_ = true;
      crowded_ms_ = now_ms_;
    }
    tag_at(*way) = tag;
    flow = &flows_[*way];
  }
  flow->key = key;
  flow->isn = isn;
  flow->timestamps = timestamps;
  return flow;
}

void FlowTable::evict(const FlowKey& key, SeqNum isn) noexcept {
  if (Flow* const flow = find(key, isn); flow != nullptr) evict(*flow);
}

void FlowTable::note(SeqNum isn, Bytes query, SeqNum seq, const AnswerStream::Part& part, std::uint32_t ts_val,
                     std::uint32_t end) noexcept {
  Recent& recent = recent_[isn.value() & (recent_.size() - 1)];
  if (query.size() > recent.bytes.size()) return;
  recent.tag = tag_of(isn);
  recent.ts_val = ts_val;
  recent.seq = seq;
  recent.end = end;
  recent.answer = part.answer;
  recent.identity = part.identity;
  recent.length = static_cast<std::uint16_t>(query.size());
  std::memcpy(recent.bytes.data(), query.data(), query.size());
}

const FlowTable::Recent* FlowTable::recent(SeqNum isn) const noexcept {
  const Recent& recent = recent_[isn.value() & (recent_.size() - 1)];
  return recent.tag == tag_of(isn) ? &recent : nullptr;
}

// A client may repeat several segments in turn, and none of them may take another's count away.
FlowTable::StrayPlace FlowTable::place_of(const FlowKey& key, SeqNum seq) noexcept {
  if (strays_.empty()) return {nullptr, 0};
  const std::uint64_t hashed = (hash(key) + seq.value()) * 0x9e3779b97f4a7c15u;
  const auto tag = static_cast<std::uint32_t>(hashed >> 32) | 1;
  const auto quiet_ms = [this](const Stray& stray) { return stray.tag == 0 ? ~0u : now_ms_ - stray.at_ms; };
  // By bits of the middle: the low ones are the same for all places that are a multiple of 2^n apart.
  const std::size_t which = (hashed >> 22) & (kStrays / kStrayWays - 1);
  const std::span<Stray> set = std::span(strays_).subspan(which * kStrayWays, kStrayWays);
  Stray* oldest = &set.front();
  for (Stray& stray : set) {
    if (stray.tag == tag) return {&stray, tag};
    if (quiet_ms(stray) > quiet_ms(*oldest)) oldest = &stray;
  }
  return {oldest, tag};
}

unsigned FlowTable::count_stray(const FlowKey& key, SeqNum seq) noexcept {
  const auto [stray, tag] = place_of(key, seq);
  if (stray == nullptr) return 1;
  if (stray->tag != tag) {
    *stray = {tag, 1, now_ms_};
  } else if (now_ms_ - stray->at_ms >= kNetworkCopyMs) {
    *stray = {tag, stray->times + 1, now_ms_};
  }
  return stray->times;
}

void FlowTable::note_stray(const FlowKey& key, SeqNum seq) noexcept {
  const auto [stray, tag] = place_of(key, seq);
  if (stray != nullptr && stray->tag != tag) *stray = {tag, 1, now_ms_};
}

}  // namespace gl::tcp
