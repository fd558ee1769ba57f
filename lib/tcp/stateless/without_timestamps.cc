// Segments of clients without timestamps. They carry only the cookie, which here covers their own ISN too: the
// first segment of queries is known by its place in the stream, and no later one can be mistaken for it. So without an
// entry of soft state one segment of queries is all; where there is one, these rules only begin it.
#include <optional>

#include "lib/tcp/soft_state/flow_rules.h"

namespace gl::tcp {
namespace {

// So often a segment comes that belongs to no connection known here: beyond what a tail loss probe repeats while the
// segment before it is still to come (RFC 8985 section 7).
constexpr unsigned kStrayRepeats = 3;

class Rules {
 public:
  explicit Rules(RuleContext& context) noexcept : context_(context), segment_(context.segment) {}

  // The segment of another kind of client, whose timestamps are left out. False: it is none of these either.
  [[nodiscard]] bool fits() const noexcept {
    return cookie_at(0) || cookie_at(2) || context_.check_cookie(segment_.seq);
  }

  void apply() noexcept {
    if (!segment_.payload.empty()) return data();
    if (context_.has(kFin)) return fin();
    acknowledgement();
  }

 private:
  // The cookie, if the client's stream began `before` bytes before this segment.
  [[nodiscard]] std::optional<Accepted> cookie_at(std::uint32_t before) const noexcept {
    return context_.check_cookie(segment_.seq - 1 - before);
  }

  // Before its query a client may probe: SEG.SEQ is then its ISN itself (RFC 1122 section 4.2.3.6).
  void acknowledgement() noexcept {
    const auto cookie = context_.check_cookie(segment_.seq);
    if (cookie && cookie->ack_offset == 0) {
      return context_.build.control(Outcome::acked_keepalive, kAck, segment_.seq + 1, std::nullopt);
    }
    // Of a client that reads a long answer which is known nowhere any more: it may have nothing else to repeat.
    if (context_.bulk != nullptr && !cookie_at(0) && is_stray() && context_.plan.count > 0) return;
    context_.build.drop(Outcome::drop_ack_only);
  }

  // A FIN behind the query fails the MAC, as every later segment does; ours went with the answer.
  void fin() noexcept {
    const auto cookie = cookie_at(0);
    const bool unused = cookie && cookie->ack_offset == 0;
    if (!unused && is_stray()) return;
    context_.build.control(unused ? Outcome::fin_ack : Outcome::acked_fin,
                           static_cast<std::uint8_t>(unused ? kFin | kAck : kAck), segment_.seq + 1, std::nullopt);
  }

  void data() noexcept {
    auto whole = cookie_at(0);
    if (whole && whole->ack_offset == 0) return first(*whole, false);
    // So much later: the length prefix was acknowledged alone.
    const std::uint8_t prefix = context_.service.prefix_length();
    auto behind = prefix == 0 ? std::nullopt : cookie_at(prefix);
    if (behind && behind->ack_offset == 0) return first(*behind, true);
    // A cookie fits by chance once in 2^11 segments, and then with any number of bytes read: of two, the one with fewer
    // is tried first.
    const bool behind_first = whole && behind && behind->ack_offset < whole->ack_offset;
    if (behind_first && again(*behind, true)) return;
    if (whole && again(*whole, false)) return;
    if (behind && !behind_first && again(*behind, true)) return;
    late();
  }

  // A segment behind the first one, or one whose MAC fits by chance: the client was or will be answered without it.
  void late() noexcept {
    if (is_stray()) return;
    if (!context_.has(kFin)) return context_.build.drop(Outcome::drop_no_timestamp_late);
    const SeqNum past = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size()) + 1;
    context_.build.control(Outcome::acked_fin, kAck, past, std::nullopt);
  }

  // Where there is soft state, the segment is more likely of a connection whose entry is gone, or it has overtaken the
  // one that begins an entry. Its client waits for more than an ACK: it gets nothing, and then a RST.
  [[nodiscard]] bool is_stray() noexcept {
    if ((!context_.flows.enabled() && context_.bulk == nullptr) || context_.settings.immediate) return false;
    context_.build.drop(Outcome::drop_no_timestamp_late);
    if (context_.flows.count_stray(segment_.flow, segment_.seq) >= kStrayRepeats) {
      context_.reset_unknown(Outcome::reset_forgotten);
    }
    return true;
  }

  // The client's first segment, of whose answer it has read nothing.
  void first(const Accepted& cookie, bool prefix_consumed) noexcept {
    context_.scale_window(cookie.mss_class);
    if (context_.flows.enabled() && !context_.settings.immediate) {
      if (Flow* const flow = context_.flows.make(segment_.flow, cookie.isn, false); flow != nullptr) {
        return FlowRules(context_, cookie, *flow).open(0, prefix_consumed, 0, 0);
      }
    }
    const Stop stop = answer(cookie, prefix_consumed);
    if (stop == Stop::unrepeatable) return context_.build.reset(Outcome::reset_changed);
    if (stop == Stop::pending) return suspend(prefix_consumed);
    if (stop == Stop::long_answer && context_.answers.queries() == 0) return begin_bulk(cookie);
    if (context_.answers.queries() == 0) return nothing_complete(stop, prefix_consumed);
    send(cookie, behind_queries(stop));
  }
  void begin_bulk(const Accepted& cookie) noexcept {
    const auto size = static_cast<std::uint32_t>(context_.answers.long_request());
    BulkStart start{.first = segment_.ack, .request = segment_.seq, .acked = segment_.seq};
    start.request_end = segment_.seq + size;
    start.mss_class = cookie.mss_class;
    start.client_fin = context_.has(kFin) && size == segment_.payload.size();
    if (!context_.begin_bulk(start)) context_.build.drop(Outcome::drop_bulk_full);
  }

