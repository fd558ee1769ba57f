#include "lib/backend/backend_selector.h"

#include <algorithm>

namespace gl::backend {
namespace {

constexpr std::uint32_t bit(unsigned backend) noexcept {
  return std::uint32_t{1} << backend;
}

}  // namespace

bool BackendSelector::usable(unsigned backend, const Wanted& wanted) const noexcept {
  if ((wanted.exclude & bit(backend)) != 0 || !health_.up(backend)) return false;
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

std::optional<unsigned> BackendSelector::pick(unsigned pool, const Wanted& wanted,
                                              RandomStream& random) const noexcept {
  const PoolSettings& from = settings_.pools[pool];
  std::uint32_t usable_ones = 0;
  for (const unsigned backend : from.backends) {
    if (usable(backend, wanted)) usable_ones |= bit(backend);
  }
  const std::uint32_t preferred = usable_ones & ~wanted.avoid;
  return by_weight(from, preferred != 0 ? preferred : usable_ones, random);
}

bool BackendSelector::resolving(unsigned pool) const noexcept {
  return std::ranges::any_of(settings_.pools[pool].backends,
                             [&](unsigned backend) { return health_.up(backend) && tx_.resolving(backend); });
}

bool BackendSelector::another(unsigned pool, const Wanted& wanted) const noexcept {
  for (const unsigned backend : settings_.pools[pool].backends) {
    if ((wanted.avoid & bit(backend)) == 0 && usable(backend, wanted)) return true;
  }
  return false;
}

}  // namespace gl::backend
