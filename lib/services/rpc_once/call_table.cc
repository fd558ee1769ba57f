#include "lib/services/rpc_once/call_table.h"

#include <algorithm>

namespace gl::rpc_once {

CallTable::CallTable(std::size_t clients, std::uint64_t seed)
    : clients_(clients), resend_at_(clients, kNever), seed_(seed) {}

std::size_t CallTable::first_way(std::uint64_t id) const noexcept {
  return (mix(id, seed_) & (clients_.size() / kWays - 1)) * kWays;
}

CallTable::Client* CallTable::find(std::uint64_t id) noexcept {
  const std::size_t first = first_way(id);
  for (std::size_t i = first; i < first + kWays; ++i) {
    if (clients_[i].id == id) return &clients_[i];
  }
  return nullptr;
}

void CallTable::begin(Client& client, const Message& request) noexcept {
  client.id = request.client;
  client.boot = request.client_boot;
  client.base = request.oldest;
  ++client.generation;
  client.calls.fill({});
  resend_at_[index_of(client)] = kNever;
}

// Null: every entry that this client could have belongs to another one.
CallTable::Client* CallTable::find_or_begin(const Message& request, std::uint64_t now_ms) noexcept {
  if (Client* const known = find(request.client)) {
    if (known->boot < request.client_boot) begin(*known, request);  // it was started again: the old calls are nobody's
    return known;
  }
  const std::size_t first = first_way(request.client);
  for (std::size_t i = first; i < first + kWays; ++i) {
    Client& client = clients_[i];
    if (client.id != 0 && now_ms < client.heard_at + kClientLifetimeMs) continue;
    begin(client, request);
    return &client;
  }
  return nullptr;
}

CallTable::Admitted CallTable::admit(const Message& request, const Peer& peer, std::size_t received,
                                     std::uint64_t now_ms) noexcept {
  Client* const client = find_or_begin(request, now_ms);
  if (client == nullptr) return {Admission::full};
  if (request.client_boot < client->boot) return {Admission::old_client};
  client->heard_at = now_ms;
  client->base = std::max(client->base, request.oldest);
  if (request.call < client->base) return {Admission::finished};
  if (request.call - client->base >= kWindow) return {Admission::outside_window};
  client->peer = peer;
  Call& call = client->calls[request.call % kWindow];
  if (call.number != request.call) call = Call{.number = request.call};
  call.budget = static_cast<std::uint32_t>(kAmplification * received);
  const CallHandle handle{static_cast<std::uint32_t>(index_of(*client)), client->generation, request.call};
  switch (call.state) {
    case Call::State::unknown:
      call.state = Call::State::executing;
      return {Admission::execute, client, &call, handle};
    case Call::State::executing:
      return {Admission::executing, client, &call, handle};
    case Call::State::replied:
      return {Admission::repeat, client, &call, handle};
    case Call::State::acknowledged:
      break;
  }
  return {Admission::finished, client, &call, handle};
}

bool CallTable::acknowledge(const Message& ack, std::uint64_t now_ms) noexcept {
  Client* const client = find(ack.client);
  if (client == nullptr || client->boot != ack.client_boot) return false;
  client->heard_at = now_ms;
  Call& call = client->calls[ack.call % kWindow];
  const bool waited = call.number == ack.call && call.state == Call::State::replied;
  if (waited) call.state = Call::State::acknowledged;
  client->base = std::max(client->base, ack.oldest);
  return waited;
}

CallTable::Admitted CallTable::complete(const CallHandle& handle, ReplyStatus status, std::uint64_t value,
                                        std::uint64_t now_ms) noexcept {
  Client& client = clients_[handle.entry];
  Call& call = client.calls[handle.call % kWindow];
  if (client.generation != handle.generation || call.number != handle.call || call.state != Call::State::executing) {
    return {Admission::finished};
  }
  call.state = Call::State::replied;
  call.status = status;
  call.value = value;
  if (call.number < client.base) return {Admission::finished};  // the client has given it up
  call.resends = 0;
  call.resend_at = now_ms + kResendMs;
  schedule(client, call.resend_at);
  return {Admission::repeat, &client, &call, handle};
}

}  // namespace gl::rpc_once
