// Segments of clients with timestamps. Every rule reads two things only: the cookie (how far the client has read
// us) and the ledger it echoes (how far we had answered, and which of its bytes those answers covered).
#include <algorithm>
#include <optional>

#include "lib/tcp/ledger.h"
#include "lib/tcp/rules.h"

namespace gl::tcp {
namespace {

// A piece of an answered query, by a client of which no more is known: beyond what a network duplicates.
constexpr std::uint8_t kAloneRepeats = 4;

class Rules {
 public:
  Rules(RuleContext& context, const Accepted& cookie) noexcept
      : context_(context),
        segment_(context.segment),
        cookie_(cookie),
        ledger_(Ledger::decode(segment_.timestamps->echo)) {
    gap_ = (ledger_.sent_end - cookie_.off) & kOffsetMask;
    ledger_.sent_end = cookie.off + gap_;
    if (gap_ <= kMaxStreamReply) return;
    ahead_ = kOffsetMask + 1 - gap_;
    held_ = is_held(cookie.off, ledger_.sent_end);
    ledger_.sent_end = cookie.off - ahead_;
    gap_ = 0;
    // E leaves our FIN out, so a client that acknowledges the FIN is one byte ahead of it. So is one that read one byte
    // of later answers, where a segment ended there, and asks for the rest.
    our_fin_acked_ = ahead_ == 1 && (segment_.payload.empty() || context.has(kFin) ||
                                     context.may_have_closed(cookie, ledger_.sent_end));
    if (our_fin_acked_) ahead_ = 0;
  }

  void apply() noexcept {
    if (held_) return forgotten();
    if (!segment_.payload.empty()) return data();
    if (context_.has(kFin)) return fin();
    acknowledgement();
  }

 private:
  // What the client has read is what the ledger says was sent.
  [[nodiscard]] bool level() const noexcept { return gap_ == 0 && ahead_ == 0; }
  [[nodiscard]] bool keepalive() const noexcept {
    return segment_.payload.size() <= 1 && ledger_.is_next(segment_.seq + 1) && level();
  }
  // The client was told to forget a piece of its query, and the entry that held the piece is gone (or this is no ledger
  // of ours). Nothing can complete the query, so whatever needs an answer gets a RST.
  void forgotten() noexcept {
    if (segment_.payload.empty() && !context_.has(kFin)) return context_.build.drop(Outcome::drop_ack_only);
    context_.build.reset(Outcome::reset_forgotten);
  }

  // The ledger with everything before `next` acknowledged.
  [[nodiscard]] Ledger acked() const noexcept {
    Ledger ledger = ledger_;
    ledger.prefix = ledger_.bare();
    ledger.acked = true;
    return ledger;
  }

  void acknowledgement() noexcept {
    if (level() && !ledger_.acked && ledger_.is_next(segment_.seq)) {
      return context_.build.control(Outcome::acked_withheld, kAck, segment_.seq, acked());
    }
    if (keepalive()) return context_.build.control(Outcome::acked_keepalive, kAck, segment_.seq + 1, acked());
    if (both_closed()) return context_.build.control(Outcome::acked_fin, kAck, segment_.seq, acked());
    context_.build.drop(Outcome::drop_ack_only);
  }
  // Our FIN has arrived, and the client has sent one more than the queries whose ACK is withheld: its own.
  [[nodiscard]] bool both_closed() const noexcept {
    return our_fin_acked_ && !ledger_.acked && ledger_.is_next(segment_.seq - 1) &&
           context_.may_have_closed(cookie_, ledger_.sent_end);
  }

  void fin() noexcept {
    const SeqNum past = segment_.seq + 1;
    if (our_fin_acked_) return context_.build.control(Outcome::acked_fin, kAck, past, acked());
    if (!level() || !ledger_.is_next(segment_.seq)) return early_fin();
    context_.build.control(Outcome::fin_ack, kFin | kAck, past, acked());
  }

  // Behind a query whose answer has not arrived: soft state may keep it until then, so that it need not come again.
  void early_fin() noexcept {
    context_.build.drop(Outcome::drop_fin_early);
    if (!context_.flows.enabled()) return;
    Flow* flow = context_.flows.find(segment_.flow, cookie_.isn);
    if (flow == nullptr) {
      flow = &context_.flows.make(segment_.flow, cookie_.isn);
      flow->base = segment_.seq;
    }
    if (!flow->known && flow->kept_end() == segment_.seq) flow->fin = true;
  }

