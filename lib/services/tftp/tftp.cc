#include "lib/services/tftp/tftp.h"

#include <sodium.h>

#include <algorithm>
#include <optional>
#include <span>

#include "lib/service/caller_ports.h"
#include "lib/services/tftp/send.h"

namespace gl::tftp {
namespace {

constexpr std::size_t kIpv4Udp = 20 + 8;  // bytes of headers
constexpr std::size_t kIpv6Udp = 40 + 8;

// The longest block that a packet of `mtu` bytes carries.
std::uint16_t blksize_of(std::uint16_t mtu, std::uint8_t address_length) noexcept {
  const std::size_t headers = (address_length == 16 ? kIpv6Udp : kIpv4Udp) + kHeader;
  return static_cast<std::uint16_t>(mtu - headers);
}

}  // namespace

void RequestPort::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  service_.on_request(datagram, sink);
}

void TransferPorts::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  service_.on_transfer(datagram, sink);
}

bool TransferPorts::too_big(const Datagram& to) noexcept {
  return service_.on_too_big(to);
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
#define X(name, help) reader.read(#name, name##_.value(), help);
  GL_TFTP_COUNTERS(X)
#undef X
}

std::uint64_t TftpService::hash(Bytes packet) const noexcept {
  std::uint64_t value = 0;
  crypto_shorthash(reinterpret_cast<unsigned char*>(&value), packet.data(), packet.size(), key_.data());
  return value;
}

void TftpService::on_request(const Datagram& datagram, DatagramSink& sink) noexcept {
  const auto opcode = opcode_of(datagram.payload);
  if (!opcode) return malformed_.add();
  if (may_loop(registry_, datagram)) return server_ports_.add();
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

Limits TftpService::limits_for(const Datagram& datagram) const noexcept {
  const std::uint16_t mtu = std::min(settings_.mtu, datagram.path_mtu);
  return {.blksize = std::min(settings_.blksize, blksize_of(mtu, datagram.address_length)),
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
    transfer->blksize_of_path = 0;
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
  if (may_loop(registry_, datagram)) return server_ports_.add();
  unknown_tid_.add();
  send_error(datagram, ErrorCode::unknown_tid, "bad TID", sink);  // three times as long as an ACK
}

// What was agreed on cannot be changed any more: the transfer ends at its deadline, which is now. The path is known
// when the client begins again. A sender off the path would have to guess the TID and the client's port.
bool TftpService::on_too_big(const Datagram& to) noexcept {
  Transfer* const transfer = transfers_.find(to.local_port);
  if (transfer == nullptr || !transfer->peer.sent(to)) return false;
  const ReadTransfer* const read = transfer->read();
  const std::uint16_t blksize = blksize_of(to.path_mtu, to.address_length);
  if (read == nullptr || read->terms().blksize <= blksize || transfer->phase == Phase::dallying) return false;
  transfer->blksize_of_path = blksize;
  transfers_.set_deadline(*transfer, now_, now_);
  return true;
}

void TftpService::on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept {
  now_ = now_ms;
  if (uploads_ != nullptr) take_results(sender);
  transfers_.run(now_ms, [&](Transfer& transfer) { on_deadline(transfer, now_ms, sender); });
}

}  // namespace gl::tftp
