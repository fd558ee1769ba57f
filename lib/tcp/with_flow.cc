// Segments of a flow that the cache remembers. An entry knows more than the ledger that the client echoes: answers that
// are on their way, queries that wait. What it sends beyond the ledger is never counted in one, and acknowledges
// nothing new; the ledger moves on only in segments that begin at SEG.ACK, so the client takes it over together with
// the ACK (TS.Recent, RFC 7323 section 4.3). Without the entry the stateless rules continue from there.
#include <algorithm>

#include "lib/tcp/ledger.h"
#include "lib/tcp/rules.h"

namespace gl::tcp {
namespace {

constexpr std::uint16_t kLargestWindow = 256;  // segments in flight at most; the client's window is below 64 KiB anyway
constexpr std::uint8_t kDuplicateThreshold = 3;     // RFC 5681 section 3.2

class FlowRules {
 public:
  FlowRules(RuleContext& context, const Accepted& cookie, Flow& flow) noexcept
      : context_(context), segment_(context.segment), cookie_(cookie), flow_(flow), off_(cookie.off),
        echo_(segment_.timestamps->echo), segment_size_(context.build.segment_size(cookie.mss_class)) {}

  bool apply() noexcept {
    if (flow_.isn != cookie_.isn) return give_up();
    if (!flow_.known) {
      if (!ledger_is_at(flow_.base)) return wait();
      learn();
    }
    if (off_ < flow_.base_end && segment_.payload.empty()) return done(Outcome::drop_ack_only);  // overtaken
    if (!in_step()) return give_up();
    if (echo_ == flow_.stamp) flow_.safe_ack = flow_.stamp_ack;
    context_.build.stamp_from(flow_.stamp);
    return segment_.payload.empty() ? (context_.has(kFin) ? fin() : acknowledgement()) : data();
  }

 private:
  bool give_up() noexcept {
    context_.build.stamp_from(echo_);
    context_.flows.forget(flow_.key, flow_.isn);
    return false;
  }
  bool done(Outcome outcome) noexcept {
    context_.build.drop(outcome);
    return true;
  }

  // Whether the ledger alone tells that the client has the answers to everything before `seq`.
  [[nodiscard]] bool ledger_is_at(SeqNum seq) const noexcept {
    const Ledger ledger = Ledger::decode(echo_);
    const std::uint32_t next = ledger.next + (ledger.acked && ledger.prefix ? 2u : 0u);
    return ((seq.value() - next) & kNextMask) == 0 && ledger.sent_end == off_;
  }
  void learn() noexcept {
    const Ledger ledger = Ledger::decode(echo_);
    flow_.known = true;
    flow_.bare = ledger.acked && ledger.prefix;
    flow_.stamp = echo_;
    flow_.counted_end = flow_.base_end = flow_.answered_end = flow_.sent_to = flow_.last_off = off_;
    flow_.answered = flow_.stamp_ack = flow_.safe_ack = flow_.base;
  }
  bool wait() noexcept {
    if (segment_.payload.empty() || segment_.seq != flow_.kept_end() || flow_.fin) return false;
    if (!flow_.keep(segment_.payload)) return done(Outcome::drop_beyond);
    flow_.fin = context_.has(kFin);
    return done(Outcome::flow_kept);
  }

  // Another instance, or the rules without this entry, may have gone further in the meantime.
  [[nodiscard]] bool in_step() const noexcept {
    if (off_ > flow_.answered_end || off_ < flow_.base_end) return false;
    return static_cast<std::int32_t>(echo_ - flow_.stamp) <= 0;
  }

  bool data() noexcept {
    const std::uint32_t distance = segment_.seq - flow_.kept_end();
    if (distance >= 0x80000000u) return give_up();  // repeated: the client's timer fired, the ledger knows best
    if (distance != 0 || flow_.fin) return ledger_is_at(segment_.seq) ? give_up() : done(Outcome::drop_beyond);
    if (!flow_.keep(segment_.payload)) return done(Outcome::drop_beyond);
    flow_.fin = context_.has(kFin);
    note_progress();
    return off_ == flow_.answered_end ? caught_up() : in_flight(false);
  }
  bool fin() noexcept {
    if (segment_.seq != flow_.kept_end()) return done(Outcome::drop_fin_early);
    flow_.fin = true;
    return off_ == flow_.answered_end ? caught_up() : done(Outcome::drop_fin_early);
  }
  bool acknowledgement() noexcept {
    if (segment_.seq == flow_.kept_end() - 1 && flow_.kept == 0 && off_ == flow_.answered_end) return give_up();
    const bool resend = note_acknowledgement();
    return off_ == flow_.answered_end ? caught_up() : in_flight(resend);
  }

