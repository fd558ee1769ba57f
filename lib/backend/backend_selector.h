// Which backend is asked: by weight, among those of the pool that are up, can be reached, and are meant to be asked.
// Ownership: borrows. Thread: one core's own. Errors: by value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "lib/backend/backend_tx.h"
#include "lib/backend/counters.h"
#include "lib/backend/health.h"
#include "lib/backend/operator_state.h"
#include "lib/backend/random_stream.h"
#include "lib/backend/settings.h"

namespace gl::backend {

struct Wanted {
  std::uint32_t avoid = 0;    // a bit each: only if there is no other
  std::uint32_t exclude = 0;  // not at all
  bool tcp = false;           // through the helper: the kernel finds its own way
};

class BackendSelector {
 public:
  BackendSelector(const ForwardSettings& settings, const BackendTx& tx, const Health& health,
                  std::span<BackendCounters> counters, const OperatorState& wishes)
      : settings_(settings), tx_(tx), health_(health), counters_(counters), operator_(wishes) {}

  [[nodiscard]] std::optional<unsigned> pick(unsigned pool, const Wanted& wanted, RandomStream& random) const noexcept;
  // Whether a next hop may be found yet: right after the start nobody knows them.
  [[nodiscard]] bool resolving(unsigned pool) const noexcept;
  // Whether there is one that is not to be avoided.
  [[nodiscard]] bool another(unsigned pool, const Wanted& wanted) const noexcept;

 private:
  [[nodiscard]] bool usable(unsigned backend, const Wanted& wanted) const noexcept;
  [[nodiscard]] bool is_down(unsigned backend) const noexcept;
  // A bit each: those of the pool that may be asked. Drained ones are among them only where there is no other.
  [[nodiscard]] std::uint32_t candidates(const PoolSettings& pool, const Wanted& wanted) const noexcept;
  [[nodiscard]] std::optional<unsigned> by_weight(const PoolSettings& pool, std::uint32_t among,
                                                  RandomStream& random) const noexcept;

  const ForwardSettings& settings_;
  const BackendTx& tx_;
  const Health& health_;
  std::span<BackendCounters> counters_;
  const OperatorState& operator_;
};

}  // namespace gl::backend
