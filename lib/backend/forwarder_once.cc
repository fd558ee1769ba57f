// Requests that must not reach a backend twice: UPDATE and NOTIFY.
#include "lib/backend/forwarder_work.h"

namespace gl::backend {

Asked Forwarder::Work::ask_once(const Asker& asker) noexcept {
  const RequestContext& context = asker.context;
  // It will come again, and must not be sent before we know that it is the client who asks.
  if (context.early) return {.kind = Asked::Kind::pending};
  const std::uint32_t number = asker.stream ? context.position : load_be<std::uint16_t>(asker.query.message.data());
  const std::uint64_t tag = tagger.tag(context.flow, number, asker.key);
  const std::uint16_t entry = once.find(tag);
  if (entry == OnceRequests::kNone) {
    const Request* const refused = asker.stream ? requests.find(asker.request_tag) : nullptr;
    if (refused != nullptr && refused->was_given()) {
      if (const std::optional<Asked> again = give_again(asker, *refused)) return *again;
    }
    return begin_once(asker, tag);
  }
  if (once[entry].in_flight()) {
    if (!has_room(asker)) return fail(asker, Failure::full, nullptr);
    return wait_for(asker, once[entry].question);
  }
  if (once_store.holds(once[entry].answer)) {
    if (context.continuation) forward.continued.add();
    const StoredAnswer answer = once_store.read(once[entry].answer);
    if (answer.failure != Failure::none) return failed_again(asker, answer.failure);
    return {.kind = Asked::Kind::answered, .reply = answer.reply};
  }
  if (!context.continuation) return fail(asker, Failure::full, nullptr);
  forward.unrepeatable.add();
  return {.kind = Asked::Kind::unrepeatable};
}

// Nothing was sent. Over a stream that is remembered: the client may have begun to read it.
Asked Forwarder::Work::refuse_once(const Asker& asker, Failure failure) noexcept {
  return fail(asker, failure, asker.stream ? &requests.enter(asker.request_tag, store.head(), now_ms) : nullptr);
}

Asked Forwarder::Work::begin_once(const Asker& asker, std::uint64_t tag) noexcept {
  if (asker.context.continuation) {
    forward.unrepeatable.add();
    return {.kind = Asked::Kind::unrepeatable};
  }
  // One that has waited for it was sent: it is forgotten, and must not be sent again.
  if (is_resumed(asker) && waiters[resumed].key == asker.key) return refuse_once(asker, Failure::full);
  if (!has_room(asker) || (!asker.stream && pending.is_crowded())) return refuse_once(asker, Failure::full);
  const std::uint16_t entry = once.enter(tag, now_ms, asker.stream);
  if (entry == OnceRequests::kNone) return refuse_once(asker, Failure::full);
  std::uint32_t slot = Pending::kNone;
  const Failure failure = begin(asker, false, entry, slot);
  if (failure != Failure::none) {
    once[entry] = {};  // nothing was sent
    if (failure == Failure::down && comes_again(asker)) return {.kind = Asked::Kind::pending};
    return refuse_once(asker, failure);
  }
  once[entry].question = slot;
  return wait_for(asker, slot);
}

}  // namespace gl::backend
