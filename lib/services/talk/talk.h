// Simplex-talk over UDP: clients send lines of text, the server prints who sent them and what they say, and never
// answers. Thread: receive() on one core; pop() on the main core beside it.
#pragma once

#include <array>
#include <cstdint>

#include "lib/base/counter.h"
#include "lib/base/spsc_queue.h"
#include "lib/service/datagram_service.h"
#include "lib/service/service.h"

namespace gl::services {

// Every name is a counter of each core.
#define GL_TALK_COUNTERS(X)                       \
  X(received, "messages")                         \
  X(cut, "those whose text was longer than kept") \
  X(unprinted, "those that the main core was too slow to be told of")

class TalkService final : public Service, public DatagramService {
 public:
  // What the main core is told of one datagram.
  struct Message {
    static constexpr std::size_t kMaxText = 1472;  // what a frame of Ethernet holds
    std::array<std::uint8_t, 16> peer{};
    std::uint8_t peer_length = 0;  // 4 or 16 bytes
    std::uint16_t peer_port = 0;   // host order
    std::uint16_t length = 0;
    std::array<char, kMaxText> text;  // valid up to `length`
  };

  TalkService() noexcept : DatagramService(Allowance{}) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "talk"; }
  void begin_burst(std::uint64_t) noexcept override {}
  void read_counters(CounterReader& reader) const override;
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override;

  // Main core: the next message, oldest first; false: none.
  [[nodiscard]] bool pop(Message& message) noexcept { return messages_.pop(message); }

 private:
#define X(name, help) Counter name##_;
  GL_TALK_COUNTERS(X)
#undef X
  SpscQueue<Message, 256> messages_;
};

}  // namespace gl::services
