// How many slots of questions each network of clients holds, over UDP and over TCP apart: so that none holds all of
// them. A network is a /24 or /56; it is found by a keyed hash, so two may share a count by chance, and nobody can
// choose whose. Byte order: addresses as on the wire. Ownership: owns the counts, made once. Thread: one core's own.
// Errors: none.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "lib/backend/flow_ends.h"
#include "lib/backend/flow_tag.h"
#include "lib/base/bytes.h"

namespace gl::backend {

class Shares {
 public:
  // `most`: slots of one network; 0: as many as it likes.
  explicit Shares(std::uint32_t most) : most_(most), held_(most == 0 ? 0 : kPlaces) {}

  [[nodiscard]] bool enabled() const noexcept { return most_ != 0; }
  // Of the client whose flow that is.
  [[nodiscard]] std::uint16_t place(Bytes flow, bool stream) const noexcept {
    if (!enabled()) return 0;
    constexpr std::size_t kNetworkV4 = 3, kNetworkV6 = 7;  // bytes
    const Bytes client = client_address(flow);
    const std::size_t length = client.size() == 16 ? kNetworkV6 : kNetworkV4;
    return static_cast<std::uint16_t>(tagger_.tag(client.first(std::min(length, client.size())), stream ? 1 : 0));
  }
  [[nodiscard]] bool is_used_up(std::uint16_t place) const noexcept { return enabled() && held_[place] >= most_; }
  void take(std::uint16_t place) noexcept {
    if (enabled()) ++held_[place];
  }
  void give_back(std::uint16_t place) noexcept {
    if (enabled()) --held_[place];
  }

 private:
  static constexpr std::size_t kPlaces = 65536;

  const std::uint32_t most_;
  FlowTagger tagger_;
  std::vector<std::uint16_t> held_;  // at most as many as there are slots, 16384
};

}  // namespace gl::backend