  void data() noexcept {
    if (ledger_.is_next(segment_.seq)) return at_next_query(ledger_.bare());
    // The acknowledged prefix again, with the message behind it.
    if (ledger_.bare() && (segment_.seq.value() & kNextMask) == ledger_.next) return at_next_query(false);
    if (keepalive() && ledger_.acked) {
      return context_.build.control(Outcome::acked_keepalive, kAck, segment_.seq + 1, acked());
    }
    repeated();
  }

  void at_next_query(bool is_bare) noexcept {
    if (our_fin_acked_) return context_.build.reset(Outcome::reset_stale);
    if (gap_ != 0) return beyond(is_bare);
    context_.answers.reset();
    fresh(0, is_bare);
  }

  // New queries from `skip` bytes into the payload on; everything before is answered and has arrived. Their answers
  // begin at E. A client that is ahead of E holds the first of these bytes already: they were sent with a later
  // ledger that it has not taken over, since they came out of order (TS.Recent, RFC 7323 section 4.3).
  void fresh(std::size_t skip, bool is_bare) noexcept {
    const std::uint32_t room = context_.room(cookie_, ledger_.sent_end);
    const SeqNum start = segment_.seq + static_cast<std::uint32_t>(skip);
    const Stop stop = context_.answers.answer({segment_.payload.subspan(skip), start, is_bare, SIZE_MAX, room, ahead_},
                                              context_.service);
    if (stop == Stop::unrepeatable) return context_.build.reset(Outcome::reset_changed);
    // All of a segment's answers go together: it is taken up again when the last of them is there.
    if (stop == Stop::pending) return context_.build.drop(Outcome::parked);
    if (context_.answers.queries() == 0) {
      // Queries before `skip` have had their answer; what follows them is the client's to send again.
      if (skip > 0) return context_.build.control(Outcome::acked_repeat, kAck, start, acked());
      return nothing_complete(stop, is_bare);
    }
    if (ahead_ > context_.answers.size()) {
      // All of it has arrived, and more: acknowledge these queries, those that follow have the rest.
      const SeqNum past = start + static_cast<std::uint32_t>(context_.answers.consumed());
      const Ledger ledger{ledger_.sent_end + static_cast<std::uint32_t>(context_.answers.size()),
                          static_cast<std::uint16_t>(past.value() & kNextMask), false, true};
      return context_.build.control(Outcome::acked_repeat, kAck, past, ledger);
    }
    if (ahead_ > 0) return send(Outcome::continued, Outcome::continued, {ahead_, start, is_bare}, stop);
    send(Outcome::answered, Outcome::answered_withheld, {0, start, is_bare}, stop);
  }

  void nothing_complete(Stop stop, bool is_bare) noexcept {
    if (context_.has(kFin) && (stop == Stop::prefix_only || stop == Stop::incomplete)) {
      // The client ended its stream in the middle of a query: nothing will complete it.
      const SeqNum past = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size()) + 1;
      return context_.build.control(Outcome::fin_ack, kFin | kAck, past, acked());
    }
    if (stop == Stop::prefix_only && !is_bare) {
      // `next` stays: with E unchanged it could wrap, and TSval would jump half the circle ahead of other replies.
      Ledger ledger = acked();
      ledger.prefix = true;
      context_.build.control(Outcome::acked_prefix, kAck, segment_.seq + 2, ledger);
      if (context_.flows.enabled()) keep_prefix();
      return;
    }
    if (stop == Stop::full) return context_.build.control(Outcome::closed_full, kFin | kAck, segment_.seq, ledger_);
    if (stop == Stop::malformed) return context_.build.reset(Outcome::reset_malformed);
    if (!context_.flows.enabled()) return context_.build.drop(Outcome::drop_incomplete);
    context_.build.drop(Outcome::flow_kept);
    keep_query(segment_.payload, segment_.seq, is_bare);
  }

  // The message may be right behind its prefix, sent before the client saw this ACK.
  void keep_prefix() noexcept {
    Flow& flow = keep_query({}, segment_.seq + 2, true);
    flow.stamp = context_.plan.segments[0].timestamps.value;
    flow.safe_ack = segment_.seq;
  }

