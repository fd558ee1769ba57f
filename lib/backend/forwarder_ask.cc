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

// What tells the requests of one flow apart: over TCP it waits once, datagrams by their ID.
constexpr std::uint32_t kDatagramTag = 0x10000;

QueryResult failed(Failure failure) noexcept {
  switch (failure) {
    case Failure::timeout:
    case Failure::down:
      return {.kind = QueryResult::Kind::failed, .info = kNoReachableAuthority};
    case Failure::reply:
      return {.kind = QueryResult::Kind::failed, .info = kNetworkError};
    case Failure::none:
    case Failure::full:
      break;
  }
  return {.kind = QueryResult::Kind::failed, .info = kNoInfo};
}

QueryResult answered(const StoredAnswer& answer, std::uint32_t age_s) noexcept {
  if (answer.failure != Failure::none) return failed(answer.failure);
  return {.kind = QueryResult::Kind::answered, .reply = answer.reply, .age_s = age_s};
}

}  // namespace

Forwarder::Work::Names Forwarder::Work::names_of(const ClientQuery& query, unsigned pool, std::uint32_t number,
                                                 Bytes flow) noexcept {
  secret.pool = pool;
  secret.proxy = pool_proxies[pool];
  return {question_key(query, settings, secret, flow), tagger.tag(flow, number)};
}

// A datagram that is resumed holds the one request that it held when it was suspended: it has its names already.
Forwarder::Work::Names Forwarder::Work::datagram_names(const ClientQuery& query, unsigned pool,
                                                       const RequestContext& context) noexcept {
  const Waiters::Waiter* const waiter = waiters.resumed();
  if (context.resumed && waiter != nullptr && waiter->key != QuestionKey{}) return {waiter->key, waiter->tag};
  const std::uint32_t number =
      query.message.size() < 2 ? 0U : kDatagramTag | load_be<std::uint16_t>(query.message.data());
  return names_of(query, pool, number, context.flow);
}

QueryResult Forwarder::Work::ask(const ClientQuery& query, unsigned pool, bool stream, const RequestContext& context,
                                 bool prepares) noexcept {
  // Its line comes while the question is hashed.
  const std::uint64_t request_tag = stream ? tagger.tag(context.flow, context.position) : 0;
  if (stream) requests.prefetch(request_tag);
  const Names names = stream ? names_of(query, pool, 0, context.flow) : datagram_names(query, pool, context);
  const QueryContext query_context{
      .query = query,
      .context = context,
      .pool = pool,
      .stream = stream,
      .waits = !prepares && !context.early,
      .prepares = prepares,
      .key = names.key,
      .waiter_tag = names.waiter_tag,
      // A port used again may stand at the same number with another question. The set stays the same.
      .request_tag = request_tag ^ names.key[1] << 32};
  return query.non_idempotent() ? ask_non_idempotent(query_context) : ask_question(query_context);
}

QueryResult Forwarder::Work::ask_question(const QueryContext& query_context) noexcept {
  const RequestContext& context = query_context.context;
  Request* request = query_context.stream ? requests.find(query_context.request_tag) : nullptr;
  if (request != nullptr) {
    if (const std::optional<QueryResult> again = give_again(query_context, *request)) return *again;
  }
  if (context.continuation) return continue_unknown(query_context);

  const bool is_new = request == nullptr
                          ? !is_resumed(query_context)
                          : request->was_given() || request->since(now_ms) > settings.keep_ms + kPatienceMs;
  if (query_context.stream && (request == nullptr || is_new))
    request = &requests.enter(query_context.request_tag, store.head(), now_ms);

  std::uint64_t since = request != nullptr ? request->asked_at : store.head();
  if (is_resumed(query_context)) since = std::min(since, waiters.resumed(query_context.waiter_tag)->asked_at);
  bool over_tcp = false;
  if (const std::uint64_t at = store.newest(query_context.key); at != AnswerStore::kNone) {
    const StoredAnswer newest = store.read(at);
    const bool acceptable = at >= since || may_serve(at, newest);
    over_tcp = acceptable && query_context.stream && newest.reply.truncated;
    if (over_tcp && !tcp_possible(query_context.pool)) return fail(query_context, Failure::reply, request);
    if (acceptable && !over_tcp) {
      if (at < since) forward.served.add();
      return give(query_context, at, request);
    }
  }
  // It waited for this very question, and the answer is overwritten already: it must not wait for ever.
  if (has_waited_for(query_context) && !over_tcp) return fail(query_context, Failure::full, request);
  return join_or_begin(query_context, request, is_new, over_tcp);
}

QueryResult Forwarder::Work::join_or_begin(const QueryContext& query_context, Request* request, bool is_new,
                                           bool over_tcp) noexcept {
  std::uint32_t slot = pending.find(query_context.key);
  if (!query_context.stream && is_for_tcp(query_context, slot == Pending::kNone)) return come_over_tcp();
  if (!has_room(query_context)) return fail(query_context, Failure::full, request);
  if (slot == Pending::kNone && shares.enabled() && is_over_share(query_context)) {
    return query_context.stream ? fail(query_context, Failure::full, request) : come_over_tcp();
  }
  if (slot == Pending::kNone) {
    const Failure failure = begin(query_context, over_tcp, NonIdempotentRequests::kNone, slot);
    if (failure == Failure::down && comes_again(query_context)) return come_again(query_context);
    if (failure != Failure::none) return fail(query_context, failure, request);
  } else {
    pending[slot].wanted_whole |= query_context.stream;
    if (is_new) forward.merged.add();
  }
  return wait_for(query_context, slot);
}

