#include "lib/backend/backend_selector.h"

#include <algorithm>

namespace gl::backend {
namespace {

constexpr std::uint32_t bit(unsigned backend) noexcept {
  return std::uint32_t{1} << backend;
}

}  // namespace

bool BackendSelector::is_down(unsigned backend) const noexcept {
  return !health_.up(backend) || (operator_.down.load(std::memory_order_relaxed) & bit(backend)) != 0;
}

bool BackendSelector::usable(unsigned backend, const Wanted& wanted) const noexcept {
  if ((wanted.exclude & bit(backend)) != 0 || is_down(backend)) return false;
  if (wanted.tcp) return settings_.backends[backend].tcp;
  if (tx_.reachable(backend)) return true;
  counters_[backend].unreachable.add();
  return false;
}

std::optional<unsigned> BackendSelector::by_weight(const PoolSettings& pool, std::uint32_t among,
                                                   RandomStream& random) const noexcept {
  std::uint32_t total = 0;
  for (const unsigned backend : pool.backends) {
    if ((among & bit(backend)) != 0) total += settings_.backends[backend].weight;
  }
  std::optional<unsigned> chosen;
  std::uint32_t left = random.below(std::max(total, 1U));  // all of weight 0: the last of them
  for (const unsigned backend : pool.backends) {
    if ((among & bit(backend)) == 0) continue;
    chosen = backend;
    const std::uint32_t weight = settings_.backends[backend].weight;
    if (left < weight) break;
    left -= weight;
  }
  return chosen;
}

std::uint32_t BackendSelector::candidates(const PoolSettings& pool, const Wanted& wanted) const noexcept {
  std::uint32_t usable_ones = 0;
  for (const unsigned backend : pool.backends) {
    if (usable(backend, wanted)) usable_ones |= bit(backend);
  }
  const std::uint32_t meant = usable_ones & ~operator_.drained.load(std::memory_order_relaxed);
  return meant != 0 ? meant : usable_ones;
}

std::optional<unsigned> BackendSelector::pick(unsigned pool, const Wanted& wanted,
                                              RandomStream& random) const noexcept {
  const PoolSettings& from = settings_.pools[pool];
  const std::uint32_t all = candidates(from, wanted);
  const std::uint32_t preferred = all & ~wanted.avoid;
  return by_weight(from, preferred != 0 ? preferred : all, random);
}

bool BackendSelector::resolving(unsigned pool) const noexcept {
  return std::ranges::any_of(settings_.pools[pool].backends,
                             [&](unsigned backend) { return !is_down(backend) && tx_.resolving(backend); });
}

bool BackendSelector::another(unsigned pool, const Wanted& wanted) const noexcept {
  return (candidates(settings_.pools[pool], wanted) & ~wanted.avoid) != 0;
}

}  // namespace gl::backend
