// Requests come in: the same answer again, one from the store, or a wait.
#include <algorithm>

#include "lib/backend/forwarder_work.h"

namespace gl::backend {
namespace {

// How long a request that was not answered is still the same request.
constexpr std::uint32_t kPatienceMs = 60'000;
// Bytes that were given so long ago are no longer waited for by anyone: longer than any keep_ms in use.
constexpr std::uint64_t kDoubtMs = 60'000;

// Extended errors, RFC 8914 section 4.
constexpr std::uint16_t kNoReachableAuthority = 22;
constexpr std::uint16_t kNetworkError = 23;
constexpr std::uint16_t kNoInfo = 0xffff;

Asked failed(Failure failure) noexcept {
  switch (failure) {
    case Failure::timeout:
    case Failure::down:
      return {.kind = Asked::Kind::failed, .info = kNoReachableAuthority};
    case Failure::reply:
      return {.kind = Asked::Kind::failed, .info = kNetworkError};
    case Failure::none:
    case Failure::full:
      break;
  }
  return {.kind = Asked::Kind::failed, .info = kNoInfo};
}

Asked answered(const StoredAnswer& answer, std::uint32_t age_s) noexcept {
  if (answer.failure != Failure::none) return failed(answer.failure);
  return {.kind = Asked::Kind::answered, .reply = answer.reply, .age_s = age_s};
}

}  // namespace

Asked Forwarder::Work::ask(const ClientQuery& query, unsigned pool, bool stream, const RequestContext& context,
                           bool prepares) noexcept {
  if (!prepares) last = {};
  const std::uint32_t number =
      stream || query.message.size() < 2 ? 0U : kDatagram | load_be<std::uint16_t>(query.message.data());
  // Its line comes while the question is hashed.
  const std::uint64_t request_tag = stream ? tagger.tag(context.flow, context.position) : 0;
  if (stream) requests.prefetch(request_tag);
  secret.pool = pool;
  secret.proxy = pool_proxies[pool];
  const QuestionKey key = question_key(query, settings, secret, context.flow);
  const Asker asker{.query = query,
                    .context = context,
                    .pool = pool,
                    .stream = stream,
                    .waits = !prepares && !context.early,
                    .prepares = prepares,
                    .key = key,
                    .waiter_tag = tagger.tag(context.flow, number),
                    // A port used again may stand at the same number with another question. The set stays the same.
                    .request_tag = request_tag ^ key[1] << 32};
  return query.once() ? ask_once(asker) : ask_question(asker);
}

Asked Forwarder::Work::ask_question(const Asker& asker) noexcept {
  const RequestContext& context = asker.context;
  Request* request = asker.stream ? requests.find(asker.request_tag) : nullptr;
  if (request != nullptr) {
    if (const std::optional<Asked> again = give_again(asker, *request)) return *again;
  }
  if (context.continuation) return continue_unknown(asker);

  const bool is_new = request == nullptr
                          ? !is_resumed(asker)
                          : request->was_given() || request->since(now_ms) > settings.keep_ms + kPatienceMs;
  if (asker.stream && (request == nullptr || is_new))
    request = &requests.enter(asker.request_tag, store.head(), now_ms);

  std::uint64_t since = request != nullptr ? request->asked_at : store.head();
  if (is_resumed(asker)) since = std::min(since, waiters[resumed].asked_at);
  bool over_tcp = false;
  if (const std::uint64_t at = store.newest(asker.key); at != AnswerStore::kNone) {
    const StoredAnswer newest = store.read(at);
    const bool acceptable = at >= since || may_serve(newest);
    over_tcp = acceptable && asker.stream && newest.reply.truncated;
    if (over_tcp && !tcp_possible(asker.pool)) return fail(asker, Failure::reply, request);
    if (acceptable && !over_tcp) {
      if (at < since) forward.served.add();
      return give(asker, at, request);
    }
  }
  // It waited for this very question, and the answer is overwritten already: it must not wait for ever.
  if (is_resumed(asker) && !over_tcp && waiters[resumed].key == asker.key) return fail(asker, Failure::full, request);
  return join_or_begin(asker, request, is_new, over_tcp);
}

Asked Forwarder::Work::join_or_begin(const Asker& asker, Request* request, bool is_new, bool over_tcp) noexcept {
  std::uint32_t slot = pending.find(asker.key);
  if (!asker.stream && is_for_tcp(asker, slot == Pending::kNone)) return come_over_tcp();
  if (!has_room(asker)) return fail(asker, Failure::full, request);
  if (slot == Pending::kNone) {
    const Failure failure = begin(asker, over_tcp, OnceRequests::kNone, slot);
    if (failure == Failure::down && comes_again(asker)) return {.kind = Asked::Kind::pending};
    if (failure != Failure::none) return fail(asker, failure, request);
  } else {
    pending[slot].wanted_whole |= asker.stream;
    if (is_new) forward.merged.add();
  }
  return wait_for(asker, slot);
}

std::optional<Asked> Forwarder::Work::give_again(const Asker& asker, const Request& request) noexcept {
  if (!request.was_given() || request.since(now_ms) > settings.keep_ms) return std::nullopt;
  if (request.failure() == Failure::none && !store.holds(request.given)) return std::nullopt;
  if (asker.context.continuation) forward.continued.add();
  if (request.failure() != Failure::none) return failed_again(asker, request.failure());
  const StoredAnswer answer = store.read(request.given);
  if (answer.failure != Failure::none) return failed_again(asker, answer.failure);
  return answered(answer, request.age_s);
}

Asked Forwarder::Work::failed_again(const Asker& asker, Failure failure) noexcept {
  if (!asker.context.continuation && !asker.prepares) count(failure);
  return failed(failure);
}

// What this client was given is not known; but if nobody can have been given anything else, it was this.
Asked Forwarder::Work::continue_unknown(const Asker& asker) noexcept {
  const std::optional<std::uint32_t> age =
      asker.stream ? store.only_age(asker.key, now_ms, std::max<std::uint64_t>(kDoubtMs, settings.keep_ms))
                   : std::nullopt;
  if (!age) {
    forward.unrepeatable.add();
    return {.kind = Asked::Kind::unrepeatable};
  }
  forward.continued.add();
  const std::uint64_t at = store.newest(asker.key);
  requests.enter(asker.request_tag, store.head(), now_ms).give(at, *age, now_ms);
  return answered(store.read(at), *age);
}

Asked Forwarder::Work::give(const Asker& asker, std::uint64_t at, Request* request) noexcept {
  const StoredAnswer answer = store.read(at);
  const auto age_s = static_cast<std::uint32_t>((now_ms - answer.completed_ms) / 1000);
  if (request != nullptr) {
    request->give(at, age_s, now_ms);
    store.note_given(at, age_s);
  }
  if (!asker.prepares) count(answer.failure);
  return answered(answer, age_s);
}

Asked Forwarder::Work::wait_for(const Asker& asker, std::uint32_t slot) noexcept {
  if (asker.waits) last = {.slot = slot, .generation = pending[slot].generation};
  return {.kind = Asked::Kind::pending};
}

Asked Forwarder::Work::fail(const Asker& asker, Failure failure, Request* request) noexcept {
  if (!asker.prepares) {
    if (request != nullptr) request->give(failure, now_ms);
    count(failure);
  }
  return failed(failure);
}

// Right after the start: SERVFAIL would be the wrong answer to clients whose kernels repeat their queries to a server
// that was started again. Over UDP there may be nobody who does.
bool Forwarder::Work::comes_again(const Asker& asker) noexcept {
  if (!asker.stream || !choice.resolving(asker.pool)) return false;
  if (!asker.prepares) forward.unresolved.add();
  return true;
}

bool Forwarder::Work::is_resumed(const Asker& asker) const noexcept {
  return resumed != Waiters::kNone && waiters[resumed].tag == asker.waiter_tag;
}

bool Forwarder::Work::may_serve(const StoredAnswer& answer) const noexcept {
  return answer.failure == Failure::none && now_ms - answer.completed_ms < std::uint64_t{settings.serve_s} * 1000;
}

// Datagrams come from whoever their senders say: of slots and waiting frames they may fill three quarters, and none of
// them occupies the helper because it is long.
bool Forwarder::Work::is_for_tcp(const Asker& asker, bool begins) const noexcept {
  if (begins && (pending.is_crowded() || asker.query.message.size() > Question::kMaxQuery)) return true;
  return resumed == Waiters::kNone && waiters.is_crowded() && waiters.find(asker.waiter_tag) == Waiters::kNone;
}

Asked Forwarder::Work::come_over_tcp() noexcept {
  forward.to_tcp.add();
  return {.kind = Asked::Kind::over_tcp};
}

bool Forwarder::Work::has_room(const Asker& asker) const noexcept {
  return !asker.waits || waiters.has_room(resumed != Waiters::kNone) ||
         waiters.find(asker.waiter_tag) != Waiters::kNone;
}

bool Forwarder::Work::tcp_possible(unsigned pool) const noexcept {
  return jobs != nullptr && choice.another(pool, {.tcp = true});
}

void Forwarder::Work::count(Failure failure) noexcept {
  switch (failure) {
    case Failure::none:
      break;
    case Failure::timeout:
      forward.failed_timeout.add();
      break;
    case Failure::down:
      forward.failed_down.add();
      break;
    case Failure::full:
      forward.failed_full.add();
      break;
    case Failure::reply:
      forward.failed_reply.add();
      break;
  }
}

}  // namespace gl::backend
