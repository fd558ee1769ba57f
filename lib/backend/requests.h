// Which answer each request over TCP was given, so that its repetition gets the same bytes. A fixed table of sets, by
// the request's tag; the oldest of a set makes room. Any entry may vanish: then a begun answer cannot be continued.
// Units: milliseconds, modulo 2^32. Ownership: the core's. Thread: that core only. Errors: by value.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lib/backend/answer_store.h"

namespace gl::backend {

struct Request {
  static constexpr std::uint64_t kNothing = ~std::uint64_t{0};
  static constexpr std::uint64_t kFailed = std::uint64_t{1} << 63;  // and the Failure below it

  std::uint64_t tag = 0;           // 0: free
  std::uint64_t asked_at = 0;      // the head of the store's log when it was first asked
  std::uint64_t given = kNothing;  // where its answer lies, or kFailed and why
  std::uint32_t time_ms = 0;       // when it was asked; from the first answer on: when that was given
  std::uint32_t age_s = 0;         // of the answer, as it was given

  [[nodiscard]] bool was_given() const noexcept { return given != kNothing; }
  [[nodiscard]] Failure failure() const noexcept {
    return was_given() && (given & kFailed) != 0 ? static_cast<Failure>(given & 0xff) : Failure::none;
  }
  [[nodiscard]] std::uint32_t since(std::uint64_t now_ms) const noexcept {
    return static_cast<std::uint32_t>(now_ms) - time_ms;
  }
  void give(std::uint64_t at, std::uint32_t age, std::uint64_t now_ms) noexcept {
    given = at;
    age_s = age;
    time_ms = static_cast<std::uint32_t>(now_ms);
  }
  void give(Failure failure, std::uint64_t now_ms) noexcept {
    give(kFailed | static_cast<std::uint64_t>(failure), 0, now_ms);
  }
};
static_assert(sizeof(Request) == 32);

class Requests {
 public:
  explicit Requests(std::size_t entries);
  [[nodiscard]] Request* find(std::uint64_t tag) noexcept;
  // It will be looked for soon.
  void prefetch(std::uint64_t tag) const noexcept {
    const Set& set = sets_[tag & (sets_.size() - 1)];
    __builtin_prefetch(&set.requests[0]);
    __builtin_prefetch(&set.requests[kWays / 2]);
  }
  // A new one, or this one from the start.
  [[nodiscard]] Request& enter(std::uint64_t tag, std::uint64_t asked_at, std::uint64_t now_ms) noexcept;

 private:
  static constexpr std::size_t kWays = 4;
  struct alignas(64) Set {
    std::array<Request, kWays> requests;  // two cache lines
  };
  [[nodiscard]] Request* set_of(std::uint64_t tag) noexcept { return sets_[tag & (sets_.size() - 1)].requests.data(); }
  std::vector<Set> sets_;
};

}  // namespace gl::backend