  // RFC 5681 and RFC 6582 in small: true where the segment at SEG.ACK is to be sent again.
  bool note_acknowledgement() noexcept {
    if (off_ == flow_.last_off) {
      if (flow_.sent_to == off_ || ++flow_.duplicates != kDuplicateThreshold) return false;
      flow_.recover = flow_.sent_to;
      flow_.window = std::max<std::uint16_t>(flow_.window / 2, 2);
      return true;
    }
    note_progress();
    return off_ < flow_.recover && off_ < flow_.sent_to;
  }
  void note_progress() noexcept {
    if (off_ <= flow_.last_off) return;
    const std::uint32_t segments = (off_ - flow_.last_off + segment_size_ - 1) / segment_size_;
    flow_.window = static_cast<std::uint16_t>(std::min<std::uint32_t>(flow_.window + segments, kLargestWindow));
    flow_.last_off = off_;
    flow_.duplicates = 0;
  }

  // ---- Nothing is on its way: the same as without an entry, but for queries that were kept. ----
  bool caught_up() noexcept {
    flow_.drop_before(flow_.answered, flow_.answered_end);
    if (flow_.kept == 0) return idle();
    const Stop stop = render_next();
    if (context_.answers.queries() > 0) return send_counted();
    return nothing_complete(stop);
  }

  bool idle() noexcept {
    if (flow_.fin) return close(flow_.base + 1);
    const Ledger ledger = settled();
    if (flow_.stamp_ack == flow_.base && Ledger::decode(flow_.stamp) == ledger) return done(Outcome::drop_ack_only);
    return acknowledge(Outcome::acked_withheld, ledger);
  }
  bool close(SeqNum past) noexcept {
    context_.build.control(Outcome::fin_ack, kFin | kAck, past, settled());
    context_.flows.forget(flow_.key, flow_.isn);
    return true;
  }
  // The ledger with everything before `base` answered, arrived and acknowledged.
  [[nodiscard]] Ledger settled() const noexcept {
    const std::uint32_t next = flow_.base.value() - (flow_.bare ? 2u : 0u);
    return Ledger{flow_.base_end, static_cast<std::uint16_t>(next & kNextMask), flow_.bare, true};
  }
  bool acknowledge(Outcome outcome, const Ledger& ledger) noexcept {
    context_.build.control(outcome, kAck, flow_.base, ledger);
    sent_ledger(flow_.base, flow_.base_end);
    return true;
  }
  void sent_ledger(SeqNum ack, std::uint32_t end) noexcept {
    flow_.stamp = context_.plan.segments[0].timestamps.value;
    flow_.stamp_ack = ack;
    flow_.counted_end = end;
  }

  // The queries that are counted together have to fit one segment of the client: it repeats them in one, should the
  // entry be gone by then. A longer query goes alone.
  Stop render_next() noexcept {
    AnswerStream& answers = context_.answers;
    const std::uint32_t room = kLastOffset - std::min(kLastOffset, flow_.base_end);
    const Bytes kept = flow_.bytes_from(flow_.base);
    answers.reset();
    const Stop stop = answers.answer({kept.first(std::min<std::size_t>(kept.size(), segment_size_)), flow_.bare,
                                      SIZE_MAX, room, false}, context_.service);
    if (answers.queries() > 0 || kept.size() <= segment_size_) return stop;
    answers.reset();
    return answers.answer({kept, flow_.bare, 1, room, false}, context_.service);
  }

