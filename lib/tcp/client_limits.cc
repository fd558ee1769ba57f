#include "lib/tcp/client_limits.h"

#include <sodium/randombytes.h>

#include <algorithm>

#include "lib/tcp/fast_open.h"

namespace gl::tcp {
namespace {

std::unique_ptr<PrefixLimiter> make_limiter(std::uint32_t rate) {
  if (rate == 0) return nullptr;
  PrefixLimiter::Key key;
  randombytes_buf(key.data(), key.size());
  return std::make_unique<PrefixLimiter>(rate, key);
}

// What was sent again, or only acknowledged, counts for nothing.
bool is_answer(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::syn_answered:
    case Outcome::answered:
    case Outcome::answered_withheld:
    case Outcome::flow_answered:
    case Outcome::bulk_begun:
      return true;
    default:
      return false;
  }
}

}  // namespace

ClientLimits::ClientLimits(const ResponderSettings& settings)
    : settings_(settings), syns_(make_limiter(settings.syn_rate)), answers_(make_limiter(settings.answer_rate)) {}

std::unique_ptr<ClientLimits> ClientLimits::create(const ResponderSettings& settings) {
  if (settings.syn_rate == 0 && settings.answer_rate == 0) return nullptr;
  return std::unique_ptr<ClientLimits>(new ClientLimits(settings));
}

void ClientLimits::set_time(std::uint64_t now_ms) noexcept {
  if (syns_ != nullptr) syns_->set_time(now_ms);
  if (answers_ != nullptr) answers_->set_time(now_ms);
}

std::optional<Outcome> ClientLimits::refuse(const Segment& segment, const CookieKeys& keys) noexcept {
  const bool syn = (segment.flags & kSyn) != 0;
  // What was let in before, and has waited, is not judged again; what brings nothing draws no answer of its own.
  if (segment.resumed || segment.timer || (!syn && segment.payload.empty())) return std::nullopt;
  const Bytes client = segment.flow.client();
  if (is_allowed(settings_.limit_allow, client)) return std::nullopt;
  if (answers_ != nullptr && !segment.payload.empty() && answers_->exceeded(client)) {
    return Outcome::drop_answer_limited;
  }
  if (!syn || syns_ == nullptr || (segment.flags & (kAck | kFin | kRst)) != 0) return std::nullopt;
  // A valid Fast Open cookie shows that the client receives what is sent there.
  const bool shown = settings_.fast_open && segment.fast_open.kind == wire::FastOpen::Kind::cookie &&
                     check_fast_open_cookie(keys, segment.flow, segment.fast_open.cookie) != FastOpenStanding::invalid;
  return shown || syns_->take(client) ? std::nullopt : std::optional(Outcome::drop_syn_limited);
}

void ClientLimits::charge(const Segment& segment, Outcome outcome, unsigned queries) noexcept {
  if (answers_ == nullptr || !is_answer(outcome) || is_allowed(settings_.limit_allow, segment.flow.client())) return;
  answers_->charge(segment.flow.client(), std::max(queries, 1u));
}

}  // namespace gl::tcp
