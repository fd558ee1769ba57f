#include "app/rpc/calls.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace gl::rpc_client {
namespace {

using rpc_once::DenyReason;
using rpc_once::Message;
using rpc_once::MessageType;
using rpc_once::ReplyStatus;

Datagram datagram_of(const Message& message) {
  Datagram datagram(rpc_once::kHeaderSize + message.body.size());
  (void)rpc_once::write_message(message, datagram);
  return datagram;
}

}  // namespace

std::uint32_t Calls::submit(rpc_once::Procedure procedure, Bytes arguments) {
  waiting_.push_back({next_number_, procedure, {arguments.begin(), arguments.end()}});
  return next_number_++;
}

std::uint32_t Calls::oldest() const {
  if (!outstanding_.empty()) return outstanding_.begin()->first;
  return waiting_.empty() ? next_number_ : waiting_.front().number;
}

bool Calls::may_begin() const {
  if (waiting_.empty()) return false;
  // The first call finds out what the server's boot counter is.
  const std::uint32_t most = server_boot_ == 0 ? 1 : std::min(settings_.outstanding, rpc_once::kWindow);
  return outstanding_.size() < most && waiting_.front().number - oldest() < rpc_once::kWindow;
}

void Calls::send(Outstanding& o, std::uint64_t now_ms, std::vector<Datagram>& out) {
  out.push_back(datagram_of({.type = MessageType::request,
                             .procedure = static_cast<std::uint8_t>(o.call.procedure),
                             .client = settings_.client,
                             .client_boot = settings_.client_boot,
                             .server_boot = o.server_boot,
                             .call = o.call.number,
                             .oldest = oldest(),
                             .body = o.call.arguments}));
  o.resend_at = now_ms + o.wait_ms;
  o.wait_ms = std::min(2 * o.wait_ms, settings_.longest_wait_ms);
}

void Calls::on_time(std::uint64_t now_ms, std::vector<Datagram>& out) {
  for (auto it = outstanding_.begin(); it != outstanding_.end();) {
    Outstanding& o = it->second;
    if (now_ms >= o.first_sent + settings_.give_up_ms) {
      using Kind = Outcome::Kind;
      outcomes_.push_back({it->first, may_have_been_executed(o) ? Kind::gave_up : Kind::never_executed});
      it = outstanding_.erase(it);
      continue;
    }
    if (now_ms >= o.resend_at) {
      ++sent_again_;
      send(o, now_ms, out);
    }
    ++it;
  }
  while (may_begin()) {
    const std::uint32_t number = waiting_.front().number;
    Outstanding& o = outstanding_[number];
    o = {std::move(waiting_.front()), server_boot_, now_ms, 0, settings_.first_wait_ms};
    waiting_.pop_front();
    send(o, now_ms, out);
  }
}

std::uint64_t Calls::deadline() const {
  std::uint64_t earliest = may_begin() ? 0 : std::numeric_limits<std::uint64_t>::max();
  for (const auto& [number, o] : outstanding_) {
    earliest = std::min({earliest, o.resend_at, o.first_sent + settings_.give_up_ms});
  }
  return earliest;
}

void Calls::receive(Bytes datagram, std::uint64_t now_ms, std::vector<Datagram>& out) {
  const auto message = rpc_once::parse_message(datagram);
  // The boot counter tells the reply to an earlier start's request N from the one to ours.
  if (!message || message->client != settings_.client || message->client_boot != settings_.client_boot) return;
  if (message->type == MessageType::reply) on_reply(*message, out);
  if (message->type == MessageType::denied) on_denied(*message, now_ms, out);
  on_time(now_ms, out);
}

void Calls::on_reply(const Message& reply, std::vector<Datagram>& out) {
  const auto it = outstanding_.find(reply.call);
  if (it == outstanding_.end()) {
    if (reply.call >= next_number_) return;
    // It is finished, so our ACK was lost.
    ++repeated_replies_;
    return acknowledge(reply, out);
  }
  const Outstanding& o = it->second;
  if (reply.server_boot != o.server_boot || reply.procedure != static_cast<std::uint8_t>(o.call.procedure)) return;
  outcomes_.push_back({reply.call,
                       Outcome::Kind::replied,
                       static_cast<ReplyStatus>(reply.status),
                       {reply.body.begin(), reply.body.end()}});
  outstanding_.erase(it);
  acknowledge(reply, out);
}

void Calls::acknowledge(const Message& reply, std::vector<Datagram>& out) {
  out.push_back(datagram_of({.type = MessageType::ack,
                             .client = settings_.client,
                             .client_boot = settings_.client_boot,
                             .server_boot = reply.server_boot,
                             .call = reply.call,
                             .oldest = oldest()}));
}

void Calls::on_denied(const Message& denied, std::uint64_t now_ms, std::vector<Datagram>& out) {
  const auto it = outstanding_.find(denied.call);
  if (it == outstanding_.end()) return;
  if (denied.status == static_cast<std::uint16_t>(DenyReason::server_boot)) {
    // A lower one is an old message, of a server that has ended since.
    if (denied.server_boot > server_boot_) on_server_boot(denied.server_boot, now_ms, out);
  } else if (denied.status == static_cast<std::uint16_t>(DenyReason::client_boot) &&
             denied.server_boot == it->second.server_boot) {
    outcomes_.push_back({denied.call, Outcome::Kind::old_client});
    outstanding_.erase(it);
  }
}

void Calls::on_server_boot(std::uint32_t server_boot, std::uint64_t now_ms, std::vector<Datagram>& out) {
  server_boot_ = server_boot;
  for (auto it = outstanding_.begin(); it != outstanding_.end();) {
    if (!may_have_been_executed(it->second)) {
      ++it;
      continue;
    }
    outcomes_.push_back({it->first, Outcome::Kind::uncertain});
    it = outstanding_.erase(it);
  }
  for (auto& [number, o] : outstanding_) {
    o.server_boot = server_boot;
    o.wait_ms = settings_.first_wait_ms;
    send(o, now_ms, out);
  }
}

}  // namespace gl::rpc_client
