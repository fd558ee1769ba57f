// Segments of clients with timestamps. Every rule reads two things only: the cookie (how far the client has read
// us) and the ledger it echoes (how far we had answered, and which of its bytes those answers covered).
#include <algorithm>
#include <optional>

#include "lib/tcp/ledger.h"
#include "lib/tcp/rules.h"

namespace gl::tcp {
namespace {

class Rules {
 public:
  Rules(RuleContext& context, const Accepted& cookie) noexcept
      : context_(context), segment_(context.segment), cookie_(cookie),
        ledger_(Ledger::decode(segment_.timestamps->echo)) {
    gap_ = (ledger_.sent_end - cookie_.off) & kOffsetMask;
    // E leaves our FIN out, so a client that acknowledges the FIN is one byte ahead of it.
    our_fin_acked_ = gap_ == kOffsetMask;
    if (our_fin_acked_) gap_ = 0;
  }

  void apply() noexcept {
    if (gap_ > kMaxStreamReply) return context_.build.reset(Outcome::reset_stale);
    if (!segment_.payload.empty()) return data();
    if (context_.has(kFin)) return fin();
    acknowledgement();
  }

 private:
  [[nodiscard]] bool at_next(std::uint32_t seq) const noexcept { return (seq & kNextMask) == ledger_.next; }
  [[nodiscard]] bool keepalive() const noexcept {
    return segment_.payload.size() <= 1 && at_next(segment_.seq.value() + 1) && gap_ == 0;
  }
  // The ledger with everything before `next` acknowledged.
  [[nodiscard]] Ledger acked() const noexcept {
    Ledger ledger = ledger_;
    ledger.prefix = ledger_.prefix && ledger_.acked;
    ledger.acked = true;
    return ledger;
  }

  void acknowledgement() noexcept {
    if (gap_ == 0 && !ledger_.acked && at_next(segment_.seq.value())) {
      return context_.build.control(Outcome::acked_withheld, kAck, segment_.seq, acked());
    }
    if (keepalive()) return context_.build.control(Outcome::acked_keepalive, kAck, segment_.seq + 1, acked());
    context_.build.drop(Outcome::drop_ack_only);
  }

  void fin() noexcept {
    const SeqNum past = segment_.seq + 1;
    if (our_fin_acked_) return context_.build.control(Outcome::acked_fin, kAck, past, closed_at(past));
    if (gap_ != 0 || !at_next(segment_.seq.value())) return context_.build.drop(Outcome::drop_fin_early);
    context_.build.control(Outcome::fin_ack, kFin | kAck, past, closed_at(past));
  }

  [[nodiscard]] Ledger closed_at(SeqNum past) const noexcept {
    return Ledger{ledger_.sent_end, static_cast<std::uint16_t>(past.value() & kNextMask), false, true};
  }

  void data() noexcept {
    if (at_next(segment_.seq.value())) {
      if (our_fin_acked_) return context_.build.reset(Outcome::reset_stale);
      if (gap_ != 0) return context_.build.drop(Outcome::drop_beyond);
      context_.answers.reset();
      return fresh(segment_.payload, 0, ledger_.prefix && ledger_.acked);
    }
    if (keepalive() && ledger_.acked) {
      return context_.build.control(Outcome::acked_keepalive, kAck, segment_.seq + 1, acked());
    }
    repeated();
  }

  // New queries from `skip` bytes into the payload on; everything before is answered and has arrived.
  void fresh(Bytes payload, std::size_t skip, bool bare) noexcept {
    const std::uint32_t room = kLastOffset - std::min(kLastOffset, ledger_.sent_end);
    const Stop stop = context_.answers.answer({payload.subspan(skip), bare, SIZE_MAX, room, false}, context_.service);
    const SeqNum start = segment_.seq + static_cast<std::uint32_t>(skip);
    if (context_.answers.queries() == 0) {
      // Queries before `skip` have had their answer; what follows them is the client's to send again.
      if (skip > 0) return context_.build.control(Outcome::acked_repeat, kAck, start, acked());
      return nothing_complete(stop, bare);
    }
    send(Outcome::answered, Outcome::answered_withheld, {0, start, bare}, stop);
  }