  bool send_counted() noexcept {
    AnswerStream& answers = context_.answers;
    const auto consumed = static_cast<std::uint32_t>(answers.consumed());
    const auto size = static_cast<std::uint32_t>(answers.size());
    const std::uint32_t end = flow_.base_end + size;
    const SeqNum past = flow_.base + consumed;
    const bool last = flow_.fin && consumed == flow_.kept && size <= std::min<std::uint32_t>(segment_size_, segment_.window);
    AnswerSegments how;
    how.ack_all = last ? past + 1 : past;
    how.ack_none = flow_.base;
    how.ack_early = flow_.safe_ack;
    how.ledger.sent_end = end;
    how.ledger.next = static_cast<std::uint16_t>(past.value() & kNextMask);
    how.bare = flow_.bare;
    how.mss_class = cookie_.mss_class;
    how.fin = last || answers.close_after() || must_close(context_, cookie_, end);
    const bool whole = context_.build.answer(answers.bytes(), how);
    if (context_.plan.count == 0) return done(Outcome::drop_zero_window);
    context_.plan.outcome = Outcome::flow_answered;
    if (how.fin) {
      context_.flows.forget(flow_.key, flow_.isn);
      return true;
    }
    const OutSegment& sent = context_.plan.segments[context_.plan.count - 1u];
    sent_ledger(whole ? past : flow_.base, end);
    flow_.answered = past;
    flow_.answered_end = end;
    flow_.sent_to = flow_.base_end + sent.offset + sent.length;
    return true;
  }

  bool nothing_complete(Stop stop) noexcept {
    if (stop == Stop::malformed) {
      context_.build.reset(Outcome::reset_malformed);
      context_.flows.forget(flow_.key, flow_.isn);
      return true;
    }
    if (stop == Stop::full) {
      context_.build.control(Outcome::closed_full, kFin | kAck, flow_.base, settled());
      context_.flows.forget(flow_.key, flow_.isn);
      return true;
    }
    if (flow_.fin) return close(flow_.kept_end() + 1);
    if (stop == Stop::prefix_only && !flow_.bare) {
      Ledger ledger = settled();
      ledger.prefix = true;
      flow_.base = flow_.answered = flow_.base + 2;
      flow_.kept = 0;
      flow_.bare = true;
      return acknowledge(Outcome::acked_prefix, ledger);
    }
    // The beginning of a query: what comes before it is the client's to forget.
    const Ledger ledger = settled();
    if (Ledger::decode(flow_.stamp) != ledger) return acknowledge(Outcome::acked_withheld, ledger);
    return done(Outcome::flow_kept);
  }

  // ---- Answers are on their way. ----
  bool in_flight(bool resend) noexcept {
    const std::uint32_t old_end = flow_.answered_end;
    answer_more();
    bool rendered_new = true;  // the stream holds the answers from old_end on
    if (flow_.answered - flow_.safe_ack > segment_size_ / 2 && !resend) {
      if (refresh()) return true;
      rendered_new = false;
    }
    const std::uint32_t allowed = off_ + std::min<std::uint32_t>(segment_.window, flow_.window * segment_size_);
    const std::uint32_t begin = resend ? off_ : std::max(flow_.sent_to, off_);
    const std::uint32_t end = std::min({resend ? begin + segment_size_ : flow_.answered_end, flow_.answered_end, allowed});
    if (begin >= end) return done(segment_.payload.empty() ? Outcome::drop_ack_only : Outcome::flow_kept);
    std::uint32_t stream_begin = old_end;
    if (begin < old_end || !rendered_new) {
      if (!render_all()) return changed();
      stream_begin = flow_.base_end;
    }
    // What begins at SEG.ACK hands the newest ledger over, and needs the ACK that belongs to it.
    const bool hands_over = begin == off_;
    const bool whole = off_ + segment_size_ >= flow_.counted_end && end >= flow_.counted_end;
    if (hands_over && Ledger::decode(flow_.stamp).acked && !whole) return done(Outcome::drop_ack_only);
    context_.plan.stream = context_.answers.bytes();
    const std::uint32_t sent =
        context_.build.range({begin - stream_begin, end - stream_begin, cookie_.isn + 1 + begin,
                              hands_over ? flow_.stamp_ack : flow_.safe_ack, flow_.safe_ack, flow_.stamp, segment_size_});
    flow_.sent_to = std::max(flow_.sent_to, stream_begin + sent);
    context_.plan.outcome = resend                       ? Outcome::flow_resent
                            : segment_.payload.empty()   ? Outcome::flow_continued
                                                         : Outcome::flow_answered;
    return true;
  }

