// NOTIFY messages on their way from a core to the main core's threads, which know the zones and the keys, and their
// answers back: a core neither verifies a signature nor makes one. Only what comes from an address of a primary is
// let in. Units: milliseconds of a monotonic clock. Byte order: messages as on the wire. Ownership: owns its queues,
// made once. Thread: one a core; the core calls all but take() and answer(), which one other thread does.
// Errors: by value; where the queue is full the message is dropped and counted. Source: RFC 1996 section 3.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "lib/base/endian.h"
#include "lib/base/spsc_queue.h"
#include "lib/dns/message.h"
#include "lib/service/datagram_service.h"
#include "lib/service/networks.h"
#include "lib/service/service.h"

namespace gl::services {

class NotifyDoor {
 public:
  static constexpr std::size_t kLongest = 512;
  struct Letter {
    Peer peer;
    std::uint16_t length = 0;  // of an answer 0: there is none
    std::array<std::uint8_t, kLongest> bytes;
    [[nodiscard]] Bytes message() const noexcept { return Bytes(bytes).first(length); }
  };

  explicit NotifyDoor(AllowedNetworks primaries) : primaries_(std::move(primaries)) {}

  enum class Taken : std::uint8_t { not_ours, passed, dropped };
  [[nodiscard]] Taken pass(const Datagram& datagram, std::uint64_t now_ms) noexcept {
    if (datagram.payload.size() < dns::kHeaderSize) return Taken::not_ours;
    const auto flags = load_be<std::uint16_t>(datagram.payload.data() + 2);
    if ((flags & dns::flag::qr) != 0 || dns::opcode_of(flags) != dns::Opcode::notify) return Taken::not_ours;
    if (!is_allowed(primaries_, datagram.peer_address())) return Taken::not_ours;
    if (datagram.payload.size() > kLongest) return Taken::dropped;
    letter_.peer = Peer(datagram);
    letter_.length = static_cast<std::uint16_t>(datagram.payload.size());
    std::ranges::copy(datagram.payload, letter_.bytes.begin());
    if (!in_.push(letter_)) return Taken::dropped;
    ++open_;
    next_look_ = now_ms + kLookAgainMs;
    return Taken::passed;
  }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept { return open_ == 0 ? Service::kNever : next_look_; }
  void on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept {
    next_look_ = now_ms + kLookAgainMs;
    while (out_.pop(letter_)) {
      --open_;
      const MutableBytes room = letter_.length == 0 ? MutableBytes{} : sender.room(letter_.peer);
      if (letter_.length == 0 || room.size() < letter_.length) continue;
      std::ranges::copy(letter_.message(), room.begin());
      sender.send(letter_.peer, letter_.peer.local_port, letter_.length);
    }
  }

  [[nodiscard]] bool take(Letter& letter) noexcept { return in_.pop(letter); }
  // Each that was taken is answered once, so there is room.
  void answer(const Letter& letter) noexcept { (void)out_.push(letter); }

 private:
  static constexpr std::uint64_t kLookAgainMs = 2;
  static constexpr std::size_t kSlots = 16;

  const AllowedNetworks primaries_;
  Letter letter_;
  std::uint64_t next_look_ = 0;
  std::size_t open_ = 0;  // letters without an answer
  SpscQueue<Letter, kSlots> in_;
  SpscQueue<Letter, 2 * kSlots> out_;
};

}  // namespace gl::services
