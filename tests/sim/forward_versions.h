// What a node has sent to one client, laid end to end, and whether it has answered a query once more with other bytes.
// A node that has forgotten what it gave may do so, but only where the client says nothing of what it holds: from the
// beginning of the answer on (docs/forwarding.md, "The same bytes twice"). Ownership: a copy of the bytes. Thread: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/base/endian.h"
#include "tests/sim/packet.h"

namespace gl::sim {

class SentVersions {
 public:
  // Segments that go out together begin where the client's acknowledgement is.
  void begin_burst() { burst_ = kNowhere; }

  void sent(const Packet& packet, bool arrives) {
    if (packet.has(tcp::kSyn)) isn_ = packet.seq;
    if (packet.has(tcp::kSyn) || packet.has(tcp::kRst) || packet.payload.empty() || differs_) return;
    const std::size_t at = packet.seq - (isn_ + 1);
    const std::size_t end = at + packet.payload.size();
    burst_ = std::min(burst_, at);
    if (end > stream_.size()) stream_.resize(end), arrived_.resize(end);
    for (std::size_t place = at; place < end; ++place) {
      const std::uint8_t byte = packet.payload[place - at];
      differs_ = arrived_[place] && stream_[place] != byte;
      anew_ = differs_ && burst_ <= answer_around(place);
      if (differs_) return;
      if (!arrived_[place]) stream_[place] = byte;
      arrived_[place] = arrived_[place] || arrives;
    }
  }

  [[nodiscard]] bool answered_anew() const { return anew_; }

 private:
  static constexpr std::size_t kNowhere = ~std::size_t{0};

  // Where the answer begins that holds the byte at `place`.
  [[nodiscard]] std::size_t answer_around(std::size_t place) const {
    for (std::size_t at = 0; at + 2 <= stream_.size();) {
      const std::size_t next = at + 2 + load_be<std::uint16_t>(stream_.data() + at);
      if (next > place) return at;
      at = next;
    }
    return place;
  }

  tcp::SeqNum isn_;
  ByteString stream_;  // as it arrived first
  std::vector<bool> arrived_;
  std::size_t burst_ = kNowhere;
  bool differs_ = false;  // from here on there is nothing to compare with
  bool anew_ = false;
};

}  // namespace gl::sim
