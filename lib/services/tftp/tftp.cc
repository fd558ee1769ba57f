#include "lib/services/tftp/tftp.h"

#include <sodium.h>

#include <algorithm>
#include <optional>
#include <span>

#include "lib/services/tftp/send.h"

namespace gl::tftp {
namespace {

using files::File;

constexpr std::size_t kIpv4Udp = 20 + 8;  // bytes of headers
constexpr std::size_t kIpv6Udp = 40 + 8;

// Ports whose services answer whatever comes, or start exchanges of their own: echo, discard, daytime, quotd, chargen,
// time, domain, tftp, sunrpc, ntp, netbios-ns, snmp, ldap, rip, ssdp, mdns, memcached.
constexpr std::uint16_t kServers[] = {7, 9, 13, 17, 19, 37, 53, 69, 111, 123, 137, 161, 389, 520, 1900, 5353, 11211};

}  // namespace

void RequestPort::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  service_.on_request(datagram, sink);
}

void TransferPorts::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  service_.on_transfer(datagram, sink);
}

TftpService::TftpService(const std::atomic<const files::PublishedFiles*>& published, const Settings& settings,
                         const Registry& registry)
    : published_(published),
      settings_(settings),
      registry_(registry),
      transfers_(settings.transfers, settings.tids, settings.core),
      request_port_(*this),
      transfer_ports_(*this, settings.tids) {
  randombytes_buf(key_.data(), key_.size());
  if (settings.writes) uploads_ = std::make_unique<UploadQueues>();
}

void TftpService::begin_burst(std::uint64_t now_ms) noexcept {
  files_ = published_.load(std::memory_order_acquire);
  now_ = now_ms;
}

void TftpService::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, name##_.value());
  GL_TFTP_COUNTERS(X)
#undef X
}

const File* TftpService::file_of(std::uint32_t version) const noexcept {
  if (files_ == nullptr) return nullptr;
  const File* file = files_->current->find_version(version);
  for (const files::FileSet* const set : files_->kept) {
    if (file != nullptr || set == nullptr) break;
    file = set->find_version(version);
  }
  return file;
}

std::uint64_t TftpService::hash(Bytes packet) const noexcept {
  std::uint64_t value = 0;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&value), packet.data(), packet.size(), key_.data());
  return value;
}

// Whether an answer may draw another one, and so on. A client may well have one of our TIDs as its port.
bool TftpService::may_loop(const Datagram& datagram) const noexcept {
  const DatagramService* const there = registry_.datagram(datagram.peer_port);
  return (there != nullptr && there != &transfer_ports_) || std::ranges::binary_search(kServers, datagram.peer_port);
}

void TftpService::on_request(const Datagram& datagram, DatagramSink& sink) noexcept {
  const auto opcode = opcode_of(datagram.payload);
  if (!opcode) return malformed_.add();
  if (may_loop(datagram)) return server_ports_.add();
  if (*opcode >= Opcode::data && *opcode <= Opcode::oack) return unexpected_.add();
  if (*opcode != Opcode::rrq && *opcode != Opcode::wrq) {
    return refuse(datagram, {.error = ErrorCode::illegal_operation, .text = "no request"}, sink);
  }
  requests_.add();
  const ParsedRequest parsed = parse_request(datagram.payload);
  if (!parsed.request) return refuse(datagram, parsed, sink);
  parsed.request->write ? write_file(datagram, *parsed.request, sink) : read_file(datagram, *parsed.request, sink);
}

void TftpService::refuse(const Datagram& datagram, const ParsedRequest& parsed, DatagramSink& sink) noexcept {
  switch (parsed.error) {
    case ErrorCode::file_not_found:
      not_found_.add();
      break;
    case ErrorCode::access_violation:
      access_violations_.add();
      break;
    case ErrorCode::disk_full:
      disk_full_.add();
      break;
    case ErrorCode::option_negotiation:
      bad_options_.add();
      break;
    case ErrorCode::illegal_operation:
      illegal_operations_.add();
      break;
    default:
      too_long_.add();
  }
  send_error(datagram, parsed.error, parsed.text, sink);
}

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

Limits TftpService::limits_for(const Datagram& datagram) const noexcept {
  const std::size_t headers = (datagram.address_length == 16 ? kIpv6Udp : kIpv4Udp) + kHeader;
  return {.blksize = std::min(settings_.blksize, static_cast<std::uint16_t>(settings_.mtu - headers)),
          .windowsize = settings_.windowsize,
          .wrap = settings_.wrap};
}

