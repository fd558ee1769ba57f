#include "lib/tcp/responder.h"

#include "lib/tcp/answer_stream.h"
#include "lib/tcp/path_mtu.h"
#include "lib/tcp/plan_builder.h"
#include "lib/tcp/rules.h"
#include "lib/tcp/token_bucket.h"

namespace gl::tcp {

struct Responder::Work {
  Work(const ResponderSettings& given, PathMtuTable* shared_paths)
      : settings(given),
        own_paths(shared_paths == nullptr ? std::make_unique<PathMtuTable>() : nullptr),
        paths(shared_paths == nullptr ? *own_paths : *shared_paths),
        resets(given.rst_per_second),
        build(plan, resets, settings, paths),
        flows(given.flow_cache),
        long_flows(given.flow_cache) {}

  const ResponderSettings settings;
  const CookieKeys* keys = nullptr;
  std::uint64_t now_s = 0;
  const std::unique_ptr<PathMtuTable> own_paths;
  PathMtuTable& paths;
  TokenBucket resets;
  Plan plan;
  PlanBuilder build;
  AnswerStream answers;
  FlowTable flows;
  LongFlows long_flows;
};

Responder::Responder(const ResponderSettings& settings, PathMtuTable* paths)
    : work_(std::make_unique<Work>(settings, paths)) {}
Responder::~Responder() = default;

void Responder::begin_burst(std::uint64_t now_ms, const CookieKeys& keys) noexcept {
  work_->keys = &keys;
  work_->resets.refill(now_ms);
  work_->now_s = now_ms / 1000;
  work_->build.begin_burst(work_->now_s);
  work_->flows.begin_burst(now_ms);
  work_->long_flows.begin_burst(now_ms);
}

const Plan& Responder::handle(const Segment& segment, StreamService* service) noexcept {
  Work& work = *work_;
  const auto has = [&segment](unsigned flags) { return (segment.flags & flags) != 0; };
  work.build.begin(segment);
  if (has(kRst)) {
    work.build.drop(Outcome::drop_rst);
  } else if (has(kSyn) ? has(kAck | kFin) : !has(kAck)) {
    work.build.drop(Outcome::drop_flags);
  } else if (service == nullptr) {
    work.build.reset(Outcome::reset_closed_port);
  } else {
    work.answers.begin(segment.flow.view(), false);
    RuleContext context{segment,    *service,  *work.keys, work.settings,  work.answers,
                        work.build, work.plan, work.flows, work.long_flows};
    if (has(kSyn)) {
      answer_syn(context);
    } else if (segment.timestamps && !work.settings.immediate) {
      answer_with_timestamps(context);
    } else {
      answer_without_timestamps(context);
    }
  }
  return work.plan;
}

bool Responder::too_big(const QuotedSegment& quoted, std::uint16_t mtu) noexcept {
  const LongFlow* const long_flow = work_->long_flows.find(quoted.flow, quoted.seq);
  if (!check_long_flow(*work_->keys, long_flow, quoted.seq) && !sent_by_us(*work_->keys, quoted)) return false;
  work_->paths.learn(quoted.flow, mtu, work_->now_s);
  return true;
}

}  // namespace gl::tcp
