// Segments of clients with timestamps: taken in, and answered.
#include "lib/tcp/stateless/timestamp_rules.h"

#include <optional>

namespace gl::tcp {

TimestampRules::TimestampRules(RuleContext& context, const Accepted& cookie) noexcept
    : context_(context),
      segment_(context.segment),
      cookie_(cookie),
      ledger_(Ledger::decode(segment_.timestamps->echo)) {
  gap_ = (ledger_.sent_end - cookie_.ack_offset) & kOffsetMask;
  ledger_.sent_end = cookie.ack_offset + gap_;
  if (gap_ <= kMaxRenderedAnswer) return;
  ahead_ = kOffsetMask + 1 - gap_;
  stale_ = ahead_ > kMaxAhead || ahead_ > cookie.ack_offset;  // before the beginning of our stream there was nothing
  ledger_.sent_end = cookie.ack_offset - ahead_;
  gap_ = 0;
  // E leaves our FIN out, so a client that acknowledges the FIN is one byte ahead of it. So is one that read one byte
  // of later answers, where a segment ended there, and asks for the rest.
  our_fin_acked_ = ahead_ == 1 &&
                   (segment_.payload.empty() || context.has(kFin) || context.may_have_closed(cookie, ledger_.sent_end));
  if (our_fin_acked_) ahead_ = 0;
}

void TimestampRules::apply() noexcept {
  if (stale_) return stale();
  if (!segment_.payload.empty()) return data();
  if (context_.has(kFin)) return fin();
  acknowledgement();
}

bool TimestampRules::level() const noexcept {
  return gap_ == 0 && ahead_ == 0;
}

bool TimestampRules::keepalive() const noexcept {
  return segment_.payload.size() <= 1 && is_next(segment_.seq + 1) && level();
}

void TimestampRules::stale() noexcept {
  if (segment_.payload.empty() && !context_.has(kFin)) return context_.build.drop(Outcome::drop_ack_only);
  context_.build.reset(Outcome::reset_stale);
}

Ledger TimestampRules::acked() const noexcept {
  Ledger ledger = ledger_;
  ledger.prefix = ledger_.prefix_consumed();
  ledger.acked = true;
  return ledger;
}

void TimestampRules::acknowledgement() noexcept {
  if (level() && !ledger_.acked && is_next(segment_.seq)) {
    return context_.build.control(Outcome::acked_withheld, kAck, segment_.seq, acked());
  }
  if (keepalive()) return context_.build.control(Outcome::acked_keepalive, kAck, segment_.seq + 1, acked());
  if (both_closed()) return context_.build.control(Outcome::acked_fin, kAck, segment_.seq, acked());
  context_.build.drop(Outcome::drop_ack_only);
}

bool TimestampRules::both_closed() const noexcept {
  return our_fin_acked_ && !ledger_.acked && is_next(segment_.seq - 1) &&
         context_.may_have_closed(cookie_, ledger_.sent_end);
}

void TimestampRules::fin() noexcept {
  const SeqNum past = segment_.seq + 1;
  if (our_fin_acked_) return context_.build.control(Outcome::acked_fin, kAck, past, acked());
  if (!level() || !is_next(segment_.seq)) return early_fin();
  context_.build.control(Outcome::fin_ack, kFin | kAck, past, acked());
}

void TimestampRules::data() noexcept {
  if (is_next(segment_.seq)) return at_next_query(ledger_.prefix_consumed());
  // The acknowledged prefix again, with the message behind it.
  if (ledger_.prefix_consumed() && (segment_.seq.value() & kNextMask) == ledger_.next) return at_next_query(false);
  if (keepalive() && ledger_.acked) {
    return context_.build.control(Outcome::acked_keepalive, kAck, segment_.seq + 1, acked());
  }
  repeated();
}

void TimestampRules::at_next_query(bool lacks_prefix) noexcept {
  if (our_fin_acked_) return context_.build.reset(Outcome::reset_stale);
  if (gap_ != 0) return beyond(lacks_prefix);
  context_.answers.reset();
  fresh(0, lacks_prefix);
}

void TimestampRules::fresh(std::size_t skip, bool lacks_prefix) noexcept {
  const std::uint32_t room = context_.room(cookie_, ledger_.sent_end);
  const SeqNum start = segment_.seq + static_cast<std::uint32_t>(skip);
  const Stop stop = context_.answers.answer(
      {segment_.payload.subspan(skip), start, lacks_prefix, SIZE_MAX, room, ahead_}, context_.service);
  if (stop == Stop::unrepeatable) return context_.build.reset(Outcome::reset_changed);
  // All of a segment's answers go together: it is resumed when the last of them is there.
  if (stop == Stop::pending) return context_.build.suspend(context_.answers.ticket());
  if (stop == Stop::long_answer && context_.answers.queries() == 0) return begin_bulk(start);
  if (context_.answers.queries() == 0) {
    // Queries before `skip` have had their answer; what follows them is the client's to send again.
    if (skip > 0) {
      if (stop == Stop::incomplete) context_.note_piece(start);
      return context_.build.control(Outcome::acked_repeat, kAck, start, acked());
    }
    return nothing_complete(stop, lacks_prefix);
  }
  if (ahead_ > context_.answers.size()) {
    // All of it has arrived, and more: acknowledge these queries, those that follow have the rest.
    const SeqNum past = start + static_cast<std::uint32_t>(context_.answers.consumed());
    const Ledger ledger{ledger_.sent_end + static_cast<std::uint32_t>(context_.answers.size()),
                        static_cast<std::uint16_t>(past.value() & kNextMask), false, true};
    return context_.build.control(Outcome::acked_repeat, kAck, past, ledger);
  }
  if (needs_flow(stop, context_.answers.size() - ahead_) &&
      open_flow(skip, lacks_prefix, ledger_.sent_end, ledger_.sent_end)) {
    return;
  }
  if (ahead_ > 0) return send(Outcome::continued, Outcome::continued, {ahead_, start, lacks_prefix}, stop);
  send(Outcome::answered, Outcome::answered_withheld, {0, start, lacks_prefix}, stop);
}

void TimestampRules::begin_bulk(SeqNum request) noexcept {
  // What the client has read of it was sent by an entry that is gone.
  if (ahead_ > 0) return context_.build.reset(Outcome::reset_forgotten);
  const auto size = static_cast<std::uint32_t>(context_.answers.long_request());
  const SeqNum end = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size());
  BulkStart start{.first = segment_.ack, .request = request, .acked = request, .request_end = request + size};
  start.mss_class = cookie_.mss_class;
  start.client_fin = context_.has(kFin) && end == start.request_end;
  start.ts_val = bulk_ts_val(ledger_.sent_end, request, segment_.timestamps->echo);
  if (!context_.begin_bulk(start)) context_.build.drop(Outcome::drop_bulk_full);
}

