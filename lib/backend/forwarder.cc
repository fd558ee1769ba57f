#include "lib/backend/forwarder.h"

#include <sodium.h>

#include <algorithm>
#include <stdexcept>

#include "lib/backend/forwarder_work.h"

namespace gl::backend {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kAnswerBytes = 256;  // for the size of the index: an answer and its header
constexpr std::size_t kOnceBytes = kMiB;   // a kilobyte for each of them
constexpr std::size_t kOnceIndex = 2 * NonIdempotentRequests::kEntries;

// libsodium has to be ready before the first member draws a key.
const ForwardSettings& with_sodium(const ForwardSettings& settings) {
  if (sodium_init() < 0) throw std::runtime_error("libsodium does not start");
  return settings;
}

}  // namespace

Forwarder::Work::Work(const ForwardSettings& given, BackendTx& to, TcpJobs* tcp, std::size_t frame_bytes,
                      const OperatorState& operator_wishes)
    : settings(with_sodium(given)),
      wishes(operator_wishes),
      tx(to),
      jobs(tcp),
      backends(given.backends.size()),
      store(std::max<std::size_t>(given.store_mb, 1) * kMiB,
            std::max<std::size_t>(given.store_mb, 1) * kMiB / kAnswerBytes),
      non_idempotent_store(kOnceBytes, kOnceIndex),
      requests(given.requests),
      pending(given.slots, given.backends.size()),
      shares(given.share),
      waiters(given.waiting, frame_bytes),
      health(given, backends),
      selector(given, to, health, backends, operator_wishes) {
  randombytes_buf(secret.key.data(), secret.key.size());
  for (std::size_t i = 0; i < given.pools.size(); ++i) {
    pool_proxies[i] = std::ranges::any_of(given.pools[i].backends, [&](unsigned b) { return given.backends[b].proxy; });
  }
}

Forwarder::Forwarder(const ForwardSettings& settings, BackendTx& tx, TcpJobs* jobs, std::size_t frame_bytes,
                     const OperatorState& wishes)
    : work_(std::make_unique<Work>(settings, tx, jobs, frame_bytes, wishes)) {}

Forwarder::~Forwarder() = default;

void Forwarder::tap_to(dns::Tap* tap) noexcept {
  work_->tap = tap;
}

void Forwarder::tick(std::uint64_t now_us) noexcept {
  work_->tick(now_us);
}

QueryResult Forwarder::ask(const ClientQuery& query, unsigned pool, bool stream,
                           const RequestContext& context) noexcept {
  QueryResult result = work_->ask(query, pool, stream, context, false);
  result.ticket.keeper = this;
  return result;
}

void Forwarder::prepare(const ClientQuery& query, unsigned pool, const RequestContext& context) noexcept {
  (void)work_->ask(query, pool, true, context, true);
}

Forwarder::Suspend Forwarder::suspend(const Suspended& what, const Ticket& ticket) noexcept {
  return work_->suspend(what, ticket);
}

Forwarder::Suspend Forwarder::Work::suspend(const Suspended& what, const Ticket& ticket) noexcept {
  if (!waiters.admits(what, ticket)) return Suspend::repeated;
  Question& question = pending[ticket.slot];
  const Waiters::Waiter* const before = waiters.resumed(ticket.tag);
  const bool in_flight = question.generation == ticket.generation;
  const Waiters::Waiter waiter{.tag = ticket.tag,
                               .key = in_flight ? question.key : QuestionKey{},
                               .asked_at = before != nullptr ? before->asked_at : store.head()};
  // Answered since: it is ready already.
  waiters.add(waiter, what, in_flight ? question.waiters : waiters.ready());
  forward.waiting.add();
  return Suspend::suspended;
}

bool Forwarder::waits(Bytes flow) const noexcept {
  return work_->waiters.find(work_->tagger.tag(flow, 0)) != Waiters::kNone;
}

const Suspended* Forwarder::resume() noexcept {
  Work& work = *work_;
  const Suspended* const frame = work.waiters.resume();
  if (frame != nullptr) work.forward.resumed.add();
  return frame;
}

void Forwarder::release() noexcept {
  work_->waiters.release_resumed();
}

Forwarder::ReplyEnd Forwarder::take_reply(Bytes payload, Bytes source_address, std::uint16_t source_port,
                                          std::uint16_t our_port, ReplyForm form) noexcept {
  return work_->take_reply(payload, source_address, source_port, our_port, form);
}

const ForwardCounters& Forwarder::counters() const noexcept {
  return work_->forward;
}

ForwardCounters& Forwarder::counters() noexcept {
  return work_->forward;
}

const BackendCounters& Forwarder::counters(unsigned backend) const noexcept {
  return work_->backends[backend];
}

const ForwardSettings& Forwarder::settings() const noexcept {
  return work_->settings;
}

}  // namespace gl::backend
