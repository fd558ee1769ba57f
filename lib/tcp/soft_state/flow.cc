#include "lib/tcp/soft_state/flow.h"

#include <algorithm>
#include <cstring>

namespace gl::tcp {

void Flow::begin(SeqNum from) noexcept {
  state = FlowState::unsynchronized;
  base = acked = edge = piece_ack = ledger_next = covered = from;
  buffered = answered = 0;
  island_count = 0;
  fin_at = 0;
  client_fin_acked = fin_arrived = prefix_consumed = client_fin = last_answered = fin_sent = false;
  repeats = count = 0;
  snd_wnd = 0;
  base_end = answered_end = begun_end = ledger_end = covered_end = 0;
  ts_val = ts_recent = data_ts = 0;
  moved_ms = resent_ms = timed_ms = timed_end = 0;
  min_rtt_ms = 0;
  rtt_known = false;
  snd.begin(0, 0);
}

void Flow::synchronize(std::uint32_t end, std::uint32_t una) noexcept {
  state = FlowState::idle;
  base_end = answered_end = ledger_end = covered_end = end;
  begun_end = std::max(end, una);
  snd.begin(una, std::max(end, una));
}

bool Flow::store(std::uint32_t offset, Bytes bytes) noexcept {
  if (offset > capacity() || bytes.size() > capacity() - offset) return false;
  const auto begin = static_cast<std::uint16_t>(offset);
  const auto end = static_cast<std::uint16_t>(offset + bytes.size());
  if (begin > buffered && !bytes.empty() && !add_island({begin, end})) return false;
  if (!bytes.empty()) std::memcpy(queries.data() + offset, bytes.data(), bytes.size());
  if (begin > buffered) return true;
  buffered = std::max(buffered, end);
  join_islands();
  return true;
}

bool Flow::add_island(Island island) noexcept {
  std::array<Island, kMaxIslands + 1> all;
  std::size_t at = 0;
  std::size_t next = 0;
  while (next < island_count && islands[next].end < island.begin) all[at++] = islands[next++];
  for (; next < island_count && islands[next].begin <= island.end; ++next) {
    island = {std::min(island.begin, islands[next].begin), std::max(island.end, islands[next].end)};
  }
  all[at++] = island;
  while (next < island_count) all[at++] = islands[next++];
  if (at > islands.size()) return false;
  std::copy_n(all.begin(), at, islands.begin());
  island_count = static_cast<std::uint8_t>(at);
  return true;
}

void Flow::join_islands() noexcept {
  if (island_count == 0) {
    if (fin_at != 0 && fin_at - 1 == buffered) client_fin = true;
    return;
  }
  std::size_t joined = 0;
  while (joined < island_count && islands[joined].begin <= buffered) {
    buffered = std::max(buffered, islands[joined++].end);
  }
  island_count = static_cast<std::uint8_t>(island_count - joined);
  std::copy_n(islands.begin() + static_cast<std::ptrdiff_t>(joined), island_count, islands.begin());
  if (fin_at != 0 && fin_at - 1 == buffered) client_fin = true;
}

void Flow::end_at(std::uint32_t offset) noexcept {
  if (offset >= capacity()) return;
  fin_at = static_cast<std::uint16_t>(offset + 1);
  if (offset == buffered) client_fin = true;
}

void Flow::adopt(const Flow& unsynchronized) noexcept {
  const std::uint32_t offset = unsynchronized.base - base;
  if (offset >= capacity() || unsynchronized.prefix_consumed) return;
  const Bytes bytes(unsynchronized.queries);
  (void)store(offset, bytes.first(unsynchronized.buffered));
  for (std::size_t i = 0; i < unsynchronized.island_count; ++i) {
    const Island& island = unsynchronized.islands[i];
    (void)store(offset + island.begin,
                bytes.subspan(island.begin, static_cast<std::size_t>(island.end - island.begin)));
  }
  if (unsynchronized.fin_at != 0) end_at(offset + unsynchronized.fin_at - 1);
}

void Flow::drop_front(std::uint16_t bytes) noexcept {
  const std::uint16_t end = island_count > 0 ? islands[island_count - 1u].end : buffered;
  std::memmove(queries.data(), queries.data() + bytes, static_cast<std::size_t>(end - bytes));
  buffered = static_cast<std::uint16_t>(buffered - bytes);
  for (std::size_t i = 0; i < island_count; ++i) {
    islands[i] = {static_cast<std::uint16_t>(islands[i].begin - bytes),
                  static_cast<std::uint16_t>(islands[i].end - bytes)};
  }
  if (fin_at != 0) fin_at = static_cast<std::uint16_t>(fin_at - bytes);
  base = base + bytes;
}

void Flow::release() noexcept {
  std::size_t released = 0;
  std::uint16_t bytes = 0;
  while (released < count && base_end + parts[released].answer <= snd.una()) {
    base_end += parts[released].answer;
    bytes = static_cast<std::uint16_t>(bytes + parts[released].query);
    ++released;
  }
  if (released == 0) return;
  count = static_cast<std::uint8_t>(count - released);
  std::memmove(parts.data(), parts.data() + released, count * sizeof parts[0]);
  answered = static_cast<std::uint16_t>(answered - bytes);
  drop_front(bytes);
  prefix_consumed = false;
}

}  // namespace gl::tcp
