#include "lib/service/prefix_limiter.h"

#include <sodium/crypto_shorthash_siphash24.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "lib/base/endian.h"

namespace gl {
namespace {

constexpr unsigned kIndexBits = 14;
static_assert(PrefixLimiter::kLines == std::size_t{1} << kIndexBits);

std::uint32_t decayed(std::uint32_t value, std::uint32_t factor) noexcept {
  return static_cast<std::uint32_t>(std::uint64_t{value} * factor >> 32);
}

std::uint32_t remaining_after(double seconds) {
  return static_cast<std::uint32_t>(std::min(std::exp(-seconds) * 0x1p32, 0x1p32 - 1));
}

}  // namespace

PrefixLimiter::PrefixLimiter(std::uint32_t rate, const Key& key)
    : key_(key), table_(std::make_unique<std::array<Line, kLines>>()) {
  const double each = std::clamp(rate, std::uint32_t{1}, kMaxRate);
  // An event is what decays from a full count between two events at that rate, so the rate is met exactly.
  const auto price = [&](const PrefixLimit& limit) {
    return static_cast<std::uint32_t>(-std::expm1(-1 / (each * limit.multiple)) * kFull);
  };
  std::transform(kIpv4Prefixes.begin(), kIpv4Prefixes.end(), prices_v4_.begin(), price);
  std::transform(kIpv6Prefixes.begin(), kIpv6Prefixes.end(), prices_v6_.begin(), price);
  for (std::size_t i = 0; i < fine_.size(); ++i) fine_[i] = remaining_after(static_cast<double>(i) / 1000);
  for (std::size_t i = 0; i < coarse_.size(); ++i) coarse_[i] = remaining_after(static_cast<double>(i) * 1.024);
}

bool PrefixLimiter::take(Bytes address) noexcept {
  Places places;
  locate(address, places);
  if (any_exceeded(places)) return false;
  charge(places, 1);
  return true;
}

bool PrefixLimiter::exceeded(Bytes address) noexcept {
  Places places;
  locate(address, places);
  return any_exceeded(places);
}

void PrefixLimiter::charge(Bytes address, std::uint32_t events) noexcept {
  Places places;
  locate(address, places);
  charge(places, events);
}

// Where the counts of a prefix may stand. The hash covers its length, so that 192.0.2.0 is not 192.0.2.0/24.
template <std::size_t Size>
PrefixLimiter::Place PrefixLimiter::place_of(Bytes address, std::size_t length) noexcept {
  std::array<std::uint8_t, 1 + Size> input;
  input[0] = static_cast<std::uint8_t>(length);
  std::memcpy(input.data() + 1, address.data(), Size);
  const std::size_t whole = length / 8;
  if (whole < Size) input[1 + whole] &= static_cast<std::uint8_t>(0xff00 >> length % 8);
  for (std::size_t i = whole + 1; i < Size; ++i) input[1 + i] = 0;
  std::array<std::uint8_t, crypto_shorthash_siphash24_BYTES> digest;
  crypto_shorthash_siphash24(digest.data(), input.data(), input.size(), key_.data());
  const auto hash = load_be<std::uint64_t>(digest.data());
  constexpr std::uint64_t kMask = kLines - 1;
  const auto id = std::max(static_cast<std::uint32_t>(hash), std::uint32_t{1});
  return {id, 0, {&(*table_)[hash >> 32 & kMask], &(*table_)[hash >> (32 + kIndexBits) & kMask]}, nullptr};
}

void PrefixLimiter::locate(Bytes address, Places& places) noexcept {
  const auto add = [&](const auto whole, const auto& prefixes, const auto& prices) {
    for (std::size_t i = 0; i < prefixes.size(); ++i) {
      Place& place = places.list[places.count++] = place_of<whole()>(address, prefixes[i].length);
      place.price = prices[i];
    }
  };
  if (address.size() == 4) add(std::integral_constant<std::size_t, 4>{}, kIpv4Prefixes, prices_v4_);
  if (address.size() == 16) add(std::integral_constant<std::size_t, 16>{}, kIpv6Prefixes, prices_v6_);
  for (std::size_t i = 0; i < places.count; ++i) {
    Place& place = places.list[i];
    for (Line* const line : place.lines) age(*line);
    place.slot = find(place);
  }
}

void PrefixLimiter::age(Line& line) noexcept {
  const std::uint32_t elapsed = now_ms_ - line.at_ms;
  if (elapsed == 0) return;
  line.at_ms = now_ms_;
  const std::uint32_t coarse = elapsed >> 10;
  const std::uint32_t factor = coarse < coarse_.size() ? decayed(fine_[elapsed & 1023], coarse_[coarse]) : 0;
  for (Slot& slot : line.slots) slot.load = decayed(slot.load, factor);
}

PrefixLimiter::Slot* PrefixLimiter::find(const Place& place) noexcept {
  for (Line* const line : place.lines) {
    for (Slot& slot : line->slots) {
      if (slot.id == place.id) return &slot;
    }
  }
  return nullptr;
}

bool PrefixLimiter::any_exceeded(const Places& places) noexcept {
  return std::any_of(places.list.begin(), places.list.begin() + places.count, [](const Place& place) {
    return place.slot != nullptr && place.slot->load > kFull - place.price;
  });
}

void PrefixLimiter::charge(Places& places, std::uint32_t events) noexcept {
  const auto smallest = [](Line* line) {
    return &*std::min_element(line->slots.begin(), line->slots.end(),
                              [](const Slot& a, const Slot& b) { return a.load < b.load; });
  };
  for (std::size_t i = 0; i < places.count; ++i) {
    Place& place = places.list[i];
    // Another of these prefixes may have taken it in the meantime.
    if (place.slot == nullptr || place.slot->id != place.id) {
      place.slot = smallest(place.lines[0]);
      if (Slot* const other = smallest(place.lines[1]); other->load < place.slot->load) place.slot = other;
      *place.slot = {place.id, 0};
    }
    Slot& slot = *place.slot;
    const std::uint64_t load = slot.load + std::uint64_t{place.price} * events;
    slot.load = static_cast<std::uint32_t>(std::min<std::uint64_t>(load, kFull));
  }
}

}  // namespace gl
