// SYNs: a cookie as our ISN, and the answer to queries that came along with a Fast Open cookie (RFC 7413). The SYN-ACK
// acknowledges the SYN alone, so that the client keeps its queries until their answer arrived, as ever.
#include "lib/tcp/fast_open.h"
#include "lib/tcp/ledger.h"
#include "lib/tcp/rules.h"

namespace gl::tcp {
namespace {

// What a peer takes whose SYN has no MSS option: RFC 9293 section 3.7.1.
constexpr std::uint16_t kDefaultMssV4 = 536;
constexpr std::uint16_t kDefaultMssV6 = 1220;

class Opening {
 public:
  explicit Opening(RuleContext& context) noexcept
      : context_(context), syn_(context.segment), timestamps_(syn_.timestamps && !context.settings.immediate) {}

  void apply() noexcept {
    const std::uint16_t default_mss = syn_.flow.is_v6() ? kDefaultMssV6 : kDefaultMssV4;
    const std::uint16_t given = syn_.mss != 0 ? syn_.mss : default_mss;
    const auto mss = mss_class(given);
    if (!mss) return context_.build.drop(Outcome::drop_mss);
    const std::uint8_t peer = context_.bulk == nullptr ? *mss : with_shift(*mss, syn_.window_scale);
    SynAck reply;
    reply.ack = syn_.seq + 1;
    reply.isn = make_isn(context_.keys, syn_.flow, peer, timestamps_ ? std::nullopt : std::optional<SeqNum>(syn_.seq),
                         context_.form());
    if (timestamps_) {
      context_.flows.evict(syn_.flow, reply.isn);  // the client's port begins anew
      reply.ledger = Ledger{0, static_cast<std::uint16_t>(reply.ack.value() & kNextMask), false, true};
    }
    reply.mss = context_.build.own_mss();
    const bool remembers = context_.flows.enabled() || context_.bulk != nullptr;
    reply.sack_permitted = syn_.sack_permitted && remembers && !context_.settings.immediate;
    reply.window_scale = shift_of(peer) != 0;
    const Outcome outcome = judge_cookie(reply);
    context_.build.syn_ack(reply);
    context_.plan.outcome = outcome;
    if (proven_ && !syn_.payload.empty()) answer_early(reply.isn);
  }

 private:
  // Whether the client has shown that it is where it says, and which cookie it gets. An off-path sender's SYN-ACK is no
  // longer than the SYN: what does not fit is left out.
  [[nodiscard]] Outcome judge_cookie(SynAck& reply) noexcept {
    using Kind = wire::FastOpen::Kind;
    const bool spoken = context_.settings.fast_open && !context_.settings.immediate &&
                        syn_.fast_open.kind != Kind::absent && context_.service.has_idempotent_requests();
    FastOpenStanding standing = FastOpenStanding::invalid;
    if (spoken && syn_.fast_open.kind == Kind::cookie) {
      standing = check_fast_open_cookie(context_.keys, syn_.flow, syn_.fast_open.cookie);
    }
    proven_ = standing != FastOpenStanding::invalid;
    const auto fits = [&] { return proven_ || options_length(reply) <= syn_.options_length; };
    if (!fits()) reply.sack_permitted = false;
    if (!fits()) reply.mss = 0;
    if (!spoken || standing == FastOpenStanding::current) return Outcome::syn_ack;
    reply.fast_open = {Kind::cookie, make_fast_open_cookie(context_.keys, syn_.flow)};
    if (!fits()) reply.sack_permitted = false;  // a cookie saves more than that does
    if (!fits()) reply.fast_open = {};
    if (proven_) return Outcome::syn_ack;
    if (syn_.fast_open.kind != Kind::request) return Outcome::syn_bad_cookie;
    return reply.fast_open.kind == Kind::cookie ? Outcome::syn_ack_cookie : Outcome::syn_ack;
  }
  [[nodiscard]] std::size_t options_length(const SynAck& reply) const noexcept {
    wire::TcpOptions options;
    options.mss = reply.mss;
    options.sack_permitted = reply.sack_permitted;
    if (reply.window_scale) options.window_scale = 0;
    options.fast_open = reply.fast_open;
    if (timestamps_) options.timestamps.emplace();
    return wire::written_length(options);
  }

  // The queries as they will come again behind the handshake, answered by the same rules. What is no answer is left to
  // that repetition, and so is the flow cache.
  void answer_early(SeqNum isn) noexcept {
    Segment data = syn_;
    data.seq = syn_.seq + 1;
    data.ack = isn + 1;
    data.flags = kAck | kPsh;
    Plan& plan = context_.plan;
    if (timestamps_) data.timestamps->echo = plan.segments[0].timestamps.value;
    context_.build.go_on(data);
    FlowTable no_flows(FlowTable::Nothing{});
    LongFlows no_long_flows(0);
    context_.answers.begin(syn_.flow.view(), true, context_.bulk != nullptr);
    RuleContext early{data, context_.service, context_.keys, context_.settings, context_.answers, context_.build,
                      plan, no_flows,         no_long_flows};
    early.stays_open = context_.flows.enabled();
    early.bulk = context_.bulk;  // the cookie has its form
    early.begins_bulk = false;
    const Outcome before = plan.outcome;
    timestamps_ ? answer_with_timestamps(early) : answer_without_timestamps(early);
    if (plan.count > 1 && plan.segments[1].length > 0) {
      plan.outcome = Outcome::syn_answered;
      return;
    }
    plan.count = 1;
    plan.outcome = before;
  }

  RuleContext& context_;
  const Segment& syn_;
  const bool timestamps_;
  bool proven_ = false;
};

}  // namespace

void answer_syn(RuleContext& context) noexcept {
  Opening(context).apply();
}

}  // namespace gl::tcp
