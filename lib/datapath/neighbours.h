// The link addresses of the next hops towards the backends: a fixed table that all cores share. Whichever
// core receives an ARP packet or a message of neighbour discovery writes what it says; every core reads; one core asks
// (neighbour_clock.h). Nothing is learned of addresses that are no next hop of ours.
// Byte order: wire. Ownership: filled by the main core before the workers start. Thread: one atomic word an entry; of
// two cores that learn at the same moment one may count for nothing. Errors: by value. Sources: RFC 826, RFC 4861
// section 7.2.5.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/wire/address.h"

namespace gl::datapath {

inline constexpr std::size_t kMaxNeighbours = 64;

// One word: 48 bits of MAC, 2 of state, 14 that count confirmations.
class LinkState {
 public:
  enum class State : std::uint8_t {
    unresolved,   // not heard of yet, and not asked for long enough
    reachable,    // the MAC address is good to send to
    unreachable,  // does not answer; without a MAC address: it never did
  };
  constexpr LinkState() noexcept = default;
  constexpr explicit LinkState(std::uint64_t word) noexcept : word_(word) {}
  constexpr LinkState(const wire::MacAddress& mac, State state, unsigned confirmations) noexcept
      : word_(std::uint64_t{confirmations & 0x3fffu} | static_cast<std::uint64_t>(state) << 14) {
    for (std::size_t i = 0; i < 6; ++i) word_ |= std::uint64_t{mac.bytes[i]} << (16 + 8 * i);
  }
  [[nodiscard]] constexpr std::uint64_t word() const noexcept { return word_; }
  [[nodiscard]] constexpr State state() const noexcept { return static_cast<State>(word_ >> 14 & 3); }
  [[nodiscard]] constexpr unsigned confirmations() const noexcept { return static_cast<unsigned>(word_ & 0x3fff); }
  [[nodiscard]] constexpr wire::MacAddress mac() const noexcept {
    wire::MacAddress found;
    for (std::size_t i = 0; i < 6; ++i) found.bytes[i] = static_cast<std::uint8_t>(word_ >> (16 + 8 * i));
    return found;
  }
  friend constexpr bool operator==(const LinkState&, const LinkState&) noexcept = default;

 private:
  std::uint64_t word_ = 0;
};

// How much a message says.
enum class Heard : std::uint8_t {
  answer,  // to a question of ours: the neighbour is there, and hears us
  hint,    // it names a MAC address; whether the neighbour hears us will be asked
};

class NeighbourTable {
 public:
  struct Key {
    std::uint16_t interface = 0;  // index among the ports
    wire::IpAddress address;
    wire::IpAddress ours;  // who asks
  };

  // Main core: the entry of this next hop; nothing where the table is full.
  [[nodiscard]] std::optional<unsigned> add(const Key& key) noexcept {
    for (unsigned i = 0; i < count_; ++i) {
      if (keys_[i].interface == key.interface && keys_[i].address == key.address) return i;
    }
    if (count_ == kMaxNeighbours) return std::nullopt;
    keys_[count_] = key;
    return count_++;
  }

  [[nodiscard]] unsigned size() const noexcept { return count_; }
  [[nodiscard]] const Key& key(unsigned entry) const noexcept { return keys_[entry]; }
  [[nodiscard]] LinkState at(unsigned entry) const noexcept {
    return LinkState(words_[entry].load(std::memory_order_relaxed));
  }
  [[nodiscard]] bool reachable(unsigned entry) const noexcept {
    return at(entry).state() == LinkState::State::reachable;
  }

  // True where `address` is a next hop on that interface, and something was said of it. Without `mac`: it is still the
  // same. Without `replace` a MAC address that is good is not given up for another.
  struct Word {
    std::optional<wire::MacAddress> mac;
    Heard heard = Heard::hint;
    bool replace = true;
  };
  template <class Address>
  bool learn(unsigned interface, const Address& address, const Word& said) noexcept {
    for (unsigned i = 0; i < count_; ++i) {
      const Address* const known = std::get_if<Address>(&keys_[i].address);
      if (known != nullptr && *known == address && keys_[i].interface == interface) return learn(i, said);
    }
    return false;
  }
  // The asking core: only from what it has seen, so that nothing learned meanwhile is lost.
  void give_up(unsigned entry, LinkState seen) noexcept {
    std::uint64_t expected = seen.word();
    const LinkState next(seen.mac(), LinkState::State::unreachable, seen.confirmations());
    words_[entry].compare_exchange_strong(expected, next.word(), std::memory_order_relaxed);
  }

 private:
  bool learn(unsigned entry, const Word& said) noexcept {
    const LinkState now = at(entry);
    const wire::MacAddress mac = said.mac.value_or(now.mac());
    if (mac.is_multicast() || mac == wire::MacAddress{}) return false;
    if (!said.replace && now.state() == LinkState::State::reachable && mac != now.mac()) return false;
    const unsigned confirmations = now.confirmations() + (said.heard == Heard::answer ? 1 : 0);
    const LinkState next(mac, LinkState::State::reachable, confirmations);
    if (next != now) words_[entry].store(next.word(), std::memory_order_relaxed);
    return true;
  }

  unsigned count_ = 0;
  std::array<Key, kMaxNeighbours> keys_{};
  alignas(64) std::array<std::atomic<std::uint64_t>, kMaxNeighbours> words_{};
};

}  // namespace gl::datapath
