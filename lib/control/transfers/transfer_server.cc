#include "lib/control/transfers/transfer_server.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "lib/base/clock.h"
#include "lib/base/endian.h"
#include "lib/control/log.h"
#include "lib/dns/message.h"
#include "lib/transfer/zone_stream.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

constexpr std::chrono::milliseconds kIdle{10'000};
constexpr std::chrono::milliseconds kRequestTime{10'000};  // until all of a request is there, from the answer before
constexpr std::chrono::milliseconds kPause{500};           // where there is no descriptor for a connection
constexpr std::chrono::seconds kTellAgain{10};
constexpr unsigned kFormErr = 1, kNotImp = 4, kRefused = 5, kNotAuth = 9;

bool is_notify(Bytes message) {
  return message.size() >= dns::kHeaderSize &&
         dns::opcode_of(load_be<std::uint16_t>(message.data() + 2)) == dns::Opcode::notify;
}

}  // namespace

TransferServer::~TransferServer() {
  join();
}

void TransferServer::join() {
  if (thread_.joinable()) thread_.join();
  sessions_.join();
}

Status TransferServer::open() {
  if (!settings_.listen) return success();
  Status status = wire::open_listener(datagrams_, *settings_.listen, SOCK_DGRAM);
  if (status) status = wire::open_listener(connections_, *settings_.listen, SOCK_STREAM);
  return status ? status : Error{"--transfer-listen: " + status.error()};
}

void TransferServer::start() {
  if (settings_.listen) thread_ = std::thread([this] { run(); });
}

void TransferServer::run() {
  constexpr int kLookAgain = 100;
  while (!stop_) {
    const int connections = transfer::Clock::now() < accept_at_ ? -1 : connections_.get();
    std::array<pollfd, 2> wanted = {{{datagrams_.get(), POLLIN, 0}, {connections, POLLIN, 0}}};
    if (poll(wanted.data(), wanted.size(), kLookAgain) <= 0) continue;
    if ((wanted[0].revents & POLLIN) != 0) take_datagrams();
    if ((wanted[1].revents & POLLIN) != 0) take_connection();
  }
}

void TransferServer::take_datagrams() {
  std::array<std::uint8_t, 4096> buffer;
  wire::SocketAddress from;
  const ssize_t size = recvfrom(datagrams_.get(), buffer.data(), buffer.size(), 0, from.get(), &from.length);
  if (size < static_cast<ssize_t>(dns::kHeaderSize)) return;
  const Bytes message = Bytes(buffer).first(static_cast<std::size_t>(size));
  transfer::Message answer;
  if (is_notify(message)) {
    answer = secondaries_.answer_notify(message, from.endpoint());
  } else if ((message[2] & 0x80) == 0) {
    Request request = begin(message, from.endpoint());
    unsigned rcode = read(request);
    if (rcode == 0 && request.type == dns::rr::axfr) rcode = kFormErr;  // RFC 5936 section 4.2: not over UDP
    answer = rcode == 0 ? answer_soa(request) : refuse(request, rcode);
  }
  if (!answer.empty()) (void)sendto(datagrams_.get(), answer.data(), answer.size(), 0, from.get(), from.length);
}

// Without a descriptor or memory it stays in the kernel's queue: poll() would say so without an end.
void TransferServer::take_connection() {
  wire::SocketAddress from;
  Descriptor socket(accept4(connections_.get(), from.get(), &from.length, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.get() < 0) {
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
    accept_at_ = transfer::Clock::now() + kPause;
    return tell_of_trouble(std::strerror(errno));
  }
  const wire::Endpoint host = from.endpoint();
  if (!gl::is_allowed(peers_, wire::bytes_of(host.address))) return void(++refused_);
  if (Status status = sessions_.start(socket, host); !status) tell_of_trouble(status.error());
}

void TransferServer::tell_of_trouble(const std::string& line) {
  if (transfer::Clock::now() < tell_at_ && line == told_) return;
  told_ = line;
  tell_at_ = transfer::Clock::now() + kTellAgain;
  warn("--transfer-listen: " + line);
}

void TransferServer::serve(int socket, const wire::Endpoint& from) {
  transfer::Stream stream(stop_, transfer::Clock::now() + std::chrono::seconds(settings_.most_seconds), kIdle);
  stream.take(socket);
  transfer::Message message;
  while (stream.receive(message, transfer::Clock::now() + kRequestTime) && answer(stream, message, from)) {
  }
}

// False: the connection is of no use any more.
bool TransferServer::answer(transfer::Stream& stream, Bytes message, const wire::Endpoint& from) {
  if (message.size() < dns::kHeaderSize || (message[2] & 0x80) != 0) return false;
  if (is_notify(message)) return stream.send(secondaries_.answer_notify(message, from)).ok();
  Request request = begin(message, from);
  const unsigned rcode = read(request);
  if (rcode != 0) return stream.send(refuse(request, rcode)).ok();
  const bool current = request.held && !transfer::is_newer(request.zone->serial, *request.held);
  if (request.type == dns::rr::soa || current) return stream.send(answer_soa(request)).ok();
  return send_zone(stream, request);
}

TransferServer::Request TransferServer::begin(Bytes message, const wire::Endpoint& from) const {
  Request request;
  request.message = message;
  request.from = from;
  request.keys = keys_.get();
  request.zones = zones_.get();
  return request;
}

unsigned TransferServer::read(Request& request) {
  const Bytes message = request.message;
  const auto count = [&](std::size_t at) { return load_be<std::uint16_t>(message.data() + at); };
  request.check = transfer::check_request(message, *request.keys, unix_seconds());
  dns::Question question;
  if (request.check.malformed || count(4) != 1 || !dns::parse_question(message, question)) return kFormErr;
  if (dns::opcode_of(count(2)) != dns::Opcode::query) return kNotImp;
  if (request.check.error != transfer::TsigError::none) return kNotAuth;
  request.type = question.type;
  request.apex = std::string(zone::as_chars(question.name.view()));
  const bool known = question.type == dns::rr::soa || question.type == dns::rr::axfr || question.type == dns::rr::ixfr;
  if (!known || question.rr_class != dns::rr_class::in || !is_allowed(request)) return kRefused;
  const auto found = request.zones->find(request.apex);
  if (found == request.zones->end()) return kNotAuth;
  request.zone = &found->second;
  if (question.type != dns::rr::ixfr) return 0;
  std::size_t at = question.end;
  transfer::Record record;
  if (count(6) != 0 || count(8) == 0 || !transfer::read_record(message, at, record)) return kFormErr;
  const auto soa = transfer::soa_of(record);
  if (!soa) return kFormErr;
  request.held = soa->serial;
  return 0;
}

bool TransferServer::is_allowed(const Request& request) const {
  const Bytes address = wire::bytes_of(request.from.address);
  const std::string_view key =
      request.check.key == nullptr ? std::string_view() : zone::as_chars(request.check.key->name);
  return std::ranges::any_of(settings_.allow, [&](const transfer::AllowSetting& allow) {
    return (allow.zone.empty() || allow.zone == request.apex) && allow.network.has(address) &&
           (allow.key.empty() || allow.key == key);
  });
}

transfer::Message TransferServer::refuse(const Request& request, unsigned rcode) {
  ++refused_;
  transfer::Message answer = transfer::begin_answer(request.message, rcode, false);
  transfer::AnswerSigner(request.check).sign(answer, unix_seconds());
  return answer;
}

// Over UDP also to who has an older version: RFC 1995 section 2, he then comes over TCP.
transfer::Message TransferServer::answer_soa(const Request& request) const {
  transfer::MessagePacker packer(request.message, request.apex);
  (void)packer.add(request.zone->soa);
  transfer::Message answer = packer.take();
  transfer::AnswerSigner(request.check).sign(answer, unix_seconds());
  return answer;
}

}  // namespace gl::control
