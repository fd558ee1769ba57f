#include "lib/services/rpc_once/rpc_once.h"

#include <algorithm>

namespace gl::rpc_once {
namespace {

constexpr std::size_t kCountSize = 8;
constexpr std::uint16_t kLeastClientPort = 1024;

Message reply_to(const Message& request, ReplyStatus status) noexcept {
  return {.type = MessageType::reply,
          .procedure = request.procedure,
          .status = static_cast<std::uint16_t>(status),
          .client = request.client,
          .client_boot = request.client_boot,
          .server_boot = request.server_boot,
          .call = request.call};
}

}  // namespace

RpcOnceService::RpcOnceService(Shared& shared, const Registry& registry, std::size_t clients)
    : DatagramService(kAllowance),
      shared_(shared),
      registry_(registry),
      index_(shared.cores.size()),
      table_(clients, shared.seed) {
  shared_.cores.push_back(this);
  for (RpcOnceService* const core : shared_.cores) {
    while (core->inbound_.size() < shared_.cores.size()) {
      const bool own = core->inbound_.size() == core->index_;
      core->inbound_.push_back(own ? nullptr : std::make_unique<Handovers>());
    }
  }
}

void RpcOnceService::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, name##_.value(), help);
  GL_RPC_ONCE_COUNTERS(X)
#undef X
}

void RpcOnceService::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  if (datagram.peer_port < kLeastClientPort || registry_.is_asked_on(datagram.peer_port)) {
    return drop_source_port_.add();
  }
  const auto message = parse_message(datagram.payload);
  if (!message) return drop_malformed_.add();
  if (message->type == MessageType::reply || message->type == MessageType::denied) return drop_unexpected_.add();
  const bool current = message->server_boot == shared_.server_boot;
  const bool is_request = message->type == MessageType::request;
  std::array<std::uint8_t, kCountSize> result;
  Message reply;
  if (is_request) requests_.add();
  if (!current) {
    if (!is_request) return drop_old_ack_.add();
    reply = denied(*message, DenyReason::server_boot);
  } else if (!is_request || !answer_at_once(*message, result, reply)) {
    RpcOnceService& core = owner(message->client);
    if (&core != this) return hand_over(core, datagram);
    if (!is_request) return on_ack(*message);
    const Due due = on_append(*message, Peer(datagram), datagram.payload.size());
    if (due.call == nullptr && !due.denied) return;
    reply = due.denied ? denied(*message, DenyReason::client_boot) : reply_of(*due.client, *due.call, result);
  }
  const std::size_t length = write_message(reply, sink.room());
  if (length == 0) return drop_no_room_.add();
  (void)sink.send(datagram.local_port, length);
}

RpcOnceService& RpcOnceService::owner(std::uint64_t client) const noexcept {
  // The upper half: the table takes the lower.
  return *shared_.cores[(mix(client, shared_.seed) >> 32) % shared_.cores.size()];
}

void RpcOnceService::hand_over(RpcOnceService& to, const Datagram& datagram) noexcept {
  Handover handover;
  handover.peer = Peer(datagram);
  handover.length = static_cast<std::uint16_t>(datagram.payload.size());
  std::ranges::copy(datagram.payload, handover.datagram.begin());
  (to.inbound_[index_]->push(handover) ? handed_over_ : drop_handover_full_).add();
}

bool RpcOnceService::answer_at_once(const Message& request, MutableBytes result, Message& reply) noexcept {
  reply = reply_to(request, ReplyStatus::success);
  switch (static_cast<Procedure>(request.procedure)) {
    case Procedure::echo:
      reply.body = request.body;
      idempotent_.add();
      return true;
    case Procedure::count:
      if (!request.body.empty()) break;
      store_be(result.data(), shared_.lines.load(std::memory_order_relaxed));
      reply.body = result;
      idempotent_.add();
      return true;
    case Procedure::append:
      if (request.body.empty()) break;
      return false;
    default:
      reply.status = static_cast<std::uint16_t>(ReplyStatus::unknown_procedure);
      refused_procedure_.add();
      return true;
  }
  reply.status = static_cast<std::uint16_t>(ReplyStatus::bad_arguments);
  refused_arguments_.add();
  return true;
}

Message RpcOnceService::denied(const Message& request, DenyReason reason) noexcept {
  (reason == DenyReason::server_boot ? denied_server_boot_ : denied_client_boot_).add();
  return {.type = MessageType::denied,
          .status = static_cast<std::uint16_t>(reason),
          .client = request.client,
          .client_boot = request.client_boot,
          .server_boot = shared_.server_boot,
          .call = request.call};
}