// A request that is repeated draws the first packet again, from the same TID. One for something else, or with other
// options, from the same port is a client's that has changed its mind, or begun anew.
Transfer* TftpService::offer(const Datagram& datagram, std::uint32_t version, bool& again) noexcept {
  const std::uint64_t request = hash(datagram.payload);
  Transfer* transfer = transfers_.find_offered(datagram);
  again = transfer != nullptr && transfer->request == request && transfer->version == version;
  if (again) {
    repeated_requests_.add();
  } else {
    if (transfer != nullptr) {
      expired_.add();
      end(*transfer);
    }
    if (Transfer* const oldest = transfers_.in_the_way(); oldest != nullptr) {
      evicted_.add();
      end(*oldest);
    }
    transfer = transfers_.add(datagram);
    if (transfer == nullptr) return table_full_.add(), nullptr;
    transfer->request = request;
    transfer->version = version;
    transfer->credit = 0;
    offered_.add();
  }
  transfer->credit += kMostDrawn * datagram.payload.size();
  transfer->expires = now_ + kOfferedFor;
  transfer->pause = kFirstPause;
  transfers_.set_deadline(*transfer, now_ + transfer->pause, now_);
  return transfer;
}

void TftpService::end(Transfer& transfer) noexcept {
  // Where the queue is full the main core notices by itself after a while.
  if (const WriteTransfer* const write = transfer.write();
      write != nullptr && write->state() != WriteTransfer::State::stored) {
    (void)tell(transfer, UploadJob::Kind::abandon, {});
  }
  transfers_.remove(transfer);
}

// The first packet, once more; how long it is. It is charged to the requests that have come.
template <class Out>
std::size_t TftpService::send_first(Transfer& transfer, Out out) noexcept {
  std::size_t length = 0;
  if (WriteTransfer* const write = transfer.write(); write != nullptr) {
    if (write->state() == WriteTransfer::State::opening) return 0;
    length = write->write_ack(out.room(transfer), now_);
    if (length != 0) (void)out.send(transfer, length);
  } else if (const File* const file = file_of(transfer.version); file != nullptr) {
    transfer.read()->rewind();
    length = send_window(transfer, *file, out);
  }
  transfer.credit -= std::min(transfer.credit, length);
  transfer.first_length = length;
  return length;
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

void TftpService::on_transfer(const Datagram& datagram, DatagramSink& sink) noexcept {
  const auto opcode = opcode_of(datagram.payload);
  const auto number = block_of(datagram.payload);
  if (!opcode || !number) return malformed_.add();
  Transfer* const transfer = transfers_.find(datagram.local_port);
  const bool known = transfer != nullptr && transfer->peer.sent(datagram);
  if (*opcode == Opcode::error) {
    if (!known) return unexpected_.add();  // an ERROR is never answered
    aborted_.add();
    return end(*transfer);
  }
  const bool writes = *opcode == Opcode::data && uploads_ != nullptr;
  if (*opcode != Opcode::ack && !writes) return unexpected_.add();
  if (known && writes == (transfer->write() != nullptr)) {
    return writes ? on_data(*transfer, datagram, sink) : on_ack(*transfer, *number, sink);
  }
  if (known) return unexpected_.add();
  if (may_loop(datagram)) return server_ports_.add();
  unknown_tid_.add();
  send_error(datagram, ErrorCode::unknown_tid, "bad TID", sink);  // three times as long as an ACK
}

void TftpService::on_ack(Transfer& transfer, std::uint16_t number, DatagramSink& sink) noexcept {
  if (transfer.phase == Phase::dallying) return repeated_acks_.add();
  const File* const file = file_of(transfer.version);
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

void TftpService::on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept {
  now_ = now_ms;
  if (uploads_ != nullptr) take_results(sender);
  transfers_.run(now_ms, [&](Transfer& transfer) { on_deadline(transfer, now_ms, sender); });
}

void TftpService::on_deadline(Transfer& transfer, std::uint64_t now_ms, DatagramSender& sender) noexcept {
  if (transfer.phase == Phase::offered) return on_offered_deadline(transfer, sender);
  if (transfer.phase != Phase::established) return end(transfer);
  if (WriteTransfer* const write = transfer.write(); write != nullptr) {
    return on_write_deadline(transfer, *write, sender);
  }
  ReadTransfer& read = *transfer.read();
  const File* const file = file_of(transfer.version);
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