void TimestampRules::nothing_complete(Stop stop, bool lacks_prefix) noexcept {
  if (context_.has(kFin) && (stop == Stop::prefix_only || stop == Stop::incomplete)) {
    // The client ended its stream in the middle of a query: nothing will complete it.
    const SeqNum past = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size()) + 1;
    return context_.build.control(Outcome::fin_ack, kFin | kAck, past, acked());
  }
  if (stop == Stop::prefix_only && !lacks_prefix) {
    // `next` stays: with E unchanged it could wrap, and TSval would jump half the circle ahead of other replies.
    Ledger ledger = acked();
    ledger.prefix = true;
    if (context_.flows.enabled() && open_flow(0, false, ledger_.sent_end, ledger_.sent_end)) return;
    return context_.build.control(Outcome::acked_prefix, kAck, segment_.seq + context_.service.prefix_length(), ledger);
  }
  if (stop == Stop::full) {
    // Our FIN would end the stream within the answer of which the client has read the beginning.
    if (ahead_ > 0) return context_.build.reset(Outcome::reset_forgotten);
    return context_.build.control(Outcome::closed_full, kFin | kAck, segment_.seq, ledger_);
  }
  if (stop == Stop::malformed) return context_.build.reset(Outcome::reset_malformed);
  if (!context_.flows.enabled() || !open_flow(0, lacks_prefix, ledger_.sent_end, ledger_.sent_end))
    return context_.drop_piece();
  if (context_.flows.crowded()) [[unlikely]]
    keep_piece();
}

std::size_t TimestampRules::boundary(bool lacks_prefix) const noexcept {
  return find_boundary(segment_.payload, lacks_prefix, segment_.seq.value(), ledger_.next, context_.service);
}

