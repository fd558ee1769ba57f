#include "lib/backend/health.h"

#include <algorithm>

namespace gl::backend {
namespace {

// The next hops are asked for first, and answer within this.
constexpr std::uint64_t kFirstCheckMs = 100;

}  // namespace

Health::Health(const ForwardSettings& settings, std::span<BackendCounters> counters)
    : settings_(settings), counters_(counters) {
  for (BackendCounters& backend : counters_) backend.up.add();
}

void Health::start(std::uint64_t now_ms) noexcept {
  if (settings_.health_interval_ms == 0) return;
  // Spread over the interval: the checks of many backends do not go out together.
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    states_[i].next_ms = now_ms + kFirstCheckMs + settings_.health_interval_ms * i / counters_.size();
  }
  plan();
}

bool Health::take_due(unsigned backend, std::uint64_t now_ms) noexcept {
  State& state = states_[backend];
  if (now_ms < state.next_ms) return false;
  state.next_ms = now_ms + settings_.health_interval_ms;
  return true;
}

void Health::plan() noexcept {
  next_ms_ = ~std::uint64_t{0};
  for (std::size_t i = 0; i < counters_.size(); ++i) next_ms_ = std::min(next_ms_, states_[i].next_ms);
}

void Health::check_answered(unsigned backend) noexcept {
  State& state = states_[backend];
  state.failures = 0;
  if (state.up) return;
  state.up = true;
  counters_[backend].came_up.add();
  counters_[backend].up.add();
}

void Health::check_failed(unsigned backend) noexcept {
  State& state = states_[backend];
  counters_[backend].health_failed.add();
  if (++state.failures < settings_.health_failures || !state.up) return;
  state.up = false;
  counters_[backend].went_down.add();
  counters_[backend].up.add(~std::uint64_t{0});
}

void Health::question_failed(unsigned backend, std::uint64_t now_ms) noexcept {
  State& state = states_[backend];
  if (settings_.health_interval_ms == 0 || ++state.failures + 1 < settings_.health_failures) return;
  state.next_ms = now_ms;
  next_ms_ = now_ms;
}

}  // namespace gl::backend
