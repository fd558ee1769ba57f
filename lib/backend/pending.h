// Questions in flight: a fixed table of slots, found by query ID (replies), by question (merging) and by age
// (time-outs). Behind the slots of questions there is one for the health check of each backend.
// Byte order: messages as on the wire, IDs and ports host. Units: microseconds. Ownership: the core's; a slot keeps a
// copy of the client's message, from which every try is written. Thread: that core only. Errors: by value.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "lib/backend/answer_store.h"
#include "lib/backend/client_query.h"
#include "lib/backend/flow_tag.h"
#include "lib/backend/random_stream.h"
#include "lib/backend/waiters.h"

namespace gl::backend {

struct Question {
  enum class State : std::uint8_t { idle, udp, tcp, waits_for_tcp };
  static constexpr std::size_t kMaxQuery = 512;

  State state = State::idle;
  bool health = false;        // ours
  bool wanted_whole = false;  // somebody who asks over a stream: a reply with TC is no answer
  bool is_signed = false;
  bool transfer = false;
  bool plain = false;  // without EDNS, which the backend did not understand
  std::uint8_t tries = 0;
  std::uint8_t flow_length = 0;
  std::uint8_t backend = 0;
  std::uint8_t pool = 0;
  std::uint16_t id = 0;
  std::uint16_t source_port = 0;
  std::uint16_t generation = 0;      // of the slot's use: a TCP job that comes back too late is told apart
  std::uint16_t non_idempotent = 0;  // entry in the table of NonIdempotentRequests
  std::uint16_t query_length = 0;
  std::uint16_t share = 0;  // where it counts in Shares
  std::uint32_t tried = 0;  // backends, a bit each
  std::uint32_t avoid = 0;  // likewise, while it waits for a job
  std::uint32_t next = 0;
  std::uint32_t previous = 0;
  std::uint32_t next_in_bucket = 0;
  std::uint64_t sent_us = 0;
  std::uint64_t tap_cycles = 0;  // when it was told to be sent; 0: it was not told
  QuestionKey key{};
  WaiterChain waiters;
  std::array<std::uint8_t, kMaxFlow> flow;
  std::array<std::uint8_t, kMaxQuery> query;  // the client's message; longer ones go over TCP at once

  [[nodiscard]] Bytes message() const noexcept { return {query.data(), query_length}; }
  [[nodiscard]] Bytes flow_bytes() const noexcept { return {flow.data(), flow_length}; }
};

class Pending {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;
  // Oldest first: all in one list have the same time-out.
  struct List {
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
  };

  Pending(std::size_t slots, std::size_t backends);

  [[nodiscard]] Question& operator[](std::uint32_t i) noexcept { return questions_[i]; }
  [[nodiscard]] std::uint32_t take() noexcept;  // kNone: full
  // Whether only the last quarter is free.
  [[nodiscard]] bool is_crowded() const noexcept { return free_count_ <= slots_ / 4; }
  void release(std::uint32_t i) noexcept;
  [[nodiscard]] std::uint32_t health_slot(unsigned backend) const noexcept {
    return static_cast<std::uint32_t>(slots_ + backend);
  }
  [[nodiscard]] bool is_slot(std::uint32_t i) const noexcept { return i < questions_.size(); }

  [[nodiscard]] std::uint32_t find(const QuestionKey& key) const noexcept;
  void enter_key(std::uint32_t i) noexcept;
  void leave_key(std::uint32_t i) noexcept;

  [[nodiscard]] std::uint32_t find_id(std::uint16_t id) const noexcept { return by_id_[id]; }
  // A random ID that no other question of this core has.
  void draw_id(std::uint32_t i, RandomStream& random) noexcept;
  void drop_id(std::uint32_t i) noexcept { by_id_[questions_[i].id] = kNone; }

  void append(List& list, std::uint32_t i) noexcept;
  void remove(List& list, std::uint32_t i) noexcept;

 private:
  [[nodiscard]] std::size_t bucket(const QuestionKey& key) const noexcept { return key[0] & (buckets_.size() - 1); }

  std::size_t slots_;
  std::vector<Question> questions_;
  std::vector<std::uint32_t> buckets_;
  std::vector<std::uint32_t> by_id_;
  std::uint32_t free_ = kNone;
  std::size_t free_count_ = 0;
};

}  // namespace gl::backend
