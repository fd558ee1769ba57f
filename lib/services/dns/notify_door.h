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
  static constexpr std::size_t kSlots = 16;
  static constexpr std::uint8_t kDatagram = 0xff;
  struct Letter {
    Peer peer;                         // over TCP only address and port
    std::uint8_t request = kDatagram;  // over TCP: as whom the core knows it
    std::uint16_t length = 0;          // of an answer 0: there is none
    std::array<std::uint8_t, kLongest> bytes;
    [[nodiscard]] Bytes message() const noexcept { return Bytes(bytes).first(length); }
  };

  explicit NotifyDoor(AllowedNetworks primaries) : primaries_(std::move(primaries)) {}

  // Whether it is a NOTIFY of an address that a primary has.
  [[nodiscard]] bool is_ours(Bytes message, Bytes address) const noexcept {
    if (message.size() < dns::kHeaderSize) return false;
    const auto flags = load_be<std::uint16_t>(message.data() + 2);
    return (flags & dns::flag::qr) == 0 && dns::opcode_of(flags) == dns::Opcode::notify &&
           is_allowed(primaries_, address);
  }

  enum class Taken : std::uint8_t { not_ours, passed, dropped };
  [[nodiscard]] Taken pass(const Datagram& datagram, std::uint64_t now_ms) noexcept {
    if (!is_ours(datagram.payload, datagram.peer_address())) return Taken::not_ours;
    if (datagram.payload.size() > kLongest) return Taken::dropped;
    letter_.peer = Peer(datagram);
    letter_.request = kDatagram;
    return push(datagram.payload, now_ms) ? Taken::passed : Taken::dropped;
  }
  // Over TCP: one that is ours and not too long, with both ends as RequestContext::flow. False: it was dropped.
  [[nodiscard]] bool pass(Bytes message, Bytes flow, std::uint8_t request, std::uint64_t now_ms) noexcept {
    const std::size_t length = flow.size() / 2 - 2;  // of an address
    letter_.peer = {};
    letter_.peer.address_length = static_cast<std::uint8_t>(length);
    std::ranges::copy(flow.first(length), letter_.peer.address.begin());
    letter_.peer.port = load_be<std::uint16_t>(flow.data() + 2 * length);
    letter_.request = request;
    return push(message, now_ms);
  }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept { return open_ == 0 ? Service::kNever : next_look_; }
  // Answers that have come back: datagrams go out, others to `take_stream`.
  template <class TakeStream>
  void on_time(std::uint64_t now_ms, DatagramSender& sender, TakeStream&& take_stream) noexcept {
    next_look_ = now_ms + kLookAgainMs;
    while (out_.pop(letter_)) {
      --open_;
      if (letter_.request != kDatagram) {
        take_stream(letter_);
        continue;
      }
      const MutableBytes room = letter_.length == 0 ? MutableBytes{} : sender.room(letter_.peer);
      if (letter_.length == 0 || room.size() < letter_.length) continue;
      std::ranges::copy(letter_.message(), room.begin());
      sender.send(letter_.peer, letter_.peer.local_port, letter_.length);
    }
  }

  [[nodiscard]] bool take(Letter& letter) noexcept { return in_.pop(letter); }
  // Each that was taken is answered once, and no more are open, so there is room.
  void answer(const Letter& letter) noexcept { (void)out_.push(letter); }

 private:
  static constexpr std::uint64_t kLookAgainMs = 2;

  [[nodiscard]] bool push(Bytes message, std::uint64_t now_ms) noexcept {
    letter_.length = static_cast<std::uint16_t>(message.size());
    std::ranges::copy(message, letter_.bytes.begin());
    if (open_ == kSlots || !in_.push(letter_)) return false;
    ++open_;
    next_look_ = now_ms + kLookAgainMs;
    return true;
  }

  const AllowedNetworks primaries_;
  Letter letter_;
  std::uint64_t next_look_ = 0;
  std::size_t open_ = 0;  // letters without an answer
  SpscQueue<Letter, kSlots> in_;
  SpscQueue<Letter, kSlots> out_;
};

}  // namespace gl::services
