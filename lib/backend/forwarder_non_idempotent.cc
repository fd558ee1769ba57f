// Requests that must not reach a backend twice: UPDATE and NOTIFY.
#include "lib/backend/forwarder_work.h"

namespace gl::backend {

QueryResult Forwarder::Work::ask_non_idempotent(const QueryContext& query_context) noexcept {
  const RequestContext& context = query_context.context;
  // It will come again, and must not be sent before we know that it is the client who asks.
  if (context.early) return come_again(query_context);
  const std::uint32_t number =
      query_context.stream ? context.position : load_be<std::uint16_t>(query_context.query.message.data());
  const std::uint64_t tag = tagger.tag(context.flow, number, query_context.key);
  const std::uint16_t entry = non_idempotent.find(tag);
  if (entry == NonIdempotentRequests::kNone) {
    const Request* const refused = query_context.stream ? requests.find(query_context.request_tag) : nullptr;
    if (refused != nullptr && refused->was_given()) {
      if (const std::optional<QueryResult> again = give_again(query_context, *refused)) return *again;
    }
    return begin_non_idempotent(query_context, tag);
  }
  if (non_idempotent[entry].in_flight()) {
    if (!has_room(query_context)) return fail(query_context, Failure::full, nullptr);
    return wait_for(query_context, non_idempotent[entry].question);
  }
  if (non_idempotent_store.holds(non_idempotent[entry].answer)) {
    if (context.continuation) forward.continued.add();
    const StoredAnswer answer = non_idempotent_store.read(non_idempotent[entry].answer);
    if (answer.failure != Failure::none) return failed_again(query_context, answer.failure);
    return {.kind = QueryResult::Kind::answered, .reply = answer.reply};
  }
  if (!context.continuation) return fail(query_context, Failure::full, nullptr);
  forward.unrepeatable.add();
  return {.kind = QueryResult::Kind::unrepeatable};
}

// Nothing was sent. Over a stream that is remembered: the client may have begun to read it.
QueryResult Forwarder::Work::refuse_non_idempotent(const QueryContext& query_context, Failure failure) noexcept {
  return fail(query_context, failure,
              query_context.stream ? &requests.enter(query_context.request_tag, store.head(), now_ms) : nullptr);
}

QueryResult Forwarder::Work::begin_non_idempotent(const QueryContext& query_context, std::uint64_t tag) noexcept {
  if (query_context.context.continuation) {
    forward.unrepeatable.add();
    return {.kind = QueryResult::Kind::unrepeatable};
  }
  // One that has waited for it was sent: it is forgotten, and must not be sent again.
  if (has_waited_for(query_context)) return refuse_non_idempotent(query_context, Failure::full);
  if (!has_room(query_context) || (!query_context.stream && pending.is_crowded()))
    return refuse_non_idempotent(query_context, Failure::full);
  const std::uint16_t entry = non_idempotent.enter(tag, now_ms, query_context.stream);
  if (entry == NonIdempotentRequests::kNone) return refuse_non_idempotent(query_context, Failure::full);
  std::uint32_t slot = Pending::kNone;
  const Failure failure = begin(query_context, false, entry, slot);
  if (failure != Failure::none) {
    non_idempotent[entry] = {};  // nothing was sent
    if (failure == Failure::down && comes_again(query_context)) return come_again(query_context);
    return refuse_non_idempotent(query_context, failure);
  }
  non_idempotent[entry].question = slot;
  return wait_for(query_context, slot);
}

}  // namespace gl::backend
