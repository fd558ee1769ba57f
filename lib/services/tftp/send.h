// Packets of a transfer, in answer to a datagram or when a deadline has passed.
// Ownership: borrows. Thread: that core only. Errors: false where nothing was sent.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/service/datagram_service.h"
#include "lib/services/tftp/transfers.h"

namespace gl::tftp {

struct ToSink {
  DatagramSink& sink;
  [[nodiscard]] MutableBytes room(const Transfer&) const noexcept { return sink.room(); }
  bool send(const Transfer& transfer, std::size_t length) const noexcept {
    return sink.send(transfer.peer.local_port, length);
  }
};
struct ToSender {
  DatagramSender& sender;
  [[nodiscard]] MutableBytes room(const Transfer& transfer) const noexcept { return sender.room(transfer.peer); }
  bool send(const Transfer& transfer, std::size_t length) const noexcept {
    sender.send(transfer.peer, transfer.peer.local_port, length);
    return true;
  }
};

template <class Out>
void send_error(const Out& out, const Transfer& transfer, ErrorCode code, std::string_view text) noexcept {
  const std::size_t length = write_error(out.room(transfer), code, text);
  if (length != 0) (void)out.send(transfer, length);
}
// To whoever sent `datagram`: no more than three times as long.
inline void send_error(const Datagram& datagram, ErrorCode code, std::string_view text, DatagramSink& sink) noexcept {
  const MutableBytes room = sink.room();
  const std::size_t length = write_error(room.first(std::min(room.size(), 3 * datagram.payload.size())), code, text);
  if (length != 0) (void)sink.send(datagram.local_port, length);
}

}  // namespace gl::tftp
