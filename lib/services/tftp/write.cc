// Files that clients write: the part of the service that hands blocks to the main core, and acknowledges them.
#include <algorithm>

#include "lib/services/tftp/send.h"
#include "lib/services/tftp/tftp.h"

namespace gl::tftp {

bool TftpService::tell(const Transfer& transfer, UploadJob::Kind kind, Bytes bytes, Mode mode) noexcept {
  UploadJob job;
  job.kind = kind;
  job.mode = mode;
  job.id = {transfer.serial, transfer.peer.local_port};
  job.length = static_cast<std::uint16_t>(bytes.size());
  std::ranges::copy(bytes, job.bytes.begin());
  if (uploads_->jobs.push(job)) return true;
  queue_full_.add();
  return false;
}

// Whether the file may be written is for the main core to say: what it says is sent in take_results().
void TftpService::write_file(const Datagram& datagram, const Request& request, DatagramSink& sink) noexcept {
  std::array<char, kMaxRequest> room;
  const auto path = path_of(request.name, room);
  if (uploads_ == nullptr || !path) {
    return refuse(datagram, {.error = ErrorCode::access_violation, .text = path ? "read only" : "bad name"}, sink);
  }
  if (request.options.tsize && *request.options.tsize > settings_.most_written) {
    return refuse(datagram, {.error = ErrorCode::disk_full, .text = "too long"}, sink);
  }
  bool again = false;
  Transfer* const transfer = offer(datagram, 0, again);
  if (transfer == nullptr) return;
  if (!again) {
    Limits limits = limits_for(datagram);
    limits.blksize = std::min<std::uint16_t>(limits.blksize, UploadJob::kMost);
    transfer->way = WriteTransfer(agree(request, limits, std::nullopt));
    transfer->serial = next_serial_++;
    transfer->first_length = 0;
    const Bytes name(reinterpret_cast<const std::uint8_t*>(path->data()), path->size());
    if (!tell(*transfer, UploadJob::Kind::open, name, request.mode)) transfers_.remove(*transfer);
    return;
  }
  WriteTransfer& write = *transfer->write();
  if (write.state() == WriteTransfer::State::opening) return;
  const std::size_t length = write.write_ack(sink.room(), now_);
  if (length != 0) (void)sink.send(transfer->peer.local_port, length);
  transfer->credit -= std::min(transfer->credit, length);
}

void TftpService::on_data(Transfer& transfer, const Datagram& datagram, DatagramSink& sink) noexcept {
  using Heard = WriteTransfer::Heard;
  WriteTransfer& write = *transfer.write();
  const Bytes data = datagram.payload.subspan(kHeader);
  const Heard heard = write.on_data(*block_of(datagram.payload));
  if (heard == Heard::ignored || data.size() > write.terms().blksize) return outside_acks_.add();
  sink.verified();
  bool acknowledges = true;
  if (heard == Heard::next) {
    if (write.is_too_long()) {
      too_long_.add();
      send_error(ToSink{sink}, transfer, ErrorCode::disk_full, "too long");
      return end(transfer);
    }
    const bool last = data.size() < write.terms().blksize;
    // Not acknowledged, it comes again.
    if (!tell(transfer, last ? UploadJob::Kind::last : UploadJob::Kind::block, data)) return;
    if (transfer.phase == Phase::offered) {
      established_.add();
      transfers_.establish(transfer);
    }
    acknowledges = write.stored(data.size(), now_);
  }
  if (acknowledges) {
    const std::size_t length = write.write_ack(sink.room(), now_);
    if (length != 0) (void)sink.send(transfer.peer.local_port, length);
  }
  if (transfer.phase == Phase::established) transfers_.set_deadline(transfer, write.deadline(), now_);
}

void TftpService::take_results(DatagramSender& sender) noexcept {
  UploadResult result;
  while (uploads_->results.pop(result)) {
    Transfer* const transfer = transfers_.find(result.id.tid);
    if (transfer == nullptr || transfer->serial != result.id.serial || transfer->write() == nullptr) continue;
    WriteTransfer& write = *transfer->write();
    if (!result.good) {
      (result.error == ErrorCode::file_exists ? file_exists_
       : result.error == ErrorCode::disk_full ? disk_full_
                                              : access_violations_)
          .add();
      send_error(ToSender{sender}, *transfer, result.error, "refused");
      transfers_.remove(*transfer);
      continue;
    }
    result.renamed ? write.renamed() : write.opened();
    const std::size_t length = write.write_ack(sender.room(transfer->peer), now_);
    if (length != 0) sender.send(transfer->peer, transfer->peer.local_port, length);
    if (!result.renamed) {
      transfer->credit -= std::min(transfer->credit, length);
      transfer->first_length = length;
      continue;
    }
    written_.add();
    transfers_.dally(*transfer);
    transfers_.set_deadline(*transfer, now_ + kDallyFor, now_);
  }
}

// The main core is not hurried: while it completes the file the client's repetitions are passed over.
void TftpService::on_write_deadline(Transfer& transfer, WriteTransfer& write, DatagramSender& sender) noexcept {
  if (!write.on_time(now_)) {
    gave_up_.add();
    send_error(ToSender{sender}, transfer, ErrorCode::not_defined, "timeout");
    return end(transfer);
  }
  if (write.state() == WriteTransfer::State::receiving) {
    timeouts_.add();
    const std::size_t length = write.write_ack(sender.room(transfer.peer), now_);
    if (length != 0) sender.send(transfer.peer, transfer.peer.local_port, length);
  }
  transfers_.set_deadline(transfer, write.deadline(), now_);
}

}  // namespace gl::tftp