  // The same segment again, of whose answer a part has been read, perhaps all. False: it is none, the MAC fits by
  // chance.
  [[nodiscard]] bool again(const Accepted& cookie, bool prefix_consumed) noexcept {
    context_.scale_window(cookie.mss_class);
    const Stop stop = answer(cookie, prefix_consumed);
    if (stop == Stop::pending) return suspend(prefix_consumed), true;
    if (stop == Stop::unrepeatable) return ends_part(cookie) && (context_.build.reset(Outcome::reset_changed), true);
    const auto size = static_cast<std::uint32_t>(context_.answers.size());
    if (context_.answers.queries() == 0 || cookie.ack_offset > size + 1) return false;
    if (cookie.ack_offset < size && !ends_part(cookie)) return false;
    const SeqNum past = behind_queries(stop);
    if (cookie.ack_offset <= size) return send(cookie, past), true;
    context_.build.control(Outcome::acked_repeat, kAck, past, std::nullopt);
    return true;
  }

  [[nodiscard]] Stop answer(const Accepted& cookie, bool prefix_consumed) noexcept {
    context_.answers.reset();
    return context_.answers.answer(
        {segment_.payload, segment_.seq, prefix_consumed, SIZE_MAX, kLastOffset, cookie.ack_offset}, context_.service);
  }
  [[nodiscard]] SeqNum behind_queries(Stop stop) const noexcept {
    const bool fin = context_.has(kFin) && stop == Stop::end;
    return segment_.seq + static_cast<std::uint32_t>(context_.answers.consumed()) + (fin ? 1u : 0u);
  }

  // What was read of an answer ends where a part of it did; a MAC that fits by chance says any place.
  [[nodiscard]] bool ends_part(const Accepted& cookie) const noexcept {
    return context_.build.ends_part(cookie.ack_offset, cookie.mss_class);
  }

  // The immediate mode acknowledges the query before its answer is there.
  void suspend(bool prefix_consumed) noexcept {
    if (!context_.settings.immediate || segment_.resumed) return context_.build.suspend(context_.answers.ticket());
    const auto whole = static_cast<std::uint32_t>(whole_queries(segment_.payload, prefix_consumed, context_.service));
    const bool fin = context_.has(kFin) && whole == segment_.payload.size();
    context_.build.control(Outcome::suspended, kAck, segment_.seq + whole + (fin ? 1u : 0u), std::nullopt);
    context_.plan.ticket = context_.answers.ticket();
  }

  void send(const Accepted& cookie, SeqNum past) noexcept {
    AnswerSegments how;
    how.begin = cookie.ack_offset;
    how.ack_all = past;
    how.ack_none = how.ack_early = segment_.seq;
    how.fin = !context_.stays_open;
    how.mss_class = cookie.mss_class;
    how.immediate = context_.settings.immediate;
    how.acknowledged = segment_.resumed;
    const bool all = context_.build.answer(context_.answers, how);
    // The client will not repeat a query that was acknowledged, and so cannot pull the rest.
    if (!all && how.acknowledged && context_.settings.immediate) {
      context_.plan.count = 0;
      return context_.build.reset(Outcome::reset_too_long);
    }
    if (context_.plan.count == 0) return context_.build.drop(Outcome::drop_zero_window);
    if (cookie.ack_offset > 0) {
      context_.plan.outcome = Outcome::continued;
    } else {
      context_.plan.outcome = all ? Outcome::answered : Outcome::answered_withheld;
    }
  }

  void nothing_complete(Stop stop, bool prefix_consumed) noexcept {
    if (stop == Stop::malformed) return context_.build.reset(Outcome::reset_malformed);
    if (context_.has(kFin)) {
      const SeqNum past = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size()) + 1;
      return context_.build.control(Outcome::fin_ack, kFin | kAck, past, std::nullopt);
    }
    if (stop == Stop::prefix_only && !prefix_consumed) {
      return context_.build.control(Outcome::acked_prefix, kAck, segment_.seq + context_.service.prefix_length(),
                                    std::nullopt);
    }
    context_.drop_piece();
  }

  RuleContext& context_;
  const Segment& segment_;
};

// A remembered flow's segment is known by its numbers alone: the cookie was checked when the entry was made.
bool answered_from_flow(RuleContext& context) noexcept {
  Flow* const flow = context.flows.find(context.segment.flow);
  if (flow == nullptr) return false;
  context.scale_window(flow->mss_class);
  const Accepted known{flow->isn, context.segment.ack - flow->isn - 1, flow->mss_class, false};
  return answer_from_flow(context, known, *flow);
}

}  // namespace

void answer_without_timestamps(RuleContext& context) noexcept {
  if (!answered_from_flow(context)) Rules(context).apply();
}

void answer_ignoring_timestamps(RuleContext& context) noexcept {
  Segment segment = context.segment;
  segment.timestamps.reset();
  RuleContext without{segment,       context.service, context.keys,  context.settings,  context.answers,
                      context.build, context.plan,    context.flows, context.long_flows};
  without.bulk = context.bulk;
  if (context.unscaled != nullptr) without.unscaled = &segment;
  context.build.go_on(segment);
  if (answered_from_flow(without)) return;
  if (Rules rules(without); rules.fits()) return rules.apply();
  context.build.go_on(context.segment);
  context.reset_unknown(Outcome::reset_no_cookie);
}

}  // namespace gl::tcp
