// Requests that must not reach a backend twice (UPDATE, NOTIFY): each is remembered from the moment it is sent until a
// minute after its answer, in a table of its own, so that no flood of other questions can make us forget one.
// Units: milliseconds. Ownership: the core's. Thread: that core only. Errors: a full table takes no more.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/backend/answer_store.h"

namespace gl::backend {

struct OnceRequest {
  std::uint64_t tag = 0;                      // 0: free
  std::uint64_t answer = AnswerStore::kNone;  // where it lies; none: in flight
  std::uint64_t done_ms = 0;
  std::uint32_t question = 0;  // the pending slot while in flight
  [[nodiscard]] bool in_flight() const noexcept { return answer == AnswerStore::kNone; }
};

class NonIdempotentRequests {
 public:
  static constexpr std::size_t kEntries = 1024;
  static constexpr std::uint64_t kRememberMs = 60'000;
  static constexpr std::uint16_t kNone = 0xffff;

  NonIdempotentRequests() : entries_(kEntries) {}

  [[nodiscard]] OnceRequest& operator[](std::uint16_t i) noexcept { return entries_[i]; }
  [[nodiscard]] std::uint16_t find(std::uint64_t tag) const noexcept;
  // kNone: full. Datagrams, whose senders may be anybody, have three quarters of it.
  [[nodiscard]] std::uint16_t enter(std::uint64_t tag, std::uint64_t now_ms, bool stream) noexcept;

 private:
  std::vector<OnceRequest> entries_;
};

}  // namespace gl::backend