  // Pipelined behind queries whose answers have not arrived: soft state may keep it until then.
  void beyond(bool is_bare) noexcept {
    context_.build.drop(Outcome::drop_beyond);
    context_.pipelined(cookie_);
    context_.answers.prepare(segment_.payload, segment_.seq, is_bare, context_.service);
    if (!context_.flows.enabled()) return;
    Flow* const old = context_.flows.find(segment_.flow, cookie_.isn);
    if (old != nullptr && !old->known && before(old->base, segment_.seq)) return;  // not next to what waits there
    if (old != nullptr && !old->known && old->base == segment_.seq && old->kept == segment_.payload.size()) {
      return repeated_alone(*old);
    }
    Flow& flow = context_.flows.make(segment_.flow, cookie_.isn);
    flow.base = segment_.seq;
    flow.bare = is_bare;
    flow.fin = context_.has(kFin);
    if (flow.keep(segment_.payload)) context_.build.drop(Outcome::flow_kept);
  }

  // A client that repeats a piece alone again and again has nothing before it to repeat. So it is no query that came
  // out of order, but the beginning of one whose answer has arrived: `next` is behind it.
  void repeated_alone(Flow& flow) noexcept {
    context_.build.drop(Outcome::flow_kept);
    flow.fin = context_.has(kFin);
    flow.repeats = std::max(flow.repeats, static_cast<std::uint8_t>(flow.repeats + 1));
    if (flow.repeats >= 2 * kAloneRepeats) return context_.build.reset(Outcome::reset_stuck);
    if (flow.repeats < kAloneRepeats || !level() || ledger_.acked) return;
    const SeqNum past = segment_.seq + ((ledger_.next - segment_.seq.value()) & kNextMask);
    context_.build.control(Outcome::acked_repeat, kAck, past, acked());
  }

  // An entry that knows where it stands: the query at `seq` is the next one to be answered, or the first one not yet
  // wholly received by the client.
  Flow& keep_query(Bytes payload, SeqNum seq, bool is_bare) noexcept {
    Flow& flow = context_.flows.make(segment_.flow, cookie_.isn);
    flow.known = true;
    flow.client_clock = segment_.timestamps->value;
    flow.stamp = segment_.timestamps->echo;
    flow.counted_end = flow.base_end = flow.answered_end = flow.sent_to = flow.last_off = ledger_.sent_end;
    flow.base = flow.answered = flow.stamp_ack = flow.safe_ack = seq;
    flow.bare = is_bare;
    (void)flow.keep(payload);  // a segment fits: it was within our window
    return flow;
  }

  [[nodiscard]] std::size_t boundary(bool is_bare) const noexcept {
    return find_boundary(segment_.payload, is_bare, segment_.seq.value(), ledger_.next, context_.service);
  }

  // Queries whose answers the ledger counts already, perhaps followed by new ones.
  void repeated() noexcept {
    bool first_bare = ledger_.prefix && !ledger_.acked;
    std::size_t counted = boundary(first_bare);
    if (counted == 0) {
      // The length prefix was acknowledged alone while the whole query, answered by another instance or from an
      // older echo, was on its way: the ledger that arrived last does not know which of the two the client heeds.
      first_bare = !first_bare;
      counted = boundary(first_bare);
    }
    if (counted == 0) return beyond(false);
    context_.answers.reset();
    if (gap_ == 0) return arrived(counted);

    Stop stop = context_.answers.answer(
        {segment_.payload, segment_.seq, first_bare, counted, kMaxAnswersRepeated, SIZE_MAX, kMaxAnswersRepeated},
        context_.service);
    const std::size_t begun = context_.answers.size();
    if (stop == Stop::unrepeatable || context_.answers.consumed() != counted) {
      return context_.build.reset(Outcome::reset_changed);
    }
    // Only the last of the queries counted (a tail loss probe, RFC 8985 section 7): what is missing comes before.
    if (begun < gap_) return context_.build.drop(Outcome::drop_beyond);
    const std::uint32_t start = ledger_.sent_end - static_cast<std::uint32_t>(begun);
    if (!context_.answers.close_after() && segment_.payload.size() > counted) {
      stop = context_.answers.answer({segment_.payload, segment_.seq, false, SIZE_MAX, context_.room(cookie_, start)},
                                     context_.service);
    }
    ledger_.sent_end = start;
    send(Outcome::continued, Outcome::continued, {static_cast<std::uint32_t>(begun) - gap_, segment_.seq, first_bare},
         stop);
  }

