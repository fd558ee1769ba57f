// What is asked through a forwarding node, what the backends say, and what a client may read then. Every
// record of an answer carries the number of its version, and its bytes follow from it: so splicing of two shows.
// Byte order: wire in messages. Units: milliseconds of simulated time, TTLs seconds. Ownership: values. Thread: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/packet.h"
#include "tests/sim/random.h"
#include "tests/sim/reader.h"

namespace gl::sim {

// What lies under one name.
struct Topic {
  enum class Kind : std::uint8_t { question, update, notify, transfer };
  Kind kind = Kind::question;
  ByteString name;  // wire form, lower case; its first label is the topic's number
  std::size_t records = 0;
  std::size_t record_size = 8;  // of a record's data, bytes
  bool grows = false;           // versions differ in their number of records too
  std::size_t messages = 1;     // of a transfer

  [[nodiscard]] std::size_t records_of(std::uint32_t version) const { return records + (grows ? version % 3 : 0); }
  // The longest answer with its length prefix.
  [[nodiscard]] std::size_t longest_answer() const;
};
[[nodiscard]] Topic make_topic(Random& random, Topic::Kind kind, std::size_t number, std::size_t length);

// One request of a client.
struct ForwardRequest {
  std::size_t topic = 0;
  bool edns = false;
  std::uint16_t payload = 1232;  // of its OPT
  ByteString message;            // without length prefix
};
[[nodiscard]] ForwardRequest make_request(Random& random, const std::vector<Topic>& topics, std::size_t topic);

// What was said about a topic, and when.
struct Said {
  std::uint32_t version = 0;
  std::uint32_t ttl = 0;
  std::uint64_t at_ms = 0;
  bool servfail = false;
};
struct History {
  const std::vector<Topic>& topics;
  std::vector<std::vector<Said>> said;
  std::uint64_t now_ms = 0;
  explicit History(const std::vector<Topic>& all) : topics(all), said(all.size()) {}
};

// The topic that a query is about, by its first label; nothing for any other name.
[[nodiscard]] std::optional<std::size_t> topic_of(Bytes query);
// The reply of a name server: a DNS message, or those of a transfer, each behind its length prefix.
[[nodiscard]] ByteString make_reply(const Topic& topic, Bytes query, const Said& said);
[[nodiscard]] ByteString make_truncated(Bytes query);

// Whether `bytes` are an answer to this request, or with `whole` false its beginning. `stream`: behind its length.
[[nodiscard]] bool is_answer(const History& history, const ForwardRequest& request, Bytes bytes, bool whole,
                             bool stream);

class ForwardReader final : public AnswerReader {
 public:
  ForwardReader(const History& history, const std::vector<ForwardRequest>& requests)
      : history_(history), requests_(requests) {}
  void read(Bytes bytes) override;
  [[nodiscard]] std::size_t answers() const override { return answers_; }
  [[nodiscard]] bool complete() const override { return answers_ == requests_.size(); }
  [[nodiscard]] bool is_prefix(Bytes bytes);
  // What it read last was no answer: it reads no further.
  [[nodiscard]] bool is_wrong() const { return wrong_; }
  [[nodiscard]] bool at_boundary(Bytes bytes) const { return bytes.size() == place_; }

 private:
  const History& history_;
  const std::vector<ForwardRequest>& requests_;
  std::size_t answers_ = 0;
  std::size_t place_ = 0;
  bool wrong_ = false;
};

}  // namespace gl::sim
