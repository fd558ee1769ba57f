#include "lib/backend/waiters.h"

#include <bit>
#include <cstring>

namespace gl::backend {

Waiters::Waiters(std::size_t count, std::size_t frame_bytes)
    : frame_bytes_(frame_bytes),
      frames_((count + 1) * frame_bytes),
      waiters_(count + 1),
      buckets_(std::bit_ceil(2 * (count + 1)), kNone) {
  for (std::size_t i = waiters_.size(); i-- > 0;) release(static_cast<std::uint32_t>(i));
}

std::uint32_t Waiters::find(std::uint64_t tag) const noexcept {
  std::uint32_t i = buckets_[tag & (buckets_.size() - 1)];
  while (i != kNone && waiters_[i].tag != tag) i = waiters_[i].next_in_bucket;
  return i;
}

void Waiters::copy(std::uint32_t i, const Suspended& what) noexcept {
  std::uint8_t* const memory = frames_.data() + i * frame_bytes_;
  if (!what.frame.empty()) std::memcpy(memory, what.frame.data(), what.frame.size());
  waiters_[i].frame = what;
  waiters_[i].frame.frame = {memory, what.frame.size()};
}

bool Waiters::admits(const Suspended& what, const Ticket& ticket) noexcept {
  const std::uint32_t waiting = find(ticket.tag);
  if (waiting == kNone) return ticket.valid() && fits(what.frame);
  // The newer frame of a TCP flow says more: it holds what came before, and the newest acknowledgement.
  const bool newer = ticket.stream && what.frame.size() >= waiters_[waiting].frame.frame.size();
  if (newer && fits(what.frame)) copy(waiting, what);
  return false;
}

void Waiters::add(const Waiter& waiter, const Suspended& what, WaiterChain& chain) noexcept {
  const std::uint32_t i = free_;
  free_ = waiters_[i].next;
  --free_count_;
  waiters_[i] = waiter;
  waiters_[i].next = kNone;
  copy(i, what);
  std::uint32_t& first = bucket(waiter.tag);
  waiters_[i].next_in_bucket = first;
  first = i;
  (chain.head == kNone ? chain.head : waiters_[chain.tail].next) = i;
  chain.tail = i;
}

void Waiters::make_ready(WaiterChain& chain) noexcept {
  if (chain.head == kNone) return;
  (ready_.head == kNone ? ready_.head : waiters_[ready_.tail].next) = chain.head;
  ready_.tail = chain.tail;
  chain = {};
}

std::uint32_t Waiters::take_ready() noexcept {
  const std::uint32_t i = ready_.head;
  if (i == kNone) return kNone;
  ready_.head = waiters_[i].next;
  if (ready_.head == kNone) ready_.tail = kNone;
  std::uint32_t* link = &bucket(waiters_[i].tag);
  while (*link != i) link = &waiters_[*link].next_in_bucket;
  *link = waiters_[i].next_in_bucket;
  return i;
}

const Suspended* Waiters::resume() noexcept {
  release_resumed();
  resumed_ = take_ready();
  return is_resuming() ? &waiters_[resumed_].frame : nullptr;
}

void Waiters::release_resumed() noexcept {
  if (!is_resuming()) return;
  release(resumed_);
  resumed_ = kNone;
}

void Waiters::release(std::uint32_t i) noexcept {
  waiters_[i].next = free_;
  free_ = i;
  ++free_count_;
}

}  // namespace gl::backend
