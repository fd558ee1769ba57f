// Time passes: jobs come back, tries end without a reply, health checks are due.
#include <algorithm>
#include <cstring>

#include "lib/backend/forwarder_work.h"
#include "lib/backend/proxy_v2.h"

namespace gl::backend {
namespace {

constexpr std::uint32_t kTransferTimeoutMs = 10'000;
// The helper ends every job itself; should one be lost, its question ends so much later.
constexpr std::uint32_t kGraceMs = 2'000;
// At most so many time-outs in one round: the frames that have come in the meantime wait no longer than for these.
constexpr unsigned kTimeoutsARound = 256;

// The backend's address and port as both ends of a flow: who asks when we ask.
std::size_t own_flow(const BackendSettings& backend, std::array<std::uint8_t, kMaxFlow>& flow) noexcept {
  const Bytes address = wire::bytes_of(backend.address);
  const std::size_t size = address.size();
  std::memcpy(flow.data(), address.data(), size);
  std::memcpy(flow.data() + size, address.data(), size);
  store_be(flow.data() + 2 * size, backend.port);
  store_be(flow.data() + 2 * size + 2, backend.port);
  return 2 * size + 4;
}

}  // namespace

// A connection takes a round trip before the question's own.
std::uint32_t Forwarder::Work::tcp_timeout_ms(bool transfer) const noexcept {
  return transfer ? std::max(kTransferTimeoutMs, 2 * settings.timeout_ms) : 2 * settings.timeout_ms;
}

void Forwarder::Work::tick(std::uint64_t now) noexcept {
  now_us = now;
  now_ms = now / 1000;
  if (!started) {
    started = true;
    store.start(now_ms);
    non_idempotent_store.start(now_ms);
    health.start(now_ms);
  }
  if (const std::uint32_t wanted = wishes.flushes.load(std::memory_order_relaxed); wanted != flushes_done)
    flush(wanted);
  if (jobs_out != 0) take_jobs();
  if (tcp_waiting.head != Pending::kNone) give_jobs();
  time_out_udp();
  time_out_tcp();
  if (health.due(now_ms)) check_health();
}

// Nothing is overwritten: clients who have begun to read an answer get the rest of it.
void Forwarder::Work::flush(std::uint32_t flushes) noexcept {
  forward.flushed.add(flushes - flushes_done);
  flushes_done = flushes;
  serve_from = store.head();
}

void Forwarder::Work::take_jobs() noexcept {
  while (TcpJob* const job = jobs->completed()) {
    --jobs_out;
    if (!take_job(*job)) jobs->give_back(job);
  }
}

// Oldest first. Who waits for a job as long as a job may take has waited in vain.
void Forwarder::Work::give_jobs() noexcept {
  const std::uint64_t limit_us = std::uint64_t{tcp_timeout_ms(false)} * 1000;
  for (unsigned i = 0; i < kTimeoutsARound && tcp_waiting.head != Pending::kNone; ++i) {
    const std::uint32_t slot = tcp_waiting.head;
    const bool overdue = now_us - pending[slot].sent_us >= limit_us;
    TcpJob* const job = overdue ? nullptr : jobs->take();
    if (!overdue && job == nullptr) return;
    pending.remove(tcp_waiting, slot);
    pending[slot].state = Question::State::idle;
    const Failure failure = overdue ? Failure::full : take_turn(slot, *job);
    if (failure != Failure::none) end_with_failure(slot, failure);
  }
}

void Forwarder::Work::time_out_udp() noexcept {
  const std::uint64_t timeout_us = std::uint64_t{settings.timeout_ms} * 1000;
  for (unsigned i = 0; i < kTimeoutsARound; ++i) {
    const std::uint32_t slot = udp_tries.head;
    if (slot == Pending::kNone || now_us - pending[slot].sent_us < timeout_us) return;
    const Question& question = pending[slot];
    leave_udp(slot);
    if (question.health) {
      health.check_failed(question.backend);
      continue;
    }
    backends[question.backend].timed_out.add();
    health.question_failed(question.backend, now_ms);
    retry_udp(slot, Failure::timeout);
  }
}

void Forwarder::Work::time_out_tcp() noexcept {
  const std::uint64_t limit_us = (std::uint64_t{tcp_timeout_ms(true)} + kGraceMs) * 1000;
  const std::uint32_t slot = tcp_tries.head;
  if (slot == Pending::kNone || now_us - pending[slot].sent_us < limit_us) return;
  pending.remove(tcp_tries, slot);
  backends[pending[slot].backend].failed_tcp.add();
  end_with_failure(slot, Failure::timeout);
}

void Forwarder::Work::check_health() noexcept {
  for (unsigned backend = 0; backend < backends.size(); ++backend) {
    const bool waits = pending[pending.health_slot(backend)].state != Question::State::idle;
    if (health.take_due(backend, now_ms) && !waits) send_check(backend);
  }
  health.plan();
}

void Forwarder::Work::send_check(unsigned backend) noexcept {
  const std::uint32_t slot = pending.health_slot(backend);
  Question& question = pending[slot];
  const MutableBytes out = tx.begin(backend);
  std::size_t header = 0;
  if (settings.backends[backend].proxy) {
    std::array<std::uint8_t, kMaxFlow> flow;
    const std::size_t length = own_flow(settings.backends[backend], flow);
    header = write_proxy_v2(Bytes(flow).first(length), out);
  }
  pending.draw_id(slot, random);
  const std::size_t length = write_health_query(settings, question.id, question.query);
  if (length == 0 || header + length > out.size()) {
    pending.drop_id(slot);
    (tx.reachable(backend) ? backends[backend].no_buffer : backends[backend].unreachable).add();
    health.check_failed(backend);
    return;
  }
  std::memcpy(out.data() + header, question.query.data(), length);
  question.query_length = static_cast<std::uint16_t>(length);
  question.health = true;
  question.backend = static_cast<std::uint8_t>(backend);
  question.state = Question::State::udp;
  question.sent_us = now_us;
  question.source_port = tx.source_port(backend, random.u32());
  tx.send(question.source_port, header + length);
  backends[backend].sent.add();
  backends[backend].health_sent.add();
  pending.append(udp_tries, slot);
}

}  // namespace gl::backend
