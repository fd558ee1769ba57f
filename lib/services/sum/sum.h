// Sums of integers over UDP: clients send lists, the server logs each sum, and may return it.
// Thread: receive() on one core; pop() on the main core beside it.
#pragma once

#include <array>
#include <cstdint>

#include "lib/base/counter.h"
#include "lib/base/spsc_queue.h"
#include "lib/service/datagram_service.h"
#include "lib/service/registry.h"
#include "lib/service/service.h"

namespace gl::services {

// Every name is a counter of each core.
#define GL_SUM_COUNTERS(X)                                                              \
  X(sums, "lists of integers added up")                                                 \
  X(malformed, "datagrams whose count does not fit their length")                       \
  X(server_ports, "datagrams from a port of another service: dropped, they might loop") \
  X(unlogged, "sums that the main core was too slow to be told of")

class SumService final : public Service, public DatagramService {
 public:
  // What the main core is told of one list.
  struct Line {
    std::array<std::uint8_t, 16> peer{};
    std::uint8_t peer_length = 0;  // 4 or 16 bytes
    std::uint16_t peer_port = 0;   // host order
    std::uint16_t count = 0;
    std::uint32_t sum = 0;
  };

  // `replies`: the sum goes back as well, 32 bits in network byte order.
  SumService(bool replies, const Registry& registry) noexcept
      : DatagramService(kAllowance), replies_(replies), registry_(registry) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "sum"; }
  void begin_burst(std::uint64_t) noexcept override {}
  void read_counters(CounterReader& reader) const override;
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override;

  // Main core: the next line, oldest first; false: none.
  [[nodiscard]] bool pop(Line& line) noexcept { return lines_.pop(line); }

 private:
  // An answer is never longer than what draws it: of an empty list, two bytes, the sum is not returned.
  static constexpr Allowance kAllowance{.factor = 1};

  const bool replies_;
  const Registry& registry_;
#define X(name, help) Counter name##_;
  GL_SUM_COUNTERS(X)
#undef X
  SpscQueue<Line, 256> lines_;
};

}  // namespace gl::services