std::optional<QueryResult> Forwarder::Work::give_again(const QueryContext& query_context,
                                                       const Request& request) noexcept {
  if (!request.was_given() || request.since(now_ms) > settings.keep_ms) return std::nullopt;
  if (request.failure() == Failure::none && !store.holds(request.given)) return std::nullopt;
  if (query_context.context.continuation) forward.continued.add();
  if (request.failure() != Failure::none) return failed_again(query_context, request.failure());
  const StoredAnswer answer = store.read(request.given);
  if (answer.failure != Failure::none) return failed_again(query_context, answer.failure);
  return answered(answer, request.age_s);
}

QueryResult Forwarder::Work::failed_again(const QueryContext& query_context, Failure failure) noexcept {
  if (!query_context.context.continuation && !query_context.prepares) count(failure);
  return failed(failure);
}

// What this client was given is not known; but if nobody can have been given anything else, it was this.
QueryResult Forwarder::Work::continue_unknown(const QueryContext& query_context) noexcept {
  const std::optional<std::uint32_t> age =
      query_context.stream
          ? store.only_age(query_context.key, now_ms, std::max<std::uint64_t>(kDoubtMs, settings.keep_ms))
          : std::nullopt;
  if (!age) {
    forward.unrepeatable.add();
    return {.kind = QueryResult::Kind::unrepeatable};
  }
  forward.continued.add();
  const std::uint64_t at = store.newest(query_context.key);
  requests.enter(query_context.request_tag, store.head(), now_ms).give(at, *age, now_ms);
  return answered(store.read(at), *age);
}

QueryResult Forwarder::Work::give(const QueryContext& query_context, std::uint64_t at, Request* request) noexcept {
  const StoredAnswer answer = store.read(at);
  const auto age_s = static_cast<std::uint32_t>((now_ms - answer.completed_ms) / 1000);
  if (request != nullptr) {
    request->give(at, age_s, now_ms);
    store.note_given(at, age_s);
  }
  if (!query_context.prepares) count(answer.failure);
  return answered(answer, age_s);
}

QueryResult Forwarder::Work::come_again(const QueryContext& query_context) noexcept {
  return {.kind = QueryResult::Kind::pending,
          .ticket = {.tag = query_context.waiter_tag, .stream = query_context.stream}};
}

QueryResult Forwarder::Work::wait_for(const QueryContext& query_context, std::uint32_t slot) noexcept {
  QueryResult result = come_again(query_context);
  if (query_context.waits) {
    result.ticket.slot = slot;
    result.ticket.generation = pending[slot].generation;
  }
  return result;
}

QueryResult Forwarder::Work::fail(const QueryContext& query_context, Failure failure, Request* request) noexcept {
  if (!query_context.prepares) {
    if (request != nullptr) request->give(failure, now_ms);
    count(failure);
  }
  return failed(failure);
}

// Right after the start: SERVFAIL would be the wrong answer to clients whose kernels repeat their queries to a server
// that was started again. Over UDP there may be nobody who does.
bool Forwarder::Work::comes_again(const QueryContext& query_context) noexcept {
  if (!query_context.stream || !selector.resolving(query_context.pool)) return false;
  if (!query_context.prepares) forward.unresolved.add();
  return true;
}

bool Forwarder::Work::is_resumed(const QueryContext& query_context) const noexcept {
  return waiters.resumed(query_context.waiter_tag) != nullptr;
}

bool Forwarder::Work::has_waited_for(const QueryContext& query_context) const noexcept {
  const Waiters::Waiter* const waiter = waiters.resumed(query_context.waiter_tag);
  return waiter != nullptr && waiter->key == query_context.key;
}

bool Forwarder::Work::may_serve(std::uint64_t at, const StoredAnswer& answer) const noexcept {
  return at >= serve_from && answer.failure == Failure::none &&
         now_ms - answer.completed_ms < std::uint64_t{settings.serve_s} * 1000;
}

// Datagrams come from whoever their senders say: of slots and waiting frames they may fill three quarters, and none of
// them occupies the helper because it is long.
bool Forwarder::Work::is_for_tcp(const QueryContext& query_context, bool begins) const noexcept {
  if (begins && (pending.is_crowded() || query_context.query.message.size() > Question::kMaxQuery)) return true;
  return !waiters.is_resuming() && waiters.is_crowded() && waiters.find(query_context.waiter_tag) == Waiters::kNone;
}

bool Forwarder::Work::is_over_share(const QueryContext& query_context) noexcept {
  if (!shares.is_used_up(shares.place(query_context.context.flow, query_context.stream))) return false;
  if (!query_context.prepares) forward.over_share.add();
  return true;
}

QueryResult Forwarder::Work::come_over_tcp() noexcept {
  forward.to_tcp.add();
  return {.kind = QueryResult::Kind::over_tcp};
}

bool Forwarder::Work::has_room(const QueryContext& query_context) const noexcept {
  return !query_context.waits || waiters.has_room_for(query_context.waiter_tag);
}

bool Forwarder::Work::tcp_possible(unsigned pool) const noexcept {
  return jobs != nullptr && selector.another(pool, {.tcp = true});
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
