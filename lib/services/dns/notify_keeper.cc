#include "lib/services/dns/notify_keeper.h"

#include <algorithm>

#include "lib/backend/flow_ends.h"

namespace gl::services {

bool NotifyKeeper::is_ours(Bytes request, Bytes flow) const noexcept {
  return request.size() <= NotifyDoor::kLongest && door_.is_ours(request, backend::client_address(flow));
}

NotifyKeeper::Entry* NotifyKeeper::find(const Name& name) noexcept {
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.state != Entry::State::free && entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

// One that nobody waits for; null: all are open.
NotifyKeeper::Entry* NotifyKeeper::oldest() noexcept {
  Entry* found = nullptr;
  for (Entry& entry : entries_) {
    if (entry.state == Entry::State::free) return &entry;
    if (entry.state == Entry::State::answered && (found == nullptr || entry.answered < found->answered)) found = &entry;
  }
  return found;
}

// A port used again may stand at the same number with another request.
NotifyKeeper::Result NotifyKeeper::ask(Bytes request, const RequestContext& context, std::uint64_t now_ms) noexcept {
  const Name name = {tagger_.tag(context.flow, context.position), tagger_.tag(request, 0)};
  Entry* entry = find(name);
  if (entry != nullptr && entry->state == Entry::State::answered) {
    return {.kind = Result::Kind::answered, .message = Bytes(entry->answer).first(entry->length)};
  }
  if (context.continuation) return {.kind = Result::Kind::unrepeatable};
  Result result;
  result.ticket.keeper = this;
  const std::uint64_t tag = tagger_.tag(context.flow, 0);
  if (!waiters_.has_room_for(tag)) return result;
  result.kind = Result::Kind::waits;
  if (entry == nullptr) {
    entry = oldest();
    if (entry == nullptr ||
        !door_.pass(request, context.flow, static_cast<std::uint8_t>(entry - entries_.data()), now_ms)) {
      result.kind = Result::Kind::dropped;
      return result;
    }
    entry->state = Entry::State::open;
    entry->name = name;
    result.kind = Result::Kind::passed;
  }
  // One frame of a flow waits, the newest.
  result.ticket = {.tag = tag,
                   .slot = static_cast<std::uint32_t>(entry - entries_.data()),
                   .generation = entry->generation,
                   .stream = true,
                   .keeper = this};
  return result;
}

Suspender::Suspend NotifyKeeper::suspend(const Suspended& what, const Ticket& ticket) noexcept {
  if (!waiters_.admits(what, ticket)) return Suspend::repeated;
  Entry& entry = entries_[ticket.slot];
  // Answered since: it is ready already.
  waiters_.add({.tag = ticket.tag}, what, entry.generation == ticket.generation ? entry.waiters : waiters_.ready());
  return Suspend::suspended;
}

void NotifyKeeper::take(const NotifyDoor::Letter& letter) noexcept {
  Entry& entry = entries_[letter.request];
  entry.state = Entry::State::answered;
  entry.answered = ++answers_;
  entry.length = letter.length;
  std::ranges::copy(letter.message(), entry.answer.begin());
  ++entry.generation;
  waiters_.make_ready(entry.waiters);
}

}  // namespace gl::services
