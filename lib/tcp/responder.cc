#include "lib/tcp/responder.h"

#include <algorithm>

#include "lib/tcp/answer_stream.h"
#include "lib/tcp/bulk/bulk_rules.h"
#include "lib/tcp/client_limits.h"
#include "lib/tcp/path_mtu.h"
#include "lib/tcp/plan_builder.h"
#include "lib/tcp/rules.h"
#include "lib/tcp/token_bucket.h"

namespace gl::tcp {

struct Responder::Work {
  Work(const ResponderSettings& given, PathMtuTable* shared_paths, BulkPresence* shared_presence)
      : settings(given),
        own_paths(shared_paths == nullptr ? std::make_unique<PathMtuTable>() : nullptr),
        paths(shared_paths == nullptr ? *own_paths : *shared_paths),
        own_presence(shared_presence == nullptr && bulk_flows(given) != 0 ? std::make_unique<BulkPresence>() : nullptr),
        resets(given.rst_per_second),
        build(plan, resets, settings, paths),
        flows(given.flow_cache),
        long_flows(given.flow_cache),
        limits(ClientLimits::create(settings)),
        bulk(bulk_flows(given), shared_presence == nullptr ? own_presence.get() : shared_presence) {}

  [[nodiscard]] static std::size_t bulk_flows(const ResponderSettings& given) noexcept {
    return given.immediate ? 0 : given.bulk_flows;
  }

  const ResponderSettings settings;
  const CookieKeys* keys = nullptr;
  std::uint64_t now_s = 0;
  const std::unique_ptr<PathMtuTable> own_paths;
  PathMtuTable& paths;
  const std::unique_ptr<BulkPresence> own_presence;
  TokenBucket resets;
  Plan plan;
  PlanBuilder build;
  AnswerStream answers;
  FlowTable flows;
  LongFlows long_flows;
  const std::unique_ptr<ClientLimits> limits;  // null: there are none
  BulkTable bulk;

