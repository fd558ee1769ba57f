// A seeded network between one model client and the responder: it loses, doubles, delays and so reorders.
// Units: milliseconds of simulated time. Ownership: values. Thread: one.
#pragma once

#include <cstdint>
#include <optional>
#include <queue>
#include <random>
#include <vector>

#include "lib/tcp/responder.h"
#include "tests/golden/scripted_service.h"

namespace gl::golden {

// A segment that owns its bytes, in either direction.
struct SimSegment {
  tcp::SeqNum seq;
  tcp::SeqNum ack;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;
  std::uint16_t mss = 0;
  std::optional<tcp::Timestamps> timestamps;
  ByteString payload;

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

struct ChannelSettings {
  double loss = 0;       // of each direction, as a share
  double duplicate = 0;  // likewise
  std::uint64_t delay_ms = 5;
  std::uint64_t jitter_ms = 0;  // above the spacing of segments it reorders
};

struct Delivery {
  std::uint64_t at_ms = 0;
  std::uint64_t order = 0;  // equal times keep the order of sending
  bool to_server = false;
  SimSegment segment;
  friend bool operator>(const Delivery& a, const Delivery& b) {
    return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.order > b.order;
  }
};

class SimNetwork {
 public:
  SimNetwork(const ChannelSettings& settings, std::uint64_t seed) : settings_(settings), random_(seed) {}

  void send(std::uint64_t now_ms, bool to_server, const SimSegment& segment) {
    if (chance(settings_.loss)) return;
    const int copies = chance(settings_.duplicate) ? 2 : 1;
    for (int i = 0; i < copies; ++i) {
      const std::uint64_t jitter = settings_.jitter_ms == 0 ? 0 : random_() % (settings_.jitter_ms + 1);
      queue_.push({now_ms + settings_.delay_ms + jitter, ++order_, to_server, segment});
    }
  }
  [[nodiscard]] std::optional<std::uint64_t> next_at() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.top().at_ms);
  }
  Delivery take() {
    Delivery delivery = queue_.top();
    queue_.pop();
    return delivery;
  }
  bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random_) < share; }

 private:
  ChannelSettings settings_;
  std::mt19937_64 random_;
  std::uint64_t order_ = 0;
  std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> queue_;
};

}  // namespace gl::golden
