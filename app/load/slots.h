// The exchanges in flight: a fixed array, found from a frame's (source address, source port) without a search.
// A tuple number is (address index << 15 | port - 32768); its slot is the number modulo the slots. A slot takes
// another tuple for every exchange, so that what comes late for the last one is told apart.
// Units: deadlines and starts in TSC cycles. Ownership: the clients'. Thread: the generator's core only.
#pragma once

#include <cstdint>
#include <vector>

#include "app/load/options.h"

namespace gl::load {

enum class State : std::uint8_t {
  idle,
  syn_sent,  // waiting for the SYN-ACK
  asked,     // waiting for the answer
  resting,   // open, and nothing asked (Options::rests)
  fin_sent,  // the whole answer came; waiting for the server's FIN
  last_ack,  // the server closed first; waiting for the ACK of our FIN
};

struct alignas(64) Slot {
  std::uint64_t started = 0;
  std::uint64_t deadline = 0;
  std::uint32_t tuple = 0;
  std::uint32_t seq = 0;          // next to send
  std::uint32_t unacked = 0;      // oldest not acknowledged
  std::uint32_t expected = 0;     // next to receive
  std::uint32_t peer_ts = 0;      // its last TSval, to echo
  std::uint32_t query = 0;        // which question
  std::uint32_t answer_left = 0;  // bytes of the answer still to come, once its head is known
  std::uint16_t id = 0;
  std::uint16_t queries_left = 0;
  State state = State::idle;
  std::uint8_t tries = 0;
  std::uint8_t head_length = 0;
  std::uint8_t head[6] = {};  // of the answer: prefix, id, flags
};
static_assert(sizeof(Slot) == 64);

class SlotTable {
 public:
  explicit SlotTable(const Options& o)
      : slots_(o.connections),
        mask_(o.connections - 1),
        tuples_(o.sources.count * (1u << kPortBits) / o.connections * o.connections),
        source_low_(o.sources.low) {
    for (std::uint32_t i = 0; i < o.connections; ++i) slots_[i].tuple = i;
  }

  static constexpr unsigned kPortBits = 15;
  static constexpr std::uint16_t kFirstPort = 1u << kPortBits;

  // The slot that has this tuple now, or null.
  [[nodiscard]] Slot* find(std::uint32_t source_index, std::uint16_t port) noexcept {
    const std::uint32_t tuple = source_index << kPortBits | (port & (kFirstPort - 1));
    Slot& s = slots_[tuple & mask_];
    return s.tuple == tuple && port >= kFirstPort && s.state != State::idle ? &s : nullptr;
  }
  void next_tuple(Slot& s) const noexcept {
    s.tuple += mask_ + 1;
    if (s.tuple >= tuples_) s.tuple -= tuples_;
  }
  [[nodiscard]] std::uint32_t source_low(const Slot& s) const noexcept { return source_low_ + (s.tuple >> kPortBits); }
  [[nodiscard]] static std::uint16_t port(const Slot& s) noexcept {
    return static_cast<std::uint16_t>(kFirstPort | (s.tuple & (kFirstPort - 1)));
  }
  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  [[nodiscard]] Slot& operator[](std::size_t i) noexcept { return slots_[i]; }

 private:
  std::vector<Slot> slots_;
  std::uint32_t mask_;
  std::uint32_t tuples_;
  std::uint32_t source_low_;
};

}  // namespace gl::load
