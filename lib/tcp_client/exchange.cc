#include "lib/tcp_client/exchange.h"

#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/backend/reply.h"
#include "lib/dns/tcp_framing.h"
#include "lib/wire/kernel_socket.h"

namespace gl::tcp_client {

namespace {

using backend::TcpJob;

Bytes message_of(const TcpJob& job) noexcept {
  return Bytes(job.query.data(), job.query_length).subspan(job.preamble_length);
}

wire::SocketAddress address_of(const backend::BackendSettings& backend) noexcept {
  return wire::SocketAddress({backend.tcp_address ? *backend.tcp_address : backend.address,
                              backend.tcp_port != 0 ? backend.tcp_port : backend.port});
}

// From which address it goes: known as soon as connect() was called.
void note_local_end(int socket, TcpJob& job) noexcept {
  wire::SocketAddress ours;
  job.local_length = 0;
  if (getsockname(socket, ours.get(), &ours.length) != 0) return;
  const wire::Endpoint end = ours.endpoint();
  const Bytes address = wire::bytes_of(end.address);
  std::memcpy(job.local.data(), address.data(), address.size());
  job.local_length = static_cast<std::uint8_t>(address.size());
  job.local_port = end.port;
}

// RFC 5936 2.2.1: messages after the first may come without the question; RFC 2136 3.8: so may the answer to an UPDATE.
bool may_lack_question(Bytes query, bool first) noexcept {
  return !first || dns::opcode_of(load_be<std::uint16_t>(query.data() + 2)) == dns::Opcode::update;
}

bool answers(Bytes reply, Bytes query, bool first) noexcept {
  backend::ReplyHead head;
  if (!backend::read_reply_head(reply, head) || head.id != load_be<std::uint16_t>(query.data())) return false;
  if (head.has_question || !may_lack_question(query, first)) return backend::answers_question(reply, query);
  return ((head.flags ^ load_be<std::uint16_t>(query.data() + 2)) & dns::flag::opcode_mask) == 0;
}

}  // namespace

bool asked_once(const TcpJob& job) noexcept {
  const dns::Opcode opcode = dns::opcode_of(load_be<std::uint16_t>(message_of(job).data() + 2));
  return opcode == dns::Opcode::update || opcode == dns::Opcode::notify;
}

// What may not be sent twice may not fail over a connection that happens to be closing, either.
bool shares_connection(const TcpJob& job) noexcept {
  return job.preamble_length == 0 && !asked_once(job);
}

bool TcpExchange::open(const backend::BackendSettings& backend) noexcept {
  const wire::SocketAddress to = address_of(backend);
  socket_ = socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  const int on = 1;  // a question is one write: nothing is gained by waiting for more
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  counters_.opened.add();
  used_ = false;
  usable_ = false;
  const int done = connect(socket_, to.get(), to.length);
  if (done != 0 && errno != EINPROGRESS) {
    close();
    return false;
  }
  state_ = done == 0 ? State::writing : State::connecting;
  return true;
}

void TcpExchange::close() noexcept {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  usable_ = false;
}

TcpExchange::Step TcpExchange::ask(TcpJob& job) noexcept {
  job_ = &job;
  note_local_end(socket_, job);
  usable_ = false;
  written_ = received_ = taken_ = 0;
  const Bytes message = message_of(job);
  std::memcpy(out_.data(), job.query.data(), job.preamble_length);
  store_be<std::uint16_t>(out_.data() + job.preamble_length, static_cast<std::uint16_t>(message.size()));
  std::memcpy(out_.data() + job.preamble_length + dns::kPrefixSize, message.data(), message.size());
  out_length_ = dns::kPrefixSize + job.query_length;
  if (job.transfer) transfer_ = XfrParser(message);
  if (used_) counters_.reused.add();
  return state_ == State::connecting ? Step::wants_write : write();
}

TcpExchange::Step TcpExchange::go_on() noexcept {
  switch (state_) {
    case State::connecting:
      return finish_connect();
    case State::writing:
      return write();
    case State::reading:
      break;
  }
  return read();
}

TcpExchange::Step TcpExchange::finish_connect() noexcept {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) return ended_early();
  return write();
}

TcpExchange::Step TcpExchange::write() noexcept {
  state_ = State::writing;
  while (written_ < out_length_) {
    const ssize_t sent = send(socket_, out_.data() + written_, out_length_ - written_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Step::wants_write : ended_early();
    written_ += static_cast<std::size_t>(sent);
    counters_.bytes_sent.add(static_cast<std::uint64_t>(sent));
  }
  state_ = State::reading;
  return Step::wants_read;
}

// One recv a turn, so that a transfer does not keep the others waiting.
TcpExchange::Step TcpExchange::read() noexcept {
  const ssize_t got = recv(socket_, job_->reply.get() + received_, TcpJob::kMaxReply - received_, 0);
  if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return Step::wants_read;
  if (got <= 0) return ended_early();
  received_ += static_cast<std::size_t>(got);
  counters_.bytes_received.add(static_cast<std::uint64_t>(got));
  const Step step = take_messages();
  if (step == Step::wants_read) {
    // The rest of it may wait at the backend for our acknowledgement (RFC 896), which the kernel would delay.
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
  return step;
}

TcpExchange::Step TcpExchange::take_messages() noexcept {
  while (received_ - taken_ >= dns::kPrefixSize) {
    const std::size_t length = load_be<std::uint16_t>(job_->reply.get() + taken_);
    if (taken_ + dns::kPrefixSize + length > TcpJob::kMaxReply) return finish(TcpJob::Result::too_long);
    if (received_ - taken_ < dns::kPrefixSize + length) break;
    if (take_message(length) == Step::finished) return Step::finished;
  }
  return received_ < TcpJob::kMaxReply ? Step::wants_read : finish(TcpJob::Result::too_long);
}

TcpExchange::Step TcpExchange::take_message(std::size_t length) noexcept {
  const Bytes message(job_->reply.get() + taken_ + dns::kPrefixSize, length);
  if (!answers(message, message_of(*job_), taken_ == 0)) return finish(TcpJob::Result::malformed);
  taken_ += dns::kPrefixSize + length;
  if (job_->transfer) {
    const XfrParser::Step step = transfer_.take(message);
    if (step == XfrParser::Step::malformed) return finish(TcpJob::Result::malformed);
    if (step == XfrParser::Step::more) return Step::wants_read;
  }
  return finish(TcpJob::Result::answered);
}

TcpExchange::Step TcpExchange::finish(TcpJob::Result result) noexcept {
  job_->result = result;
  job_->reply_length = result == TcpJob::Result::answered ? static_cast<std::uint32_t>(taken_) : 0;
  // What came behind the answer was not asked for: such a connection is not trusted with another question.
  usable_ = result == TcpJob::Result::answered && received_ == taken_ && shares_connection(*job_);
  used_ = true;
  return Step::finished;
}

TcpExchange::Step TcpExchange::ended_early() noexcept {
  if (used_ && received_ == 0 && !asked_once(*job_)) return Step::stale;
  return finish(TcpJob::Result::refused);
}

}  // namespace gl::tcp_client
