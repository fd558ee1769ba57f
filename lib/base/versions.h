// What is read from files and published to the cores: the newest state, and for a while those before it, from which
// begun answers are finished.
// Units: seconds of a monotonic clock. Ownership: Versions owns all states; a state is freed when no core can hold it.
// Thread: main core; readers load Published through the atomic pointer and hold it until their quiescent state.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace gl {

// So many states before the current one are kept at most.
inline constexpr std::size_t kMaxKeptVersions = 4;

// Of a State that has a generation().
template <class State>
struct Published {
  const State* current = nullptr;
  // Served until less than `linger` seconds ago: the newest first, without a gap, null behind the last.
  std::array<const State*, kMaxKeptVersions> kept{};
  // The generation that was served `linger` seconds ago. What is as old as that, or older, was the same bytes for
  // whoever has begun to read it since.
  std::uint32_t settled = UINT32_MAX;
};

template <class State>
class Versions {
 public:
  // `quiesce` returns when no core holds what was published before the call.
  Versions(std::uint32_t linger_seconds, std::function<void()> quiesce)
      : linger_(linger_seconds), quiesce_(std::move(quiesce)) {}
  Versions(const Versions&) = delete;
  Versions& operator=(const Versions&) = delete;

  [[nodiscard]] const std::atomic<const Published<State>*>& published() const noexcept { return published_; }
  [[nodiscard]] const State* current() const noexcept { return current_.get(); }

  void replace(std::unique_ptr<const State> next, std::uint64_t now) {
    std::vector<Kept> dropped;
    auto before = std::exchange(current_, std::move(next));
    generations_.push_back({current_->generation(), now});
    if (before != nullptr) kept_.push_front({std::move(before), now});
    (void)expire(now, dropped);
    for (; kept_.size() > kMaxKeptVersions; kept_.pop_back()) dropped.push_back(std::move(kept_.back()));
    publish();  // what goes, goes after that: until then cores see it
  }
  // Drops the states before when they have lingered long enough.
  void tick(std::uint64_t now) {
    std::vector<Kept> dropped;
    if (current_ != nullptr && expire(now, dropped)) publish();
  }

 private:
  struct Kept {
    std::unique_ptr<const State> state;
    std::uint64_t replaced_at;
  };
  struct Generation {
    std::uint32_t number;
    std::uint64_t published_at;
  };

  [[nodiscard]] bool expire(std::uint64_t now, std::vector<Kept>& dropped) {
    bool changed = false;
    for (; generations_.size() > 1 && now - generations_[1].published_at >= linger_; changed = true) {
      generations_.pop_front();
    }
    for (; !kept_.empty() && now - kept_.back().replaced_at >= linger_; changed = true) {
      dropped.push_back(std::move(kept_.back()));
      kept_.pop_back();
    }
    return changed;
  }
  void publish() {
    auto next = std::make_unique<Published<State>>();
    next->current = current_.get();
    next->settled = generations_.front().number;
    for (std::size_t i = 0; i < kept_.size(); ++i) next->kept[i] = kept_[i].state.get();
    published_.store(next.get(), std::memory_order_release);
    quiesce_();
    live_ = std::move(next);
  }

  const std::uint32_t linger_;
  const std::function<void()> quiesce_;
  std::atomic<const Published<State>*> published_{nullptr};
  std::unique_ptr<const State> current_;
  std::deque<Kept> kept_;               // the newest first
  std::deque<Generation> generations_;  // the oldest first: the one that was served `linger` ago, and all since
  std::unique_ptr<const Published<State>> live_;
};

}  // namespace gl