Message RpcOnceService::reply_of(const CallTable::Client& client, const Call& call,
                                 MutableBytes result) const noexcept {
  Message reply{.type = MessageType::reply,
                .procedure = static_cast<std::uint8_t>(Procedure::append),
                .status = static_cast<std::uint16_t>(call.status),
                .client = client.id,
                .client_boot = client.boot,
                .server_boot = shared_.server_boot,
                .call = call.number};
  if (call.status != ReplyStatus::success) return reply;
  store_be(result.data(), call.value);
  reply.body = result;
  return reply;
}

RpcOnceService::Due RpcOnceService::on_append(const Message& request, const Peer& peer, std::size_t received) noexcept {
  const CallTable::Admitted admitted = table_.admit(request, peer, received, now_ms_);
  switch (admitted.what) {
    case CallTable::Admission::execute:
      return execute(admitted, request);
    case CallTable::Admission::repeat:
      if (!admitted.call->charge(kHeaderSize + kCountSize)) return drop_budget_.add(), Due{};
      repeated_.add();
      return {admitted.client, admitted.call};
    case CallTable::Admission::old_client:
      return {.denied = true};
    case CallTable::Admission::executing:
      drop_executing_.add();
      break;
    case CallTable::Admission::finished:
      drop_finished_.add();
      break;
    case CallTable::Admission::outside_window:
      drop_outside_window_.add();
      break;
    case CallTable::Admission::full:
      drop_table_full_.add();
      break;
  }
  return {};
}

RpcOnceService::Due RpcOnceService::execute(const CallTable::Admitted& admitted, const Message& request) noexcept {
  Execution execution;
  execution.handle = admitted.handle;
  execution.client = request.client;
  execution.client_boot = request.client_boot;
  execution.length = static_cast<std::uint16_t>(request.body.size());
  std::ranges::copy(request.body, execution.line.begin());
  // Outcomes have as much room as executions, so none that is under way can lose its own.
  if (under_way_ == kExecutions || !executions_.push(execution)) {
    CallTable::withdraw(*admitted.call);
    drop_queue_full_.add();
    return {};
  }
  ++under_way_;
  next_turn_ = std::min(next_turn_, now_ms_ + 1);
  return {};
}

void RpcOnceService::on_ack(const Message& ack) noexcept {
  (table_.acknowledge(ack, now_ms_) ? acknowledged_ : late_acks_).add();
}

void RpcOnceService::on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept {
  now_ms_ = now_ms;
  take_handed_over(sender);
  take_outcomes(sender);
  if (now_ms >= next_sweep_) {
    next_sweep_ = now_ms + kSweepMs;
    table_.resend_due(now_ms, [&](CallTable::Client& client, Call& call) {
      if (send_to(client, call, sender)) resent_.add();
    });
  }
  // What the other cores and the main core hand over is looked for every millisecond.
  next_turn_ = shared_.cores.size() > 1 || under_way_ != 0 ? now_ms + 1 : next_sweep_;
}

void RpcOnceService::take_handed_over(DatagramSender& sender) noexcept {
  for (const auto& inbound : inbound_) {
    Handover handover;
    for (std::size_t n = 0; inbound != nullptr && n < kHandovers && inbound->pop(handover); ++n) {
      const auto message = parse_message(Bytes(handover.datagram).first(handover.length));
      if (!message) continue;  // the other core has parsed it
      if (message->type == MessageType::ack) {
        on_ack(*message);
        continue;
      }
      const Due due = on_append(*message, handover.peer, handover.length);
      if (due.call == nullptr && !due.denied) continue;
      std::array<std::uint8_t, kCountSize> result;
      const Message reply =
          due.denied ? denied(*message, DenyReason::client_boot) : reply_of(*due.client, *due.call, result);
      const std::size_t length = write_message(reply, sender.room(handover.peer));
      if (length == 0) {
        drop_no_room_.add();
      } else {
        sender.send(handover.peer, handover.peer.local_port, length);
      }
    }
  }
}

void RpcOnceService::take_outcomes(DatagramSender& sender) noexcept {
  for (Outcome outcome; outcomes_.pop(outcome);) {
    --under_way_;
    (outcome.status == ReplyStatus::success ? executed_ : failed_).add();
    const CallTable::Admitted done = table_.complete(outcome.handle, outcome.status, outcome.value, now_ms_);
    if (done.call != nullptr) (void)send_to(*done.client, *done.call, sender);
  }
}

bool RpcOnceService::send_to(const CallTable::Client& client, Call& call, DatagramSender& sender) noexcept {
  if (!call.charge(kHeaderSize + kCountSize)) return drop_budget_.add(), false;
  std::array<std::uint8_t, kCountSize> result;
  const std::size_t length = write_message(reply_of(client, call, result), sender.room(client.peer));
  if (length == 0) return drop_no_room_.add(), false;
  sender.send(client.peer, client.peer.local_port, length);
  return true;
}

}  // namespace gl::rpc_once
