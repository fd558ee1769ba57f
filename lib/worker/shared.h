// What the main core publishes to the workers.
// Ownership: the main core; pointees are freed after a quiescent state (rte_rcu_qsbr). Thread: the main core writes,
// workers read.
#pragma once

#include <rte_rcu_qsbr.h>

#include <atomic>
#include <cstdlib>
#include <memory>

#include "lib/tcp/bulk/bulk_presence.h"
#include "lib/tcp/cookie.h"
#include "lib/tcp/path_mtu.h"

namespace gl::worker {

class QuiescentState {
 public:
  // For `threads` workers, numbered from 0.
  explicit QuiescentState(unsigned threads)
      : state_(static_cast<rte_rcu_qsbr*>(std::aligned_alloc(64, (rte_rcu_qsbr_get_memsize(threads) + 63) / 64 * 64))) {
    rte_rcu_qsbr_init(state_.get(), threads);
  }
  [[nodiscard]] rte_rcu_qsbr* get() const noexcept { return state_.get(); }
  // Main core: returns when no worker can still see what was replaced before the call.
  void wait() const noexcept { rte_rcu_qsbr_synchronize(state_.get(), RTE_QSBR_THRID_INVALID); }

 private:
  struct Free {
    void operator()(rte_rcu_qsbr* state) const noexcept { std::free(state); }
  };
  std::unique_ptr<rte_rcu_qsbr, Free> state_;
};

struct alignas(64) Shared {
  explicit Shared(unsigned workers) : quiescent(workers) {}
  std::atomic<const tcp::CookieKeys*> keys{nullptr};
  std::atomic<bool> stop{false};
  QuiescentState quiescent;
  tcp::PathMtuTable paths;         // the workers write and read it, a word at a time
  tcp::BulkPresence long_answers;  // likewise
};

}  // namespace gl::worker