  void nothing_complete(Stop stop, bool bare) noexcept {
    if (context_.has(kFin) && (stop == Stop::prefix_only || stop == Stop::incomplete)) {
      // The client ended its stream in the middle of a query: nothing will complete it.
      const SeqNum past = segment_.seq + static_cast<std::uint32_t>(segment_.payload.size()) + 1;
      return context_.build.control(Outcome::fin_ack, kFin | kAck, past, closed_at(past));
    }
    if (stop == Stop::prefix_only && !bare) {
      const SeqNum past = segment_.seq + 2;
      const Ledger ledger{ledger_.sent_end, static_cast<std::uint16_t>(past.value() & kNextMask), true, true};
      return context_.build.control(Outcome::acked_prefix, kAck, past, ledger);
    }
    if (stop == Stop::full) return context_.build.control(Outcome::closed_full, kFin | kAck, segment_.seq, ledger_);
    if (stop == Stop::malformed) return context_.build.reset(Outcome::reset_malformed);
    context_.build.drop(Outcome::drop_incomplete);
  }

  [[nodiscard]] std::size_t boundary(bool bare) const noexcept {
    return find_boundary(segment_.payload, bare, segment_.seq.value(), ledger_.next, context_.service);
  }

  // Queries whose answers the ledger counts already, perhaps followed by new ones.
  void repeated() noexcept {
    bool bare = ledger_.prefix && !ledger_.acked;
    std::size_t counted = boundary(bare);
    if (counted == 0) {
      // The length prefix was acknowledged alone while the whole query, answered by another instance or from an
      // older echo, was on its way: the ledger that arrived last does not know which of the two the client heeds.
      bare = !bare;
      counted = boundary(bare);
    }
    if (counted == 0) return context_.build.drop(Outcome::drop_beyond);
    context_.answers.reset();
    if (gap_ == 0) return arrived(counted);

    Stop stop = context_.answers.answer({segment_.payload, bare, counted, kMaxStreamReply, true}, context_.service);
    const std::size_t begun = context_.answers.size();
    if (stop == Stop::unrepeatable || begun < gap_ || context_.answers.consumed() != counted) {
      return context_.build.reset(Outcome::reset_changed);
    }
    const std::uint32_t start = ledger_.sent_end - static_cast<std::uint32_t>(begun);
    if (!context_.answers.close_after() && segment_.payload.size() > counted) {
      stop = context_.answers.answer({segment_.payload, false, SIZE_MAX, kLastOffset - start, false}, context_.service);
    }
    ledger_.sent_end = start;
    send(Outcome::continued, Outcome::continued, {static_cast<std::uint32_t>(begun) - gap_, segment_.seq, bare}, stop);
  }

  // The whole answer to the first `counted` bytes arrived: acknowledge them, and answer what follows.
  void arrived(std::size_t counted) noexcept {
    const bool rest = counted < segment_.payload.size();
    if (rest && !our_fin_acked_) return fresh(segment_.payload, counted, false);
    SeqNum past = segment_.seq + static_cast<std::uint32_t>(counted);
    if (rest || !context_.has(kFin)) return context_.build.control(Outcome::acked_repeat, kAck, past, acked());
    past = past + 1;
    const bool closed = our_fin_acked_;
    context_.build.control(closed ? Outcome::acked_fin : Outcome::fin_ack,
                           static_cast<std::uint8_t>(closed ? kAck : kFin | kAck), past, closed_at(past));
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
    const bool own_fin = answers.close_after() || must_close(context_, cookie_, sent_end);
    SeqNum past = start.seq + static_cast<std::uint32_t>(answers.consumed());

    AnswerSegments how;
    how.begin = start.begin;
    how.ack_none = start.seq;
    how.bare = start.bare;
    how.mss_class = cookie_.mss_class;
    how.ledger.sent_end = sent_end;
    how.ledger.next = static_cast<std::uint16_t>(past.value() & kNextMask);
    how.ack_all = past;
    how.fin = own_fin;
    if (client_fin && fits_one(answers.size() - start.begin)) {
      how.ack_all = past + 1;
      how.fin = true;
      how.ledger.next = static_cast<std::uint16_t>(how.ack_all.value() & kNextMask);
    }
    const bool all = context_.build.answer(answers.bytes(), how);
    if (context_.plan.count == 0) return context_.build.drop(Outcome::drop_zero_window);
    if (answers.size() == 0) whole = Outcome::acked_silent;
    context_.plan.outcome = all ? whole : parts;
  }

  [[nodiscard]] bool fits_one(std::size_t size) const noexcept {
    return size <= context_.build.segment_size(cookie_.mss_class) && size <= segment_.window;
  }

  RuleContext& context_;
  const Segment& segment_;
  const Accepted cookie_;
  Ledger ledger_;
  std::uint32_t gap_ = 0;
  bool our_fin_acked_ = false;
};

}  // namespace

void answer_with_timestamps(RuleContext& context) noexcept {
  const auto cookie = check_ack(context.keys, context.segment.flow, context.segment.ack, std::nullopt);
  if (!cookie) return context.build.reset(Outcome::reset_no_cookie);
  Rules(context, *cookie).apply();
}

}  // namespace gl::tcp