  // The whole answer to the first `counted` bytes arrived: acknowledge them, and answer what follows.
  void arrived(std::size_t counted) noexcept {
    const bool rest = counted < segment_.payload.size();
    if (rest && !our_fin_acked_) return fresh(counted, false);
    SeqNum past = segment_.seq + static_cast<std::uint32_t>(counted);
    if (rest || !context_.has(kFin)) return context_.build.control(Outcome::acked_repeat, kAck, past, acked());
    past = past + 1;
    const bool closed = our_fin_acked_;
    context_.build.control(closed ? Outcome::acked_fin : Outcome::fin_ack,
                           static_cast<std::uint8_t>(closed ? kAck : kFin | kAck), past, acked());
  }

  struct Start {
    std::uint32_t begin;  // first byte of the answers that the client misses
    SeqNum seq;           // where the first query answered begins
    bool bare;
  };

  // Sends the answers collected. The ledger's sent_end is where they start in our stream.
  void send(Outcome whole, Outcome parts, const Start& start, Stop stop) noexcept {
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
    how.bare = start.bare;
    how.mss_class = cookie_.mss_class;
    how.ledger.sent_end = sent_end;
    how.ledger.next = static_cast<std::uint16_t>(past.value() & kNextMask);
    how.ack_all = past;
    how.fin = own_fin;
    if (client_fin && fits_one(answers.size() - start.begin)) {
      how.ack_all = past + 1;
      how.fin = true;
    }
    const bool all = context_.build.answer(answers.bytes(), how);
    if (context_.plan.count == 0) return context_.build.drop(Outcome::drop_zero_window);
    context_.plan.outcome = all ? whole : parts;
    if (!context_.flows.enabled() || (all && (how.fin || stop == Stop::end))) return;
    Flow& flow = pace(start, sent_end, past);
    flow.closing = how.fin;
    if (all) flow.stamp_ack = past;
  }

  // Not all is done: an answer of several segments, whose rest can follow the client's acknowledgements, or bytes
  // behind the last whole query.
  Flow& pace(const Start& start, std::uint32_t sent_end, SeqNum past) noexcept {
    const OutSegment& last = context_.plan.segments[context_.plan.count - 1u];
    Flow& flow = keep_query(segment_.payload.subspan(start.seq - segment_.seq), start.seq, start.bare);
    flow.stamp = last.timestamps.value;
    flow.answered = past;
    flow.answered_end = flow.counted_end = sent_end;
    flow.sent_to = flow.base_end + last.offset + last.length;
    flow.last_off = cookie_.off;
    flow.fin = context_.has(kFin);
    return flow;
  }

  [[nodiscard]] bool fits_one(std::size_t size) const noexcept {
    return size <= context_.build.segment_size(cookie_.mss_class) && size <= segment_.window;
  }

  RuleContext& context_;
  const Segment& segment_;
  const Accepted& cookie_;
  Ledger ledger_;
  std::uint32_t gap_ = 0;    // what the client misses of what the ledger counts
  std::uint32_t ahead_ = 0;  // what the client has read beyond that
  bool our_fin_acked_ = false;
  bool held_ = false;  // the client holds less than the whole of its query: see kHeldGap
};

}  // namespace

void answer_with_timestamps(RuleContext& context) noexcept {
  const Segment& segment = context.segment;
  context.long_flow = context.long_flows.find(segment.flow, segment.ack);
  auto cookie = check_long_flow(context.keys, context.long_flow, segment.ack);
  if (!cookie) {
    context.long_flow = nullptr;
    cookie = check_ack(context.keys, segment.flow, segment.ack, std::nullopt);
  }
  if (!cookie) return context.build.reset(Outcome::reset_no_cookie);
  if (Flow* const flow = context.flows.find(context.segment.flow, cookie->isn); flow != nullptr) {
    if (answer_from_flow(context, *cookie, *flow)) return;
  }
  Rules(context, *cookie).apply();
}

}  // namespace gl::tcp
