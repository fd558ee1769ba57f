// The network between one model client and the nodes: it loses, doubles, delays, reorders and flips bits.
// Units: milliseconds of simulated time. Ownership: values. Thread: one. The scenario's seed decides everything.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "tests/sim/packet.h"
#include "tests/sim/random.h"

namespace gl::sim {

struct ChannelSettings {
  double loss_to_server = 0;  // shares of packets
  double loss_to_client = 0;
  double duplicate = 0;
  double flip = 0;               // one bit of the frame is turned over
  std::uint64_t delay_ms = 5;    // one way
  std::uint64_t jitter_ms = 0;   // above the spacing of packets it reorders
  bool in_order = false;         // but not here: who is early waits
  std::uint64_t bytes_a_ms = 0;  // to the client; 0: any number

  // The longest that a packet and its answer take, behind a window's worth of others.
  [[nodiscard]] std::uint64_t round_trip_ms() const {
    return 2 * (delay_ms + jitter_ms) + (bytes_a_ms == 0 ? 0 : 65535 / bytes_a_ms + 1);
  }
};

struct Delivery {
  std::uint64_t at_ms = 0;
  std::uint64_t order = 0;  // equal times keep the order of sending
  bool to_server = false;
  std::optional<std::uint64_t> flipped;  // which bit, to be taken modulo the frame's length
  Packet packet;
  friend bool operator>(const Delivery& a, const Delivery& b) {
    return a.at_ms != b.at_ms ? a.at_ms > b.at_ms : a.order > b.order;
  }
};

class Network {
  static constexpr std::size_t kHeaders = 66;  // Ethernet, IPv4 and TCP with timestamps

 public:
  Network(const ChannelSettings& settings, std::uint64_t seed) : settings_(settings), random_(seed) {}

  // False where the packet is lost.
  bool send(std::uint64_t now_ms, bool to_server, Packet packet) {
    if (random_.chance(to_server ? settings_.loss_to_server : settings_.loss_to_client)) return false;
    if (random_.chance(settings_.duplicate)) put(now_ms, to_server, packet);
    put(now_ms, to_server, std::move(packet));
    return true;
  }
  [[nodiscard]] std::optional<std::uint64_t> next_at() const {
    return queue_.empty() ? std::nullopt : std::optional(queue_.front().at_ms);
  }
  Delivery take() {
    std::pop_heap(queue_.begin(), queue_.end(), std::greater<>());
    Delivery delivery = std::move(queue_.back());
    queue_.pop_back();
    return delivery;
  }

 private:
  void put(std::uint64_t now_ms, bool to_server, Packet packet) {
    const std::uint64_t jitter = settings_.jitter_ms == 0 ? 0 : random_.below(settings_.jitter_ms + 1);
    std::uint64_t at = now_ms + settings_.delay_ms + jitter;
    if (settings_.bytes_a_ms != 0 && !to_server) {
      busy_ = std::max(busy_, now_ms * settings_.bytes_a_ms) + packet.payload.size() + kHeaders;
      at += busy_ / settings_.bytes_a_ms - now_ms;
    }
    if (settings_.in_order) at = last_at_[to_server ? 1 : 0] = std::max(at, last_at_[to_server ? 1 : 0]);
    Delivery delivery{at, ++order_, to_server, std::nullopt, std::move(packet)};
    if (random_.chance(settings_.flip)) delivery.flipped = random_.next();
    queue_.push_back(std::move(delivery));
    std::push_heap(queue_.begin(), queue_.end(), std::greater<>());
  }

  ChannelSettings settings_;
  Random random_;
  std::uint64_t order_ = 0;
  std::uint64_t busy_ = 0;  // until then the way to the client is, in bytes
  std::array<std::uint64_t, 2> last_at_{};
  std::vector<Delivery> queue_;  // a heap, the next one in front
};

}  // namespace gl::sim