void TimestampRules::repeated() noexcept {
  bool first_lacks_prefix = ledger_.prefix && !ledger_.acked;
  std::size_t counted = boundary(first_lacks_prefix);
  if (counted == 0) {
    // The length prefix was acknowledged alone while the whole query, answered by another instance or from an
    // older echo, was on its way: the ledger that arrived last does not know which of the two the client heeds.
    first_lacks_prefix = !first_lacks_prefix;
    counted = boundary(first_lacks_prefix);
  }
  if (counted == 0) return beyond(false);
  context_.answers.reset();
  if (gap_ == 0) return arrived(counted);

  Stop stop = context_.answers.answer(
      {segment_.payload, segment_.seq, first_lacks_prefix, counted, kMaxAnswersRepeated, SIZE_MAX, kMaxAnswersRepeated},
      context_.service);
  const std::size_t begun = context_.answers.size();
  if (stop == Stop::unrepeatable || context_.answers.consumed() != counted) {
    return context_.build.reset(Outcome::reset_changed);
  }
  // Only the last of the queries counted (a tail loss probe, RFC 8985 section 7): what is missing comes before.
  if (begun < gap_) return context_.build.drop(Outcome::drop_beyond);
  // They cannot have begun before the connection did: another version of them is longer now, or the echo is made up.
  // Only where the cookie counts from a later place (long flows) may the first of them lie before it.
  const bool begins_before = begun > ledger_.sent_end;
  if (begins_before && context_.long_flow == nullptr) return context_.build.reset(Outcome::reset_changed);
  const std::uint32_t start = ledger_.sent_end - static_cast<std::uint32_t>(begun);
  if (!context_.answers.close_after() && segment_.payload.size() > counted) {
    stop = context_.answers.answer({segment_.payload, segment_.seq, false, SIZE_MAX, context_.room(cookie_, start)},
                                   context_.service);
  }
  if (!begins_before && needs_flow(stop, gap_ + context_.answers.size() - begun) &&
      open_flow(0, first_lacks_prefix, start, ledger_.sent_end)) {
    return;
  }
  ledger_.sent_end = start;
  send(Outcome::continued, Outcome::continued,
       {static_cast<std::uint32_t>(begun) - gap_, segment_.seq, first_lacks_prefix}, stop);
}

void TimestampRules::arrived(std::size_t counted) noexcept {
  const bool rest = counted < segment_.payload.size();
  if (rest && !our_fin_acked_) return fresh(counted, false);
  SeqNum past = segment_.seq + static_cast<std::uint32_t>(counted);
  if (rest || !context_.has(kFin)) return context_.build.control(Outcome::acked_repeat, kAck, past, acked());
  past = past + 1;
  const bool closed = our_fin_acked_;
  context_.build.control(closed ? Outcome::acked_fin : Outcome::fin_ack,
                         static_cast<std::uint8_t>(closed ? kAck : kFin | kAck), past, acked());
}

void TimestampRules::send(Outcome whole, Outcome parts, const Start& start, Stop stop) noexcept {
  AnswerStream& answers = context_.answers;
  const std::uint32_t sent_end = ledger_.sent_end + static_cast<std::uint32_t>(answers.size());
  const bool client_fin = context_.has(kFin) && stop == Stop::end;
  if (answers.queries() > 1 || stop != Stop::end) context_.pipelined(cookie_);
  const bool own_fin = answers.close_after() || context_.must_close(cookie_, sent_end);
  const SeqNum past = start.seq + static_cast<std::uint32_t>(answers.consumed());

  AnswerSegments how;
  how.begin = start.begin;
  how.ack_none = start.seq;
  how.ack_early = segment_.seq;
  how.prefix_consumed = start.prefix_consumed;
  how.mss_class = cookie_.mss_class;
  how.ledger.sent_end = sent_end;
  how.ledger.next = static_cast<std::uint16_t>(past.value() & kNextMask);
  how.ack_all = past;
  how.fin = own_fin;
  if (client_fin && fits_one(answers.size() - start.begin)) {
    how.ack_all = past + 1;
    how.fin = true;
  }
  const bool all = context_.build.answer(answers, how);
  if (context_.plan.count == 0) return context_.build.drop(Outcome::drop_zero_window);
  context_.plan.outcome = all ? whole : parts;
  if (stop == Stop::incomplete) context_.note_piece(past);
  if (!all || how.fin || answers.queries() != 1 || start.prefix_consumed || start.begin > 0 ||
      !context_.flows.enabled())
    return;
  const Bytes query = segment_.payload.subspan(start.seq - segment_.seq, answers.consumed());
  const OutSegment& sent = context_.plan.segments[context_.plan.count - 1u];
  context_.flows.note(cookie_.isn, query, start.seq, answers.parts()[0], sent.timestamps.value, sent_end);
}

void answer_with_timestamps(RuleContext& context) noexcept {
  const Segment& segment = context.segment;
  context.long_flow = context.long_flows.find(segment.flow, segment.ack);
  auto cookie = check_long_flow(context.keys, context.long_flow, segment.ack);
  if (!cookie) {
    context.long_flow = nullptr;
    cookie = context.check_cookie(std::nullopt);
  }
  if (!cookie) return answer_ignoring_timestamps(context);
  context.scale_window(cookie->mss_class);
  if (Flow* const flow = context.flows.find(segment.flow, cookie->isn); flow != nullptr) {
    if (answer_from_flow(context, *cookie, *flow)) return;
  }
  if (context.bulk != nullptr && is_bulk_ts_val(segment.timestamps->echo)) [[unlikely]]
    return context.reset_unknown(Outcome::reset_forgotten);
  TimestampRules(context, *cookie).apply();
}

}  // namespace gl::tcp