  // Renders what is complete behind `answered`, if it fits what may be on its way uncounted.
  void answer_more() noexcept {
    AnswerStream& answers = context_.answers;
    answers.reset();
    const Bytes more = flow_.bytes_from(flow_.answered);
    const std::uint32_t uncounted = flow_.answered_end - flow_.counted_end;
    const std::uint32_t begun = flow_.answered_end - flow_.base_end;
    if (more.empty() || uncounted >= kMaxAhead || begun >= kMaxAnswersPerSegment) return;
    const std::size_t room = std::min({std::size_t{kMaxAhead - uncounted}, kMaxAnswersPerSegment - begun,
                                       std::size_t{kLastOffset - std::min(kLastOffset, flow_.answered_end)}});
    (void)answers.answer({more, false, SIZE_MAX, room, false}, context_.service);
    const std::uint32_t end = flow_.answered_end + static_cast<std::uint32_t>(answers.size());
    // A FIN of ours goes with a counted answer only: then these wait until nothing is on its way.
    if (answers.queries() == 0 || answers.close_after() || must_close(context_, cookie_, end)) return answers.reset();
    flow_.answered = flow_.answered + static_cast<std::uint32_t>(answers.consumed());
    flow_.answered_end = end;
  }

  // Every answer that the entry counts, from `base` on, once more.
  bool render_all() noexcept {
    AnswerStream& answers = context_.answers;
    answers.reset();
    const std::size_t count = flow_.answered - flow_.base;
    const Stop stop = answers.answer({flow_.bytes_from(flow_.base).first(count), flow_.bare, SIZE_MAX,
                                      kMaxStreamReply, true}, context_.service);
    return stop == Stop::end && answers.size() == flow_.answered_end - flow_.base_end;
  }
  bool changed() noexcept {
    context_.build.reset(Outcome::reset_changed);
    context_.flows.forget(flow_.key, flow_.isn);
    return true;
  }

  // The client has to keep queries until they are acknowledged, and our window is small. Those whose answers have
  // arrived are acknowledged by a segment that begins at SEG.ACK and repeats what is on its way: such a one hands over
  // the ledger with the ACK. Later segments may hand over the ledger alone, if it was lost; so the step is at most one
  // segment of queries, in whose repetition the stateless rules then find the place.
  // False: there is nothing to acknowledge yet; the stream has been overwritten.
  bool refresh() noexcept {
    AnswerStream& answers = context_.answers;
    const Bytes kept = flow_.bytes_from(flow_.base).first(flow_.answered - flow_.base);
    std::size_t consumed = 0;
    std::uint32_t size = 0;
    answers.reset();
    while (answers.consumed() < kept.size()) {
      const Stop stop = answers.answer({kept, flow_.bare && answers.consumed() == 0, answers.consumed() + 1,
                                        kMaxStreamReply, true}, context_.service);
      if (stop != Stop::boundary) return changed();
      const SeqNum end = flow_.base + static_cast<std::uint32_t>(answers.consumed());
      if (flow_.base_end + answers.size() > off_ || end - flow_.safe_ack > segment_size_) continue;
      consumed = answers.consumed();
      size = static_cast<std::uint32_t>(answers.size());
    }
    if (flow_.base_end + answers.size() != flow_.answered_end) return changed();
    if (flow_.base_end + size <= flow_.counted_end) return false;  // the newest ledger says as much
    context_.plan.stream = answers.bytes();
    const SeqNum base = flow_.base + static_cast<std::uint32_t>(consumed);
    const Ledger ledger{flow_.base_end + size, static_cast<std::uint16_t>(base.value() & kNextMask), false, true};
    const std::uint32_t end = std::min(flow_.answered_end, off_ + segment_.window) - flow_.base_end;
    const std::uint32_t sent = context_.build.range({off_ - flow_.base_end, end, segment_.ack, base, flow_.safe_ack,
                                                     ledger.encode(flow_.stamp), segment_size_});
    if (context_.plan.count == 0) return done(Outcome::drop_zero_window);
    flow_.sent_to = std::max(flow_.sent_to, flow_.base_end + sent);
    flow_.drop_before(base, flow_.base_end + size);
    sent_ledger(base, flow_.base_end);
    context_.plan.outcome = Outcome::flow_answered;
    return true;
  }

  RuleContext& context_;
  const Segment& segment_;
  const Accepted& cookie_;
  Flow& flow_;
  const std::uint32_t off_;
  const std::uint32_t echo_;
  const std::uint32_t segment_size_;
};

}  // namespace

bool answer_from_flow(RuleContext& context, const Accepted& cookie, Flow& flow) noexcept {
  return FlowRules(context, cookie, flow).apply();
}

}  // namespace gl::tcp
