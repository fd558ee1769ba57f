// So many events a second for each network prefix: a table of fixed size in which counts decay exponentially.
// An address belongs to several prefixes, each with its own limit (kIpv4Prefixes, kIpv6Prefixes): an event is refused
// where one of them is used up, and otherwise counts for all. What is counted decays with a time constant of a second:
// a prefix that was quiet may have its limit at once, then as many events a second. A prefix is found by a keyed hash
// in two cache lines of seven counts; a new one takes the place of the smallest, so who asks much is not forgotten for
// many who ask little.
// Units: events, milliseconds of a monotonic clock, prefix lengths in bits. Byte order: addresses as on the wire.
// Ownership: owns the table, made once. Thread: one core's own. Errors: none. No call allocates but the constructor.
// Source: the idea and the multiples are those of Knot DNS 3.4, module rrl.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "lib/base/bytes.h"

namespace gl {

struct PrefixLimit {
  std::uint8_t length;     // bits
  std::uint16_t multiple;  // of a single address's rate
};
inline constexpr std::array<PrefixLimit, 4> kIpv4Prefixes = {{{32, 1}, {24, 32}, {20, 256}, {18, 768}}};
inline constexpr std::array<PrefixLimit, 5> kIpv6Prefixes = {{{128, 1}, {64, 2}, {56, 3}, {48, 4}, {32, 64}}};

class PrefixLimiter {
 public:
  using Key = std::array<std::uint8_t, 16>;
  static constexpr std::size_t kLines = std::size_t{1} << 14;  // 1 MiB, 114,688 counts
  static constexpr std::uint32_t kMaxRate = 100000;            // beyond, rounding would show

  // `rate`: events a second of a single address, 1 to kMaxRate. `key`: secret, random.
  PrefixLimiter(std::uint32_t rate, const Key& key);

  void set_time(std::uint64_t now_ms) noexcept { now_ms_ = static_cast<std::uint32_t>(now_ms); }
  // `address` has 4 or 16 bytes; any other is never limited.
  // True: counted. False: a limit is used up, and nothing was counted.
  [[nodiscard]] bool take(Bytes address) noexcept;
  // The two halves of take(), for who learns later whether it comes to the event.
  [[nodiscard]] bool exceeded(Bytes address) noexcept;
  void charge(Bytes address, std::uint32_t events = 1) noexcept;

 private:
  static constexpr std::size_t kSlots = 7;
  static constexpr std::uint32_t kFull = 0xffffffff;
  static constexpr std::size_t kMostPrefixes = kIpv6Prefixes.size();
  struct Slot {
    std::uint32_t id = 0;  // 0: free
    std::uint32_t load = 0;
  };
  struct alignas(64) Line {
    std::uint32_t at_ms = 0;  // when its loads were brought up to date
    std::array<Slot, kSlots> slots{};
  };
  struct Place {
    std::uint32_t id;
    std::uint32_t price;
    std::array<Line*, 2> lines;
    Slot* slot;  // where it stands; null: nowhere yet
  };
  struct Places {
    std::array<Place, kMostPrefixes> list;
    std::size_t count = 0;
  };

  void locate(Bytes address, Places& places) noexcept;
  template <std::size_t Size>
  [[nodiscard]] Place place_of(Bytes address, std::size_t length) noexcept;
  void age(Line& line) noexcept;
  [[nodiscard]] static Slot* find(const Place& place) noexcept;
  [[nodiscard]] static bool any_exceeded(const Places& places) noexcept;
  static void charge(Places& places, std::uint32_t events) noexcept;

  const Key key_;
  std::uint32_t now_ms_ = 0;
  std::array<std::uint32_t, kIpv4Prefixes.size()> prices_v4_;
  std::array<std::uint32_t, kIpv6Prefixes.size()> prices_v6_;
  // e^-t as fractions of 2^32: of 0 to 1,023 ms, and of so many times 1,024 ms.
  std::array<std::uint32_t, 1024> fine_;
  std::array<std::uint32_t, 32> coarse_;
  std::unique_ptr<std::array<Line, kLines>> table_;
};

}  // namespace gl
