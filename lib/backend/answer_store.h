// Answers of the backends, remembered for seconds: one ring of bytes, the oldest is overwritten. An answer is named by
// where it lies in the log, a number that only grows: names are never used again, and "came after" is "greater".
// Units: milliseconds of the forwarder's clock. Ownership: the core's. Thread: that core only. Errors: by value.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/backend/client_query.h"
#include "lib/backend/reply.h"

namespace gl::backend {

// Why a question ended without an answer.
enum class Failure : std::uint8_t { none, timeout, down, full, reply };

struct StoredAnswer {
  KeptReply reply{};
  Failure failure = Failure::none;  // none: `reply` counts
  std::uint64_t completed_ms = 0;
};

class AnswerStore {
 public:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  // `bytes`: at least a MiB. `questions`: how many of them the index holds, about.
  AnswerStore(std::size_t bytes, std::size_t questions);

  // Before the first answer: whoever ran before may have given others.
  void start(std::uint64_t now_ms) noexcept { started_ms_ = now_ms; }

  // Whatever is committed from now on lies here or beyond.
  [[nodiscard]] std::uint64_t head() const noexcept { return head_; }
  [[nodiscard]] bool holds(std::uint64_t at) const noexcept { return at >= floor_ && at < head_; }

  // Room for a reply of `bytes`, at most TcpJob::kMaxReply; what lay there is gone. Then commit(), or nothing.
  [[nodiscard]] MutableBytes reserve(std::size_t bytes) noexcept;
  // `kept` lies in what reserve() gave last. Returns where.
  std::uint64_t commit(const QuestionKey& key, const KeptReply& kept, std::uint64_t now_ms) noexcept;
  std::uint64_t commit_failure(const QuestionKey& key, Failure failure, std::uint64_t now_ms) noexcept;

  // `at`: one that is held.
  [[nodiscard]] StoredAnswer read(std::uint64_t at) const noexcept;
  // The last one of this question that is held, or kNone.
  [[nodiscard]] std::uint64_t newest(const QuestionKey& key) const noexcept;

  // A client was given this one, `age_s` old.
  void note_given(std::uint64_t at, std::uint32_t age_s) noexcept;
  // The age with which the newest was always given, if nobody can have been given other bytes for this question within
  // `doubt_ms`: no other version was there, no question was dropped from its set of the index, and we ran already.
  [[nodiscard]] std::optional<std::uint32_t> only_age(const QuestionKey& key, std::uint64_t now_ms,
                                                      std::uint64_t doubt_ms) const noexcept;

 private:
  // In front of the bytes of an answer.
  struct Header {
    std::uint64_t completed_ms;
    std::uint32_t message_length;
    std::uint32_t options_at;
    std::uint32_t options_length;
    std::uint32_t age_given;
    Failure failure;
    std::uint8_t extended_rcode;
    bool edns, dnssec_ok, verbatim, truncated, framed;
    bool given, several_ages;
  };
  struct Entry {
    QuestionKey key{};
    std::uint64_t at = kNone;
    std::uint64_t completed_ms = 0;
    std::uint64_t changed_ms = 0;  // other bytes may have been given until then
  };
  static constexpr std::size_t kWays = 8;

  [[nodiscard]] std::uint8_t* memory(std::uint64_t at) noexcept { return ring_.data() + at % ring_.size(); }
  [[nodiscard]] const std::uint8_t* memory(std::uint64_t at) const noexcept { return ring_.data() + at % ring_.size(); }
  [[nodiscard]] Header header(std::uint64_t at) const noexcept;
  [[nodiscard]] std::size_t set_of(const QuestionKey& key) const noexcept { return key[0] & (evicted_ms_.size() - 1); }
  [[nodiscard]] const Entry* find(const QuestionKey& key) const noexcept;
  std::uint64_t append(const QuestionKey& key, Header header, std::size_t bytes) noexcept;
  [[nodiscard]] bool same_bytes(std::uint64_t a, const Header& ha, std::uint64_t b, const Header& hb) const noexcept;
  [[nodiscard]] Entry& replaceable(const QuestionKey& key, std::uint64_t now_ms) noexcept;

  std::vector<std::uint8_t> ring_;
  std::vector<Entry> entries_;             // sets of kWays
  std::vector<std::uint64_t> evicted_ms_;  // for each set: when a question was last dropped from it
  std::uint64_t head_ = 0;
  std::uint64_t floor_ = 0;  // what lies before is overwritten
  std::uint64_t started_ms_ = 0;
};

}  // namespace gl::backend
