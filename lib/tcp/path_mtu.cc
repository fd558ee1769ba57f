#include "lib/tcp/path_mtu.h"

#include <sodium.h>

#include <algorithm>

namespace gl::tcp {
PathMtuTable::PathMtuTable() {
  randombytes_buf(key_.data(), key_.size());
}

PathMtuTable::Entry PathMtuTable::unpack(std::uint64_t word) noexcept {
  return {static_cast<std::uint32_t>(word >> 40), static_cast<std::uint16_t>(word >> 26 & 0x3fff),
          static_cast<std::uint32_t>(word & kSecondsMask)};
}

std::uint64_t PathMtuTable::pack(const Entry& entry) noexcept {
  return std::uint64_t{entry.tag} << 40 | std::uint64_t{entry.mtu} << 26 | entry.seconds;
}

bool PathMtuTable::alive(const Entry& entry, std::uint64_t now_s) noexcept {
  if (entry.mtu == 0) return false;
  // Another core's clock may be a moment ahead of this one's.
  const std::uint64_t age = (now_s - entry.seconds) & kSecondsMask;
  return age < kPathMtuLifetime || age > kSecondsMask - kPathMtuLifetime;
}

std::uint64_t PathMtuTable::hash(Bytes client) const noexcept {
  std::uint8_t digest[crypto_shorthash_siphash24_BYTES];
  crypto_shorthash_siphash24(digest, client.data(), client.size(), key_.data());
  return load_be<std::uint64_t>(digest);
}

std::uint16_t PathMtuTable::find(Bytes client, std::uint64_t now_s) const noexcept {
  const std::uint64_t hashed = hash(client);
  const std::size_t first = hashed % kSets * kWays;
  for (std::size_t i = first; i < first + kWays; ++i) {
    const Entry entry = unpack(words_[i].load(std::memory_order_relaxed));
    if (entry.tag == hashed >> 40 && alive(entry, now_s)) return entry.mtu;
  }
  return kNoPathMtu;
}

// Two cores that write one set at a time may lose an entry of the two: the router will say it again.
void PathMtuTable::learn(Bytes client, std::uint16_t mtu, std::uint64_t now_s) noexcept {
  const std::uint64_t hashed = hash(client);
  const std::size_t first = hashed % kSets * kWays;
  Entry learnt{static_cast<std::uint32_t>(hashed >> 40),
               std::min<std::uint16_t>(std::max(mtu, client.size() == 16 ? kMinPathMtuV6 : kMinPathMtuV4), 0x3fff),
               static_cast<std::uint32_t>(now_s & kSecondsMask)};
  std::size_t place = first;
  std::uint64_t oldest = 0;
  for (std::size_t i = first; i < first + kWays; ++i) {
    const Entry entry = unpack(words_[i].load(std::memory_order_relaxed));
    const bool living = alive(entry, now_s);
    if (living && entry.tag == learnt.tag) {
      place = i;
      learnt.mtu = std::min(learnt.mtu, entry.mtu);
      break;
    }
    const std::uint64_t age = living ? (now_s - entry.seconds) & kSecondsMask : kPathMtuLifetime;
    if (age >= oldest) {
      oldest = age;
      place = i;
    }
  }
  words_[place].store(pack(learnt), std::memory_order_relaxed);
  quiet_from_.store(now_s + kPathMtuLifetime, std::memory_order_relaxed);
}

namespace {
template <CookieForm form>
bool fits(const CookieKeys& keys, const QuotedSegment& quoted) noexcept {
  if (check_ack<form>(keys, quoted.flow, quoted.seq, std::nullopt)) return true;
  return quoted.ack && check_ack<form>(keys, quoted.flow, quoted.seq, *quoted.ack - 1);
}
}  // namespace

bool sent_by_us(const CookieKeys& keys, const QuotedSegment& quoted, bool scaling) noexcept {
  return fits<CookieForm::plain>(keys, quoted) || (scaling && fits<CookieForm::scaling>(keys, quoted));
}

}  // namespace gl::tcp
