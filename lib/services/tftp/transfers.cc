#include "lib/services/tftp/transfers.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "lib/base/endian.h"

namespace gl::tftp {

static_assert(crypto_shorthash_KEYBYTES == 16);

Transfers::Transfers(std::uint32_t count, const SharedOutPorts& ports, unsigned core)
    : cores_(ports.cores), entries_(count), wheel_(count) {
  // The first port from there on that is this core's.
  const unsigned over = (core + ports.cores - unsigned{ports.first} % ports.cores) % ports.cores;
  first_ = static_cast<std::uint16_t>(ports.first + over);
  by_tid_.assign(static_cast<std::size_t>(ports.last - first_) / cores_ + 1, kNone);
  buckets_.assign(std::bit_ceil(count), kNone);
  for (std::uint32_t id = count; id > 0; --id) unused_.push_back(id - 1);
  randombytes_buf(key_.data(), key_.size());
}

Transfer* Transfers::find(std::uint16_t tid) noexcept {
  if (tid < first_ || (tid - first_) % cores_ != 0) return nullptr;
  const std::size_t place = static_cast<std::size_t>(tid - first_) / cores_;
  return place >= by_tid_.size() || by_tid_[place] == kNone ? nullptr : &entries_[by_tid_[place]];
}

std::uint32_t Transfers::bucket_of(const Datagram& request) const noexcept {
  std::array<std::uint8_t, 16 + 2> peer{};
  std::memcpy(peer.data(), request.peer, request.address_length);
  store_be(peer.data() + 16, request.peer_port);
  std::uint64_t hash = 0;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), peer.data(), peer.size(), key_.data());
  return static_cast<std::uint32_t>(hash & (buckets_.size() - 1));
}

Transfer* Transfers::find_offered(const Datagram& request) noexcept {
  for (std::uint32_t id = buckets_[bucket_of(request)]; id != kNone; id = entries_[id].in_bucket) {
    const Peer& peer = entries_[id].peer;
    if (peer.port == request.peer_port &&
        std::ranges::equal(request.peer_address(), Bytes(peer.address).first(peer.address_length)) &&
        std::ranges::equal(request.local_address(), Bytes(peer.local_address).first(peer.address_length))) {
      return &entries_[id];
    }
  }
  return nullptr;
}

std::uint16_t Transfers::draw_tid() noexcept {
  // There are more ports than entries: one is free.
  auto place = random_.below(static_cast<std::uint32_t>(by_tid_.size()));
  while (by_tid_[place] != kNone) place = place + 1 == by_tid_.size() ? 0 : place + 1;
  return static_cast<std::uint16_t>(first_ + place * cores_);
}

Transfer* Transfers::add(const Datagram& request) noexcept {
  if (unused_.empty()) return nullptr;
  const std::uint32_t id = unused_.back();
  unused_.pop_back();
  Transfer& transfer = entries_[id];
  transfer.peer = Peer(request);
  transfer.peer.local_port = draw_tid();
  transfer.phase = Phase::offered;
  at_tid(transfer.peer.local_port) = id;
  transfer.bucket = bucket_of(request);
  transfer.in_bucket = buckets_[transfer.bucket];
  buckets_[transfer.bucket] = id;
  append(id);
  return &transfer;
}

void Transfers::establish(Transfer& transfer) noexcept {
  const std::uint32_t id = id_of(transfer);
  transfer.phase = Phase::established;
  take_out(id);
  leave_bucket(id);
}

void Transfers::dally(Transfer& transfer) noexcept {
  if (transfer.phase == Phase::offered) establish(transfer);
  transfer.phase = Phase::dallying;
  append(id_of(transfer));
}

void Transfers::remove(Transfer& transfer) noexcept {
  const std::uint32_t id = id_of(transfer);
  if (transfer.phase == Phase::offered) leave_bucket(id);
  if (transfer.phase != Phase::established) take_out(id);
  at_tid(transfer.peer.local_port) = kNone;
  wheel_.cancel(id);
  transfer.phase = Phase::unused;
  unused_.push_back(id);
}

void Transfers::append(std::uint32_t id) noexcept {
  entries_[id].before = newest_;
  entries_[id].after = kNone;
  (newest_ == kNone ? oldest_ : entries_[newest_].after) = id;
  newest_ = id;
}

void Transfers::take_out(std::uint32_t id) noexcept {
  const Transfer& transfer = entries_[id];
  (transfer.before == kNone ? oldest_ : entries_[transfer.before].after) = transfer.after;
  (transfer.after == kNone ? newest_ : entries_[transfer.after].before) = transfer.before;
}

void Transfers::leave_bucket(std::uint32_t id) noexcept {
  std::uint32_t* at = &buckets_[entries_[id].bucket];
  while (*at != id) at = &entries_[*at].in_bucket;
  *at = entries_[id].in_bucket;
}

}  // namespace gl::tftp