  [[nodiscard, gnu::always_inline]] RuleContext context_of(const Segment& segment, StreamService& service) noexcept {
    return {segment, service, *keys, settings, answers, build, plan, flows, long_flows};
  }
};

namespace {

// Whether a segment draws nothing, wherever it goes.
bool drops(PlanBuilder& build, const Segment& segment) noexcept {
  const auto has = [&segment](unsigned flags) { return (segment.flags & flags) != 0; };
  if (has(kRst)) return build.drop(Outcome::drop_rst), true;
  const bool impossible = has(kSyn) ? has(kAck | kFin) : !has(kAck);
  if (impossible) build.drop(Outcome::drop_flags);
  return impossible;
}

// One segment of an open or opening connection, by the rules of its kind of client.
void dispatch(RuleContext& context) noexcept {
  if (drops(context.build, context.segment)) return;
  if (context.has(kSyn)) {
    answer_syn(context);
  } else if (context.segment.timestamps && !context.settings.immediate) {
    answer_with_timestamps(context);
  } else {
    answer_without_timestamps(context);
  }
}

}  // namespace

Responder::Responder(const ResponderSettings& settings, PathMtuTable* paths, BulkPresence* presence)
    : work_(std::make_unique<Work>(settings, paths, presence)) {}
Responder::~Responder() = default;

void Responder::begin_burst(std::uint64_t now_ms, const CookieKeys& keys) noexcept {
  work_->keys = &keys;
  work_->resets.refill(now_ms);
  work_->now_s = now_ms / 1000;
  work_->build.begin_burst(work_->now_s);
  work_->flows.begin_burst(now_ms);
  work_->long_flows.begin_burst(now_ms);
  work_->bulk.begin_burst(now_ms);
  if (work_->limits != nullptr) work_->limits->set_time(now_ms);
}

const Plan& Responder::handle(const Segment& segment, StreamService* service) noexcept {
  if (work_->limits == nullptr || service == nullptr) [[likely]]
    return handle_unlimited(segment, service);
  return handle_limited(segment, *service);
}

[[gnu::noinline]] const Plan& Responder::handle_limited(const Segment& segment, StreamService& service) noexcept {
  Work& work = *work_;
  if (const std::optional<Outcome> refused = work.limits->refuse(segment, *work.keys)) {
    work.build.begin(segment);
    work.build.drop(*refused);
    return work.plan;
  }
  const Plan& plan = handle_unlimited(segment, &service);
  work.limits->charge(segment, plan.outcome, work.answers.queries());
  return plan;
}

[[gnu::always_inline]] inline const Plan& Responder::handle_unlimited(const Segment& segment,
                                                                      StreamService* service) noexcept {
  Work& work = *work_;
  if (service == nullptr) {
    work.build.begin(segment);
    if (!drops(work.build, segment)) work.build.reset(Outcome::reset_closed_port);
  } else if (work.bulk.enabled() && service->has_long_answers()) {
    handle_scaled(segment, *service);
  } else {
    work.build.begin(segment);
    work.answers.begin(segment.flow.view(), false);
    RuleContext context = work.context_of(segment, *service);
    dispatch(context);
  }
  return work.plan;
}

// Of a service that may give long answers.
[[gnu::noinline]] void Responder::handle_scaled(const Segment& segment, StreamService& service) noexcept {
  Work& work = *work_;
  BulkFlow* const flow = work.bulk.find(segment.flow);
  Segment own = segment;
  own.scaled_window = own.window;
  if (own.timer && flow != nullptr && flow->timestamps) own.timestamps.emplace();
  work.build.begin(own);
  work.answers.begin(own.flow.view(), false, true);
  RuleContext context = work.context_of(own, service);
  context.bulk = &work.bulk;
  context.unscaled = &own;
  if (flow == nullptr) return own.timer ? work.build.drop(Outcome::bulk_timer) : dispatch(context);
  BulkRules rules(context, *flow);
  own.timer ? rules.on_timer() : rules.receive();
}

bool Responder::too_big(const QuotedSegment& quoted, std::uint16_t mtu) noexcept {
  const LongFlow* const long_flow = work_->long_flows.find(quoted.flow, quoted.seq);
  const BulkFlow* const bulk = work_->bulk.find(quoted.flow);
  const bool on_its_way =
      bulk != nullptr && quoted.seq - bulk->seq_at(bulk->snd.una()) < bulk->snd.nxt() - bulk->snd.una();
  if (!on_its_way && !check_long_flow(*work_->keys, long_flow, quoted.seq) &&
      !sent_by_us(*work_->keys, quoted, work_->bulk.enabled())) {
    return false;
  }
  learn_path_mtu(quoted.flow.client(), mtu);
  return true;
}

void Responder::learn_path_mtu(Bytes client, std::uint16_t mtu) noexcept {
  work_->paths.learn(client, mtu, work_->now_s);
}
std::uint16_t Responder::path_mtu(Bytes client) const noexcept {
  return work_->paths.mtu(client, work_->now_s);
}

std::size_t Responder::bulk_flows() const noexcept {
  return work_->bulk.size();
}
std::optional<std::uint32_t> Responder::next_due(std::uint64_t now_ms) noexcept {
  return work_->bulk.next_due(static_cast<std::uint32_t>(now_ms));
}
void Responder::postpone(std::uint32_t index, std::uint64_t now_ms) noexcept {
  constexpr std::uint32_t kLaterMs = 5;
  work_->bulk.schedule(work_->bulk.at(index), std::max(static_cast<std::uint32_t>(now_ms) + kLaterMs, 1u));
}
const FlowKey& Responder::bulk_key(std::uint32_t index) const noexcept {
  return work_->bulk.at(index).key;
}
std::optional<std::uint32_t> Responder::next_deadline() const noexcept {
  return work_->bulk.next_deadline();
}

}  // namespace gl::tcp
