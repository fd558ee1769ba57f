// The transfers of one core: each has a port of ours to itself, its TID, drawn at random from the core's share of a
// range, so that whoever sends to it has heard from us.
// A transfer is `offered` until its client has shown that it receives, and `dallying` when it is over; where the table
// is full the oldest of these makes room. Units: milliseconds. Byte order: ports host. Ownership: owns the entries,
// made once; pointers to them hold until remove(). Thread: that core only. Errors: null where there is no room.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <variant>
#include <vector>

#include "lib/backend/random_stream.h"
#include "lib/service/datagram_service.h"
#include "lib/services/tftp/read_transfer.h"
#include "lib/services/tftp/timer_wheel.h"
#include "lib/services/tftp/write_transfer.h"

namespace gl::tftp {

enum class Phase : std::uint8_t { unused, offered, established, dallying };

struct Transfer {
  Peer peer;  // its local port is our TID
  Phase phase = Phase::unused;
  std::uint64_t request = 0;  // hash of the packet that it was asked for by
  std::uint64_t serial = 0;   // of a write: tells it from others with the same TID
  std::uint32_t version = 0;  // of a file that is read
  // While it is offered: when it ends, how many bytes more may be drawn by its requests, and the pause before the first
  // packet goes out again.
  std::uint64_t expires = 0;
  std::size_t credit = 0;
  std::size_t first_length = 0;  // of that packet; 0: none has gone out
  std::uint32_t pause = 0;
  std::uint16_t blksize_of_path = 0;  // a router said that blocks are to be no longer; 0: it did not
  std::variant<ReadTransfer, WriteTransfer> way;

  [[nodiscard]] ReadTransfer* read() noexcept { return std::get_if<ReadTransfer>(&way); }
  [[nodiscard]] WriteTransfer* write() noexcept { return std::get_if<WriteTransfer>(&way); }

 private:
  friend class Transfers;
  std::uint32_t before = 0;  // in the order of age, of what may make room
  std::uint32_t after = 0;
  std::uint32_t in_bucket = 0;  // the next one that was offered to peers of the same hash
  std::uint32_t bucket = 0;
};

class Transfers {
 public:
  // `count`: at most; no more than the core has ports. `ports`: of which each `cores`th, from the first one on that
  // divided by `cores` leaves `core`, is this core's.
  Transfers(std::uint32_t count, const SharedOutPorts& ports, unsigned core);

  // How many ports a core has at least.
  [[nodiscard]] static std::uint32_t ports_of_a_core(const SharedOutPorts& ports) noexcept {
    return (ports.last - ports.first + 1u) / ports.cores;
  }

  // The transfer with this TID, whoever it is with.
  [[nodiscard]] Transfer* find(std::uint16_t tid) noexcept;
  // The one that was offered to the sender of this request.
  [[nodiscard]] Transfer* find_offered(const Datagram& request) noexcept;
  // Where there is no room: the one to be removed first. Null otherwise, or where all are established.
  [[nodiscard]] Transfer* in_the_way() noexcept {
    return unused_.empty() && oldest_ != kNone ? &entries_[oldest_] : nullptr;
  }
  // A new one, offered to the sender of this request.
  [[nodiscard]] Transfer* add(const Datagram& request) noexcept;
  void establish(Transfer& transfer) noexcept;
  void dally(Transfer& transfer) noexcept;
  void remove(Transfer& transfer) noexcept;

  void set_deadline(Transfer& transfer, std::uint64_t at, std::uint64_t now) noexcept {
    wheel_.set(id_of(transfer), at, now);
  }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept { return wheel_.next(); }
  // Calls `due(transfer)` for each whose deadline has passed; it may remove this one.
  template <class Due>
  void run(std::uint64_t now, Due due) noexcept {
    wheel_.run(now, [&](std::uint32_t id) { due(entries_[id]); });
  }

 private:
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  [[nodiscard]] std::uint32_t id_of(const Transfer& transfer) const noexcept {
    return static_cast<std::uint32_t>(&transfer - entries_.data());
  }
  [[nodiscard]] std::uint32_t bucket_of(const Datagram& request) const noexcept;
  [[nodiscard]] std::uint16_t draw_tid() noexcept;
  [[nodiscard]] std::uint32_t& at_tid(std::uint16_t tid) noexcept {
    return by_tid_[static_cast<std::size_t>(tid - first_) / cores_];
  }
  void append(std::uint32_t id) noexcept;
  void take_out(std::uint32_t id) noexcept;
  void leave_bucket(std::uint32_t id) noexcept;

  std::uint16_t first_ = 0;  // of this core's ports
  std::uint16_t cores_ = 1;
  std::vector<Transfer> entries_;
  std::vector<std::uint32_t> by_tid_;   // ids, a place for each of this core's ports
  std::vector<std::uint32_t> buckets_;  // ids, by hash of the peer
  std::vector<std::uint32_t> unused_;   // ids
  std::uint32_t oldest_ = kNone;        // of what may make room
  std::uint32_t newest_ = kNone;
  std::array<std::uint8_t, 16> key_;  // of the hash
  TimerWheel wheel_;
  backend::RandomStream random_;
};

}  // namespace gl::tftp
