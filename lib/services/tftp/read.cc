// Files that clients read: the part of the service that finds them, and sends window after window.
#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "lib/services/tftp/send.h"
#include "lib/services/tftp/tftp.h"

namespace gl::tftp {

using files::File;

void TftpService::read_file(const Datagram& datagram, const Request& request, DatagramSink& sink) noexcept {
  std::array<char, kMaxRequest> room;
  const auto path = path_of(request.name, room);
  if (!path) return refuse(datagram, {.error = ErrorCode::access_violation, .text = "bad name"}, sink);
  const files::Place* const place = files_ == nullptr ? nullptr : files_->current->find(settings_.root, *path);
  if (place == nullptr || place->file == nullptr || place->directory) {
    return refuse(datagram, {.error = ErrorCode::file_not_found, .text = "no such file"}, sink);
  }
  const File& file = *place->file;
  const Terms terms = agree(request, limits_for(datagram), file.body.size());
  if (terms.wrap == Wrap::refuse && terms.mode == Mode::octet && file.body.size() / terms.blksize + 1 > kLastNumber) {
    return refuse(datagram, {.error = ErrorCode::not_defined, .text = "file too long"}, sink);
  }
  bool again = false;
  Transfer* const transfer = offer(datagram, file.version, again);
  if (transfer == nullptr) return;
  if (!again) transfer->way = ReadTransfer(terms);
  (void)send_first(*transfer, ToSink{sink});
}

// How many bytes that were.
template <class Out>
std::size_t TftpService::send_window(Transfer& transfer, const File& file, Out out) noexcept {
  ReadTransfer& read = *transfer.read();
  std::size_t sent = 0;
  while (read.has_next()) {
    const std::size_t length = read.write_next(file.body, out.room(transfer));
    if (length == 0 || !out.send(transfer, length)) break;
    blocks_.add();
    sent += length;
  }
  read.sent(now_);
  return sent;
}

// The first packet, once more; how long it is. It is charged to the requests that have come.
template <class Out>
std::size_t TftpService::send_first(Transfer& transfer, Out out) noexcept {
  std::size_t length = 0;
  if (WriteTransfer* const write = transfer.write(); write != nullptr) {
    if (write->state() == WriteTransfer::State::opening) return 0;
    length = write->write_ack(out.room(transfer), now_);
    if (length != 0) (void)out.send(transfer, length);
  } else if (const File* const file = files::find_version(files_, transfer.version); file != nullptr) {
    transfer.read()->rewind();
    length = send_window(transfer, *file, out);
  }
  transfer.credit -= std::min(transfer.credit, length);
  transfer.first_length = length;
  return length;
}

void TftpService::on_ack(Transfer& transfer, std::uint16_t number, DatagramSink& sink) noexcept {
  if (transfer.phase == Phase::dallying) return repeated_acks_.add();
  const File* const file = files::find_version(files_, transfer.version);
  if (file == nullptr) {
    gone_.add();
    send_error(ToSink{sink}, transfer, ErrorCode::not_defined, "changed");
    return transfers_.remove(transfer);
  }
  ReadTransfer& read = *transfer.read();
  const ReadTransfer::Heard heard = read.on_ack(number, file->body, now_);
  if (heard == ReadTransfer::Heard::repeated) return repeated_acks_.add();
  if (heard == ReadTransfer::Heard::outside) return outside_acks_.add();
  sink.verified();
  if (transfer.phase == Phase::offered) {
    established_.add();
    transfers_.establish(transfer);
  }
  if (heard == ReadTransfer::Heard::finished) {
    finished_.add();
    transfers_.dally(transfer);
    return transfers_.set_deadline(transfer, now_ + kDallyFor, now_);
  }
  if (read.is_again()) rewinds_.add();
  (void)send_window(transfer, *file, ToSink{sink});
  if (read.is_too_long()) {
    too_long_.add();
    send_error(ToSink{sink}, transfer, ErrorCode::not_defined, "file too long");
    return transfers_.remove(transfer);
  }
  transfers_.set_deadline(transfer, read.deadline(), now_);
}

void TftpService::on_offered_deadline(Transfer& transfer, DatagramSender& sender) noexcept {
  if (now_ >= transfer.expires) {
    expired_.add();
    return end(transfer);
  }
  if (transfer.first_length != 0 && transfer.first_length <= transfer.credit &&
      send_first(transfer, ToSender{sender}) != 0) {
    timeouts_.add();
  }
  transfer.pause *= 2;
  transfers_.set_deadline(transfer, std::min(now_ + transfer.pause, transfer.expires), now_);
}

void TftpService::end_too_big(Transfer& transfer, DatagramSender& sender) noexcept {
  std::array<char, 32> text{"path MTU: blksize "};
  const std::size_t at = std::string_view(text.data()).size();
  const char* const end = std::to_chars(text.data() + at, text.data() + text.size(), transfer.blksize_of_path).ptr;
  too_big_.add();
  send_error(ToSender{sender}, transfer, ErrorCode::not_defined, {text.data(), end});
  transfers_.remove(transfer);
}

void TftpService::on_deadline(Transfer& transfer, std::uint64_t now_ms, DatagramSender& sender) noexcept {
  if (transfer.blksize_of_path != 0) return end_too_big(transfer, sender);
  if (transfer.phase == Phase::offered) return on_offered_deadline(transfer, sender);
  if (transfer.phase != Phase::established) return end(transfer);
  if (WriteTransfer* const write = transfer.write(); write != nullptr) {
    return on_write_deadline(transfer, *write, sender);
  }
  ReadTransfer& read = *transfer.read();
  const File* const file = files::find_version(files_, transfer.version);
  if (file == nullptr || !read.on_time(now_ms)) {
    (file == nullptr ? gone_ : gave_up_).add();
    send_error(ToSender{sender}, transfer, ErrorCode::not_defined, file == nullptr ? "changed" : "timeout");
    return transfers_.remove(transfer);
  }
  timeouts_.add();
  (void)send_window(transfer, *file, ToSender{sender});
  transfers_.set_deadline(transfer, read.deadline(), now_ms);
}

}  // namespace gl::tftp
