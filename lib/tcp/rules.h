// The rules by which a segment of an open connection is answered, one function for each kind of client.
// See the table in docs/protocol.md. Internal to lib/tcp.
// Thread: one core's own. Everything is borrowed for the call.
#pragma once

#include <optional>

#include "lib/service/stream_service.h"
#include "lib/tcp/answer_stream.h"
#include "lib/tcp/bulk/bulk_table.h"
#include "lib/tcp/cookie.h"
#include "lib/tcp/ledger.h"
#include "lib/tcp/plan_builder.h"
#include "lib/tcp/responder.h"
#include "lib/tcp/soft_state/flow_table.h"
#include "lib/tcp/soft_state/long_flows.h"

namespace gl::tcp {

struct RuleContext {
  const Segment& segment;
  StreamService& service;
  const CookieKeys& keys;
  const ResponderSettings& settings;
  AnswerStream& answers;
  PlanBuilder& build;
  Plan& plan;
  FlowTable& flows;
  LongFlows& long_flows;
  LongFlow* long_flow = nullptr;  // of this connection, once it is a long one
  bool stays_open = false;        // without timestamps: an entry is made when the query comes again, so no FIN
  bool pipelines = false;         // this segment shows that closing would lose queries
  BulkTable* bulk = nullptr;      // of a service with long answers, where any may be on their way at once
  bool begins_bulk = true;        // not before the connection stands
  Segment* unscaled = nullptr;    // the segment, while its window is as it was sent

  [[nodiscard]] CookieForm form() const noexcept { return bulk == nullptr ? CookieForm::plain : CookieForm::scaling; }
  // The segment's acknowledgement, by its cookie; see check_ack().
  [[nodiscard, gnu::always_inline]] std::optional<Accepted> check_cookie(
      std::optional<SeqNum> client_isn) const noexcept {
    if (bulk != nullptr) [[unlikely]]
      return check_ack<CookieForm::scaling>(keys, segment.flow, segment.ack, client_isn);
    return check_ack(keys, segment.flow, segment.ack, client_isn);
  }
  // Of a service that uses window scaling, as soon as the cookie tells the client's shift.
  void scale_window(std::uint8_t mss_class) noexcept;
  // RST for a connection that is not known here, unless it may be another core's.
  void reset_unknown(Outcome outcome) noexcept {
    if (bulk != nullptr && bulk->elsewhere(segment.flow)) return build.drop(Outcome::drop_bulk_elsewhere);
    build.reset(outcome);
  }
  // A piece of a query, and no entry to keep it. The client sends it again with all that it has sent behind it. One
  // that repeats the piece alone has sent no more, and does not before this is acknowledged, which nobody may do
  // without keeping it (docs/protocol.md, "Limits that follow"): it gets a RST.
  void drop_piece() noexcept;
  // The same behind whole queries: it has been seen once.
  void note_piece(SeqNum seq) noexcept;
  // The answer of AnswerStream::long_answer() begins; false: there is no entry to be had.
  [[nodiscard]] bool begin_bulk(const BulkStart& start) noexcept;

  [[nodiscard]] bool has(std::uint8_t flag) const noexcept { return (segment.flags & flag) != 0; }
  // The client has queries on their way besides those that are being answered: our FIN would lose them.
  void pipelined(const Accepted& cookie) noexcept;
  // How many answer bytes the connection may carry behind `end`, where the next ones begin.
  [[nodiscard]] std::uint32_t room(const Accepted& cookie, std::uint32_t end) noexcept;
  // Whether our FIN has to go with the answers that end at `end` of the stream.
  [[nodiscard]] bool must_close(const Accepted& cookie, std::uint32_t end) noexcept;
  // Whether our FIN may have gone with the answers that end at `end`, though the client has sent none.
  [[nodiscard]] bool may_have_closed(const Accepted& cookie, std::uint32_t end) const noexcept;
  void enter_long_flow(const Accepted& cookie, std::uint32_t end) noexcept;
};

// A SYN, and the queries in it (TCP Fast Open).
void answer_syn(RuleContext& context) noexcept;
// Clients that carry our ledger in their timestamp echo.
void answer_with_timestamps(RuleContext& context) noexcept;
// Answers the segment of a remembered flow; false: the rules without an entry are to.
[[nodiscard]] bool answer_from_flow(RuleContext& context, const Accepted& cookie, Flow& flow) noexcept;
// Clients that carry only the cookie: without an entry, one segment of queries a connection. Also the column's
// immediate mode.
void answer_without_timestamps(RuleContext& context) noexcept;
// A segment with timestamps that fits no connection with them: the option is ignored where it fits one without (RFC
// 7323 section 3.2), otherwise it gets a RST.
void answer_ignoring_timestamps(RuleContext& context) noexcept;

// Answer bytes and our FIN after them must stay where the cookie validates them, alone or with an entry's help.
inline constexpr std::uint32_t kLastOffset = kOffsetLimit - 2;
inline constexpr std::uint32_t kLastLongOffset = kLongOffsetLimit - 2;
// How far the client may have read beyond what the ledger that it echoes counts; a ledger further behind is not ours.
inline constexpr std::uint32_t kMaxAhead = 48 * 1024;

}  // namespace gl::tcp
