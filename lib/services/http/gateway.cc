#include "lib/services/http/gateway.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace gl::http {

using backend::AnswerStore;

namespace {

constexpr std::size_t kAnswerBytes = 1024;  // for the size of the index

}  // namespace

// A server that does not answer leaves half of the jobs to the others.
Gateway::Gateway(std::size_t store_bytes, std::size_t origins)
    : jobs_(std::make_shared<GatewayJobs>()),
      most_of_one_origin_(origins > 1 ? GatewayJobs::kJobs / 2 : GatewayJobs::kJobs),
      pending_(GatewayJobs::kJobs),
      store_(store_bytes, store_bytes / kAnswerBytes),
      waiters_(kWaiting, kLongestFrame) {}

// A port used again may stand at the same number with another request.
Gateway::Name Gateway::name_of(Bytes request, const RequestContext& context) const noexcept {
  std::uint64_t content = 0;
  static_assert(crypto_shorthash_siphash24_BYTES == sizeof content);
  crypto_shorthash_siphash24(reinterpret_cast<std::uint8_t*>(&content), request.data(), request.size(),
                             tagger_.key.data());
  return {tagger_.tag(context.flow, context.position), content};
}

Gateway::Reply Gateway::reply_at(std::uint64_t at) const noexcept {
  const Bytes kept = store_.read(at).reply.message;
  Prefix prefix;
  std::memcpy(&prefix, kept.data(), sizeof prefix);
  return {.status = prefix.status, .body = prefix.body, .length = kept.size() - sizeof prefix, .at = at};
}

std::size_t Gateway::read(std::uint64_t at, std::uint64_t offset, MutableBytes out) const noexcept {
  if (!store_.holds(at)) return 0;
  const Bytes bytes = store_.read(at).reply.message.subspan(sizeof(Prefix));
  if (offset >= bytes.size()) return 0;
  const std::size_t length = std::min<std::uint64_t>(out.size(), bytes.size() - offset);
  if (length != 0) std::memcpy(out.data(), bytes.data() + offset, length);
  return length;
}

Gateway::Result Gateway::ask(Bytes request, unsigned origin, const RequestContext& context, bool waits) noexcept {
  const Name name = name_of(request, context);
  if (const std::uint64_t at = store_.newest(name); at != AnswerStore::kNone) {
    return {.kind = Result::Kind::answered, .reply = reply_at(at)};
  }
  if (context.continuation) return {.kind = Result::Kind::unrepeatable};
  Result result;
  result.ticket.keeper = this;
  const unsigned index = find_or_begin(name, request, origin, context.flow);
  const std::uint64_t tag = tagger_.tag(context.flow, 0);
  if (index == GatewayJobs::kJobs || (waits && !waiters_.has_room_for(tag))) {
    if (waits) deferred_.add();
    return result;
  }
  // One frame of a flow waits, the newest.
  result.ticket = {.tag = tag, .slot = index, .generation = pending_[index].generation, .stream = true, .keeper = this};
  return result;
}

unsigned Gateway::find_or_begin(const Name& name, Bytes request, unsigned origin, Bytes flow) noexcept {
  const auto same = std::ranges::find_if(pending_, [&](const Pending& p) { return p.busy && p.name == name; });
  if (same != pending_.end()) return static_cast<unsigned>(same - pending_.begin());
  const std::uint64_t flow_tag = tagger_.tag(flow, 0);
  const bool may = request.size() <= kMaxRequest && may_begin(origin, flow_tag);
  GatewayJob* const job = may ? jobs_->take() : nullptr;
  if (job == nullptr) return GatewayJobs::kJobs;
  asked_.add();
  const unsigned index = jobs_->index(*job);
  pending_[index].busy = true;
  pending_[index].name = name;
  pending_[index].origin = origin;
  pending_[index].flow = flow_tag;
  job->origin = origin;
  job->peer_length = flow.size() > 12 ? 16 : 4;
  std::copy_n(flow.begin(), std::min<std::size_t>(flow.size(), job->peer_length), job->peer.begin());
  job->request_length = static_cast<std::uint16_t>(request.size());
  std::memcpy(job->request.data(), request.data(), request.size());
  jobs_->submit(job);
  return index;
}

bool Gateway::may_begin(unsigned origin, std::uint64_t flow_tag) const noexcept {
  std::size_t of_origin = 0;
  std::size_t of_flow = 0;
  for (const Pending& p : pending_) {
    if (!p.busy) continue;
    if (p.origin == origin) ++of_origin;
    if (p.flow == flow_tag) ++of_flow;
  }
  return of_origin < most_of_one_origin_ && of_flow < kOfOneFlow;
}

Suspender::Suspend Gateway::suspend(const Suspended& what, const Ticket& ticket) noexcept {
  if (!waiters_.admits(what, ticket)) return Suspend::repeated;
  Pending& pending = pending_[ticket.slot];
  // Answered since: it is ready already.
  waiters_.add({.tag = ticket.tag}, what, pending.generation == ticket.generation ? pending.waiters : waiters_.ready());
  return Suspend::suspended;
}

void Gateway::tick(std::uint64_t now_us) noexcept {
  now_ms_ = now_us / 1000;
  while (GatewayJob* const job = jobs_->completed()) finish(*job);
}

void Gateway::finish(GatewayJob& job) noexcept {
  count(job);
  Pending& pending = pending_[jobs_->index(job)];
  const Prefix prefix{.body = job.body_length, .status = job.status};
  const MutableBytes room = store_.reserve(sizeof prefix + job.head_length + job.body_length);
  std::memcpy(room.data(), &prefix, sizeof prefix);
  std::memcpy(room.data() + sizeof prefix, job.head.data(), job.head_length);
  std::memcpy(room.data() + sizeof prefix + job.head_length, job.body.get(), job.body_length);
  (void)store_.commit(pending.name, {.message = room}, now_ms_);
  waiters_.make_ready(pending.waiters);
  pending.busy = false;
  ++pending.generation;
  jobs_->give_back(&job);
}

void Gateway::count(const GatewayJob& job) noexcept {
  switch (job.end) {
    case GatewayJob::End::answered:
      return relayed_.add();
    case GatewayJob::End::failed:
      return bad_gateway_.add();
    case GatewayJob::End::timed_out:
      return gateway_timeout_.add();
    case GatewayJob::End::too_long:
      return response_too_long_.add();
  }
}

}  // namespace gl::http
