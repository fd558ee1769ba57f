#include "lib/tcp/responder.h"

#include "lib/tcp/answer_stream.h"
#include "lib/tcp/plan_builder.h"
#include "lib/tcp/rules.h"
#include "lib/tcp/token_bucket.h"

namespace gl::tcp {
namespace {

// What a peer takes whose SYN has no MSS option: RFC 9293 section 3.7.1.
constexpr std::uint16_t kDefaultMssV4 = 536;
constexpr std::uint16_t kDefaultMssV6 = 1220;

}  // namespace

struct Responder::Work {
  explicit Work(const ResponderSettings& given)
      : settings(given), resets(given.rst_per_second), build(plan, resets, settings), flows(given.flow_cache) {}

  void syn(const Segment& segment, Service* service) noexcept;

  const ResponderSettings settings;
  const CookieKeys* keys = nullptr;
  TokenBucket resets;
  Plan plan;
  PlanBuilder build;
  AnswerStream answers;
  FlowCache flows;
};

void Responder::Work::syn(const Segment& segment, Service* service) noexcept {
  if ((segment.flags & (kAck | kFin | kRst)) != 0) return build.drop(Outcome::drop_flags);
  if (service == nullptr) return build.reset(Outcome::reset_closed_port);
  const std::uint16_t offered = segment.mss != 0 ? segment.mss : segment.flow.is_v6() ? kDefaultMssV6 : kDefaultMssV4;
  const auto mss = mss_class(offered);
  if (!mss) return build.drop(Outcome::drop_mss);
  const SeqNum past = segment.seq + 1;  // data in a SYN is left to its repetition
  const bool timestamps = segment.timestamps && !settings.immediate;
  const SeqNum isn =
      make_isn(*keys, segment.flow, *mss, timestamps ? std::nullopt : std::optional<SeqNum>(segment.seq));
  std::optional<Ledger> ledger;
  if (timestamps) flows.forget(segment.flow, isn);  // the client's port begins anew
  if (timestamps) ledger = Ledger{0, static_cast<std::uint16_t>(past.value() & kNextMask), false, true};
  build.syn_ack(isn, past, build.own_mss(), ledger);
}

Responder::Responder(const ResponderSettings& settings) : work_(std::make_unique<Work>(settings)) {}
Responder::~Responder() = default;

void Responder::begin_burst(std::uint64_t now_ms, const CookieKeys& keys) noexcept {
  work_->keys = &keys;
  work_->resets.refill(now_ms);
}

const Plan& Responder::handle(const Segment& segment, Service* service) noexcept {
  Work& work = *work_;
  work.build.begin(segment);
  if ((segment.flags & kRst) != 0) {
    work.build.drop(Outcome::drop_rst);
  } else if ((segment.flags & kSyn) != 0) {
    work.syn(segment, service);
  } else if ((segment.flags & kAck) == 0) {
    work.build.drop(Outcome::drop_flags);
  } else if (service == nullptr) {
    work.build.reset(Outcome::reset_closed_port);
  } else {
    RuleContext context{segment, *service, *work.keys, work.settings, work.answers, work.build, work.plan,
                        work.flows};
    if (segment.timestamps && !work.settings.immediate) {
      answer_with_timestamps(context);
    } else {
      answer_without_timestamps(context);
    }
  }
  return work.plan;
}

bool must_close(const RuleContext& context, const Accepted& cookie, std::uint32_t sent_end) noexcept {
  if (cookie.old_epoch && context.keys.draining) return true;
  if (sent_end + kMaxStreamReply <= kLastOffset) return false;
  return sent_end + context.service.largest_stream_reply() > kLastOffset;
}

}  // namespace gl::tcp
