// What is read from files and published to the cores: the newest state, and for a while those before it, from which
// begun answers are finished.
// Units: seconds of a monotonic clock. Ownership: Versions owns all states; a state is freed when no core can hold it.
// Thread: main core; readers load Published through the atomic pointer and hold it until their quiescent state.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
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

  // Whether what has been so since generation `since` was so during all of the last `linger` seconds: because it is as
  // old as that, or because every state of that time is still kept and says the same. `earlier(state)` gives the
  // generation since which it was so in that state; nothing where it was otherwise.
  template <class Earlier>
  [[nodiscard]] bool was_always(std::uint32_t since, Earlier&& earlier) const noexcept {
    for (const State* const state : kept) {
      if (since <= settled || state == nullptr) break;
      if (state->generation() >= since) continue;  // the same version
      const std::optional<std::uint32_t> before = earlier(*state);
      if (!before) return false;
      since = *before;
    }
    return since <= settled;
  }
};

template <class State>
class Versions {
 public:
  // How many of the states before, the newest first, are worth their memory beside the current one.
  using Worth = std::function<std::size_t(const State& current, std::span<const State* const> before)>;

  // `published` is borrowed. `quiesce` returns when no core holds what was published before the call. Without `worth`
  // there are as many as may be kept.
  Versions(std::uint32_t linger_seconds, std::atomic<const Published<State>*>& published, std::function<void()> quiesce,
           Worth worth = {})
      : linger_(linger_seconds), published_(published), quiesce_(std::move(quiesce)), worth_(std::move(worth)) {}
  Versions(const Versions&) = delete;
  Versions& operator=(const Versions&) = delete;
  ~Versions() { published_.store(nullptr, std::memory_order_release); }

  [[nodiscard]] const State* current() const noexcept { return current_.get(); }

  // A state of the same generation says the same: nobody needs the one before.
  void replace(std::unique_ptr<const State> next, std::uint64_t now) {
    std::vector<Kept> dropped;
    auto before = std::exchange(current_, std::move(next));
    if (before == nullptr || before->generation() != current_->generation()) {
      generations_.push_back({current_->generation(), now});
      if (before != nullptr) kept_.push_front({std::move(before), now});
    }
    (void)expire(now, dropped);
    limit_kept(dropped);
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
  void limit_kept(std::vector<Kept>& dropped) {
    std::vector<const State*> before;
    for (const Kept& kept : kept_) before.push_back(kept.state.get());
    const std::size_t worth = worth_ ? worth_(*current_, before) : before.size();
    const std::size_t count = std::min(worth, kMaxKeptVersions);
    for (; kept_.size() > count; kept_.pop_back()) dropped.push_back(std::move(kept_.back()));
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
  std::atomic<const Published<State>*>& published_;
  const std::function<void()> quiesce_;
  const Worth worth_;
  std::unique_ptr<const State> current_;
  std::deque<Kept> kept_;               // the newest first
  std::deque<Generation> generations_;  // the oldest first: the one that was served `linger` ago, and all since
  std::unique_ptr<const Published<State>> live_;
};

}  // namespace gl
