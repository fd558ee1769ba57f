// Questions go out: the first try, another one, and the end.
#include <algorithm>
#include <cstring>

#include "lib/backend/forwarder_work.h"
#include "lib/backend/proxy_v2.h"

namespace gl::backend {
namespace {

// What the fragments of four frames hold: asked for where the operator names no size.
constexpr std::uint16_t kReassembled = 4096;
// After a time-out: fragments may be what got lost, and no answer of this size needs any (RFC 6891 6.2.5, DNS flag
// day).
constexpr std::uint16_t kUnfragmented = 1232;

constexpr std::uint32_t bit(unsigned backend) noexcept {
  return std::uint32_t{1} << backend;
}

}  // namespace

std::uint16_t Forwarder::Work::payload() const noexcept {
  return settings.payload != 0 ? settings.payload : kReassembled;
}

std::uint16_t Forwarder::Work::payload(const Question& question) const noexcept {
  return question.plain ? 0 : payload();
}

Failure Forwarder::Work::begin(const QueryContext& query_context, bool over_tcp, std::uint16_t non_idempotent_entry,
                               std::uint32_t& slot) noexcept {
  slot = pending.take();
  if (slot == Pending::kNone) return Failure::full;
  const ClientQuery& query = query_context.query;
  Question& question = pending[slot];
  question.wanted_whole = query_context.stream;
  question.is_signed = query.is_signed;
  question.transfer = query.kind == ClientQuery::Kind::transfer;
  question.pool = static_cast<std::uint8_t>(query_context.pool);
  question.non_idempotent = non_idempotent_entry;
  question.key = query_context.key;
  question.waiters = {};
  const Bytes flow = query_context.context.flow;
  question.share = shares.place(flow, query_context.stream);
  shares.take(question.share);
  question.flow_length = static_cast<std::uint8_t>(std::min(flow.size(), kMaxFlow));
  std::copy_n(flow.begin(), question.flow_length, question.flow.begin());
  const bool fits = query.message.size() <= Question::kMaxQuery;
  question.query_length = static_cast<std::uint16_t>(fits ? query.message.size() : 0);
  std::copy_n(query.message.begin(), question.query_length, question.query.begin());
  if (non_idempotent_entry == NonIdempotentRequests::kNone) pending.enter_key(slot);

  over_tcp = over_tcp || !fits || question.transfer || query.kind == ClientQuery::Kind::update;
  const Failure failure = over_tcp ? send_tcp(slot, query, 0) : send_udp(slot, query, payload());
  if (failure != Failure::none) free_question(slot);
  return failure;
}

Failure Forwarder::Work::send_udp(std::uint32_t slot, const ClientQuery& query, std::uint16_t payload) noexcept {
  const Question& question = pending[slot];
  Wanted wanted{.avoid = question.tried};
  Failure failure = Failure::down;
  while (const std::optional<unsigned> backend = selector.pick(question.pool, wanted, random)) {
    if (send_datagram(slot, query, *backend, payload)) return Failure::none;
    wanted.exclude |= bit(*backend);
    failure = Failure::full;
  }
  return failure;
}

bool Forwarder::Work::send_datagram(std::uint32_t slot, const ClientQuery& query, unsigned backend,
                                    std::uint16_t payload) noexcept {
  Question& question = pending[slot];
  const MutableBytes out = tx.begin(backend);
  if (out.empty()) return backends[backend].no_buffer.add(), false;
  pending.draw_id(slot, random);
  const Outgoing how{
      .id = question.id, .payload = payload, .proxy = settings.backends[backend].proxy, .flow = question.flow_bytes()};
  const std::size_t length = write_backend_query(query, settings, how, out);
  if (length == 0) {
    pending.drop_id(slot);
    return backends[backend].no_buffer.add(), false;
  }
  question.source_port = tx.source_port(backend, random.u32());
  question.backend = static_cast<std::uint8_t>(backend);
  question.tried |= bit(backend);
  question.state = Question::State::udp;
  question.sent_us = now_us;
  ++question.tries;
  if (tap != nullptr) [[unlikely]]
    tell_sent(question, out.first(length).subspan(how.proxy ? kProxyFixed + how.flow.size() : 0));
  tx.send(question.source_port, length);
  backends[backend].sent.add();
  pending.append(udp_tries, slot);
  return true;
}

void Forwarder::Work::leave_udp(std::uint32_t slot) noexcept {
  pending.drop_id(slot);
  pending.remove(udp_tries, slot);
  pending[slot].state = Question::State::idle;
}

Failure Forwarder::Work::send_tcp(std::uint32_t slot, const ClientQuery& query, std::uint32_t avoid) noexcept {
  if (jobs == nullptr) return Failure::down;
  const std::optional<unsigned> backend = selector.pick(pending[slot].pool, {.avoid = avoid, .tcp = true}, random);
  if (!backend) return Failure::down;
  TcpJob* const job = jobs->take();
  if (job == nullptr) return wait_for_job(slot, avoid);
  return send_job(slot, query, *backend, *job);
}

Failure Forwarder::Work::send_job(std::uint32_t slot, const ClientQuery& query, unsigned backend,
                                  TcpJob& job) noexcept {
  Question& question = pending[slot];
  question.backend = static_cast<std::uint8_t>(backend);
  if (!write_job(question, query, job)) {
    jobs->give_back(&job);
    return Failure::full;
  }
  submit(slot, job, backend);
  return Failure::none;
}

Failure Forwarder::Work::wait_for_job(std::uint32_t slot, std::uint32_t avoid) noexcept {
  Question& question = pending[slot];
  if (question.query_length == 0) return Failure::full;
  question.state = Question::State::waits_for_tcp;
  question.avoid = avoid;
  question.sent_us = now_us;
  pending.append(tcp_waiting, slot);
  return Failure::none;
}

Failure Forwarder::Work::take_turn(std::uint32_t slot, TcpJob& job) noexcept {
  const Question& question = pending[slot];
  const auto backend = selector.pick(question.pool, {.avoid = question.avoid, .tcp = true}, random);
  if (!backend) return jobs->give_back(&job), Failure::down;
  ClientQuery query;
  (void)parse_client_query(question.message(), query);  // it was forwarded before
  return send_job(slot, query, *backend, job);
}

bool Forwarder::Work::write_job(const Question& question, const ClientQuery& query, TcpJob& job) noexcept {
  // SIG(0) covers the ID (RFC 2931 section 3.1); a connection needs none that nobody can guess.
  const std::uint16_t id = query.is_signed ? load_be<std::uint16_t>(query.message.data()) : random.u16();
  const Outgoing how{.id = id,
                     .payload = payload(question),
                     .proxy = settings.backends[question.backend].proxy,
                     .flow = question.flow_bytes()};
  job.query_length = static_cast<std::uint16_t>(write_backend_query(query, settings, how, job.query));
  job.preamble_length = static_cast<std::uint8_t>(how.proxy ? kProxyFixed + how.flow.size() : 0);
  job.transfer = question.transfer;
  return job.query_length != 0;
}

void Forwarder::Work::submit(std::uint32_t slot, TcpJob& job, unsigned backend) noexcept {
  Question& question = pending[slot];
  question.backend = static_cast<std::uint8_t>(backend);
  question.tried |= bit(backend);
  question.state = Question::State::tcp;
  question.sent_us = now_us;
  ++question.tries;
  job.backend = backend;
  job.token = std::uint32_t{question.generation} << 16 | slot;
  job.timeout_ms = tcp_timeout_ms(question.transfer);
  question.tap_cycles = tap != nullptr && tap->takes() ? cycle_count() : 0;
  pending.append(tcp_tries, slot);
  ++jobs_out;
  backends[backend].sent_tcp.add();
  jobs->submit(&job);
}

void Forwarder::Work::retry_udp(std::uint32_t slot, Failure reason) noexcept {
  const Question& question = pending[slot];
  if (question.non_idempotent != NonIdempotentRequests::kNone || question.tries >= settings.tries)
    return end_with_failure(slot, reason);
  ClientQuery query;
  (void)parse_client_query(question.message(), query);  // it was forwarded before
  const std::uint16_t most = payload(question);
  const std::uint16_t asked_for = reason == Failure::timeout ? std::min(most, kUnfragmented) : most;
  if (send_udp(slot, query, asked_for) != Failure::none) return end_with_failure(slot, reason);
  forward.retried.add();
}

bool Forwarder::Work::retry_tcp(std::uint32_t slot, Failure reason, TcpJob& job) noexcept {
  Question& question = pending[slot];
  std::optional<unsigned> backend;
  if (question.non_idempotent == NonIdempotentRequests::kNone && question.tries < settings.tries) {
    backend = selector.pick(question.pool, {.avoid = question.tried, .tcp = true}, random);
  }
  if (!backend) return end_with_failure(slot, reason), false;
  // The message is in the job; in front of it only where this backend, too, is told who asks.
  const BackendSettings& next = settings.backends[*backend];
  if (next.proxy != (job.preamble_length != 0)) {
    std::array<std::uint8_t, kProxyFixed + kMaxFlow> header;
    const std::size_t length = next.proxy ? write_proxy_v2(question.flow_bytes(), header) : 0;
    const std::size_t message = job.query_length - std::size_t{job.preamble_length};
    if (length + message > job.query.size()) return end_with_failure(slot, reason), false;
    std::memmove(job.query.data() + length, job.query.data() + job.preamble_length, message);
    std::memcpy(job.query.data(), header.data(), length);
    job.preamble_length = static_cast<std::uint8_t>(length);
    job.query_length = static_cast<std::uint16_t>(length + message);
  }
  submit(slot, job, *backend);
  forward.retried.add();
  return true;
}

void Forwarder::Work::end_with_failure(std::uint32_t slot, Failure failure) noexcept {
  const Question& question = pending[slot];
  end(slot, store_of(question).commit_failure(question.key, failure, now_ms));
}

void Forwarder::Work::end(std::uint32_t slot, std::uint64_t answer) noexcept {
  Question& question = pending[slot];
  waiters.make_ready(question.waiters);
  if (question.non_idempotent != NonIdempotentRequests::kNone) {
    non_idempotent[question.non_idempotent].answer = answer;
    non_idempotent[question.non_idempotent].done_ms = now_ms;
  }
  free_question(slot);
}

void Forwarder::Work::free_question(std::uint32_t slot) noexcept {
  if (pending[slot].non_idempotent == NonIdempotentRequests::kNone) pending.leave_key(slot);
  shares.give_back(pending[slot].share);
  pending.release(slot);
}

}  // namespace gl::backend
