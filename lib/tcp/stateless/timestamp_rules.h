// The rules for a segment of a client with timestamps. Every rule reads two things only: the cookie (how far the client
// has read us) and the ledger that it echoes (how far we had answered, and which of its bytes those answers covered).
// Internal to lib/tcp: with_timestamps.cc takes the segment in and answers it, handoff.cc leaves what cannot be
// answered now to soft state. Thread: one core's own. Everything is borrowed for the call.
#pragma once

#include "lib/tcp/ledger.h"
#include "lib/tcp/rules.h"

namespace gl::tcp {

class TimestampRules {
 public:
  TimestampRules(RuleContext& context, const Accepted& cookie) noexcept;

  void apply() noexcept;

 private:
  // What the client has read is what the ledger says was sent.
  // Whether the client's next query goes on at `seq`.
  [[nodiscard]] bool is_next(SeqNum seq) const noexcept {
    return ledger_.is_next(seq, context_.service.prefix_length());
  }
  [[nodiscard]] bool level() const noexcept;
  [[nodiscard]] bool keepalive() const noexcept;
  // No ledger of ours counts so little of what the client has read.
  void stale() noexcept;
  // The ledger with everything before `next` acknowledged.
  [[nodiscard]] Ledger acked() const noexcept;
  void acknowledgement() noexcept;
  // Our FIN has arrived, and the client has sent one more than the queries whose ACK is deferred: its own.
  [[nodiscard]] bool both_closed() const noexcept;
  void fin() noexcept;
  void data() noexcept;
  void at_next_query(bool lacks_prefix) noexcept;
  // New queries from `skip` bytes into the payload on; everything before is answered and has arrived. Their answers
  // begin at E. A client that is ahead of E holds the first of these bytes already: they were sent with a later
  // ledger that it has not taken over, since they came out of order (TS.Recent, RFC 7323 section 4.3).
  void fresh(std::size_t skip, bool lacks_prefix) noexcept;
  void begin_bulk(SeqNum request) noexcept;
  void nothing_complete(Stop stop, bool lacks_prefix) noexcept;
  [[nodiscard]] std::size_t boundary(bool lacks_prefix) const noexcept;
  // Queries whose answers the ledger counts already, perhaps followed by new ones.
  void repeated() noexcept;
  // The whole answer to the first `counted` bytes arrived: acknowledge them, and answer what follows.
  void arrived(std::size_t counted) noexcept;
  struct Start {
    std::uint32_t begin;  // first byte of the answers that the client misses
    SeqNum seq;           // where the first query answered begins
    bool prefix_consumed;
  };
  // Sends the answers collected. The ledger's sent_end is where they start in our stream.
  void send(Outcome whole, Outcome parts, const Start& start, Stop stop) noexcept;
  [[nodiscard]] bool fits_one(std::size_t size) const noexcept {
    return size <= context_.build.segment_size(cookie_.mss_class) && size <= segment_.window;
  }
  // More than one segment of answers, bytes behind the last whole query, or queries that came while these waited: the
  // rest is soft state's, where there is some.
  [[nodiscard]] bool needs_flow(Stop stop, std::size_t size) const noexcept {
    // Nothing is answered behind an answer that ends the connection.
    const bool more = stop != Stop::end && !context_.answers.close_after();
    return (more || !fits_one(size) || (segment_.resumed && is_followed())) && context_.flows.enabled();
  }
  // Queries behind these have come, and are kept.
  [[nodiscard]] bool is_followed() const noexcept { return context_.flows.find(segment_.flow, cookie_.isn) != nullptr; }

  // ---- What soft state may take over (handoff.cc). ----
  // The query at byte `skip` of the segment, whose answer begins at `end`, and all that follows. False: there is no
  // entry to be had.
  [[nodiscard]] bool open_flow(std::size_t skip, bool lacks_prefix, std::uint32_t end,
                               std::uint32_t ledger_end) noexcept;
  // The piece of a query is kept while entries are taken away: if it comes anew, its own was as well. Acknowledged, it
  // stays.
  void keep_piece() noexcept;
  // A FIN behind a query whose answer has not arrived.
  void early_fin() noexcept;
  // Pipelined behind queries whose answers have not arrived.
  void beyond(bool lacks_prefix) noexcept;
  // What was answered without an entry, if the segment is pipelined right behind it.
  [[nodiscard]] const FlowTable::Recent* pipelined_behind() const noexcept;
  // A client that repeats a piece alone again and again has nothing before it to repeat.
  void repeated_alone(Flow& flow) noexcept;
  void count_alone(Flow* flow) noexcept;

  RuleContext& context_;
  const Segment& segment_;
  const Accepted& cookie_;
  Ledger ledger_;
  std::uint32_t gap_ = 0;    // what the client misses of what the ledger counts
  std::uint32_t ahead_ = 0;  // what the client has read beyond that
  bool our_fin_acked_ = false;
  bool stale_ = false;
};

}  // namespace gl::tcp
