// The simulation's service: requests that name the lengths of their answers, before and after a change of the zone.
// A request's text is "Q LENGTH LENGTH_AFTER NUMBER ...\n" behind a length prefix. Answers of both versions differ in
// every byte, or, where the text says "same", in none: so splicing shows. A slow service has an answer only some time
// after it was first asked, as one that asks others has. Byte order: wire. Ownership: none. Thread:
// one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/service/stream_service.h"
#include "tests/sim/packet.h"
#include "tests/sim/random.h"
#include "tests/sim/reader.h"

namespace gl::sim {

struct Query {
  std::size_t query_length = 0;  // with its prefix
  std::size_t answer_length = 0;
  std::size_t answer_length_after = 0;  // the change of the zone
  bool same_after = true;
};

class SimService final : public StreamService {
 public:
  explicit SimService(std::size_t largest_reply) : StreamService(2), largest_reply_(largest_reply) {}

  // Answers take up to `limit_ms`, each its own time by `seed`; there are fewer than kMaxQueries of them.
  void be_slow(std::uint64_t limit_ms, std::uint64_t seed) {
    slow_ms_ = limit_ms;
    random_ = Random(seed);
    ready_at_.assign(kMaxQueries, 0);
  }
  static constexpr std::size_t kMaxQueries = 4096;
  // When the answer will be there that was last said to be pending.
  [[nodiscard]] std::uint64_t pending_until() const noexcept { return pending_until_; }

  void change() noexcept { changed_ = true; }
  void give_long_answers() noexcept { long_answers_ = true; }

  void begin_burst(std::uint64_t now_ms) noexcept { now_ms_ = now_ms; }
  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override;
  [[nodiscard]] Answer answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  [[nodiscard]] std::size_t read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept override;
  [[nodiscard]] bool has_long_answers() const noexcept override { return long_answers_; }
  [[nodiscard]] bool still_has(const Answer& answer) const noexcept override {
    return answer.identity == 0 || !changed_;
  }
  [[nodiscard]] bool may_close() const noexcept override { return long_answers_; }
  [[nodiscard]] bool takes_time() const noexcept override { return slow_ms_ != 0; }
  void prepare(Bytes request, const RequestContext& context) noexcept override;
  [[nodiscard]] std::size_t largest_answer() const noexcept override { return largest_reply_; }

 private:
  [[nodiscard]] bool ready(std::size_t number) noexcept;

  std::size_t largest_reply_;
  bool changed_ = false;
  bool long_answers_ = false;
  std::uint64_t now_ms_ = 0;
  std::uint64_t slow_ms_ = 0;
  std::uint64_t pending_until_ = 0;
  Random random_{0};
  std::vector<std::uint64_t> ready_at_;  // by the query's number; 0: not asked yet
};

// What the client has to say, and what it is to read.
struct Streams {
  ByteString client;
  std::vector<ByteString> answers;        // one a query
  std::vector<ByteString> answers_after;  // the same, after the change
  std::size_t largest = 0;
  std::size_t total = 0;  // bytes of `answers`
};
[[nodiscard]] Streams make_streams(std::span<const Query> queries);

// The client's application as it cuts answers out of what it reads, each of either version as a whole.
class Reader final : public AnswerReader {
 public:
  explicit Reader(const Streams& streams) : streams_(streams) {}
  void read(Bytes bytes) override;
  [[nodiscard]] std::size_t answers() const override { return answers_; }
  [[nodiscard]] bool complete() const override { return answers_ == streams_.answers.size(); }
  // Whether `bytes` are whole answers, and perhaps the beginning of the next one.
  [[nodiscard]] bool is_prefix(Bytes bytes);
  // Whether they are whole answers.
  [[nodiscard]] bool at_boundary(Bytes bytes) const { return bytes.size() == place_; }

 private:
  const Streams& streams_;
  std::size_t answers_ = 0;
  std::size_t place_ = 0;
};

}  // namespace gl::sim
