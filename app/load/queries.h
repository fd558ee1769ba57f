// The questions, rendered once: DNS messages with their two-byte TCP prefix (RFC 1035 sections 4.1, 4.2.2), an HTTP
// request (RFC 9112 section 3), or the datagram of another protocol.
// Byte order: wire, identifiers 0. Ownership: one block of bytes for all of them. Thread: read-only once built.
// Errors: one line naming the file and line.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "app/load/checksum.h"
#include "app/load/options.h"
#include "lib/base/result.h"

namespace gl::load {

struct alignas(64) Query {
  static constexpr std::size_t kMost = 2 + 12 + 255 + 4 + 11 + 36;  // the rest is for copies of whole blocks
  Sum stream_sum = 0;                                               // of prefix and message
  Sum datagram_sum = 0;                                             // of the message alone
  enum class Kind : std::uint8_t { dns, http, datagram };
  static constexpr std::uint16_t kNoId = 0xffff;
  Kind kind = Kind::dns;
  bool answered = true;             // false: an exchange is over when it has been sent
  std::uint8_t ack_length = 0;      // of what acknowledges the answer; 0: nothing does
  std::uint16_t id_at = 0;          // where the message has the exchange's number, two bytes at an even offset
  std::uint16_t answer_id_at = 0;   // and its answer; kNoId: it has none
  std::uint16_t answer_length = 0;  // of another protocol, where it is always the same; 0: it is not
  std::uint16_t stream_length = 0;  // over TCP
  std::uint16_t message_length = 0;
  std::uint16_t question_length = 0;  // name, type and class
  std::uint8_t stream[kMost] = {};
  std::array<std::uint8_t, 32> ack = {};
  [[nodiscard]] const std::uint8_t* message() const noexcept { return stream + 2; }
  [[nodiscard]] const std::uint8_t* question() const noexcept { return stream + 14; }
  [[nodiscard]] bool has_id() const noexcept { return id_at != kNoId; }
  [[nodiscard]] bool has_answer_id() const noexcept { return answer_id_at != kNoId; }
};

using Queries = std::vector<Query>;

// From `file` where it is given, else the one question "name/type".
[[nodiscard]] Result<Queries> render_queries(const std::string& query, const std::string& file, bool dnssec);
// A GET of `path`.
[[nodiscard]] Result<Queries> render_http(const std::string& path);
// HEX[,id=N][,answer-id=N][,answer=N][,ack=HEX]: a datagram's payload; where it and its answer have two bytes that are
// the exchange's number (offsets); how long the answer is, or `none`, where there is none; and what the client sends to
// where that came from.
[[nodiscard]] Result<Queries> render_datagram(const std::string& text);
// What the options ask for.
[[nodiscard]] inline Result<Queries> render(const Options& o) {
  if (!o.datagram.empty()) return render_datagram(o.datagram);
  return o.http.empty() ? render_queries(o.query, o.queries_file, o.dnssec) : render_http(o.http);
}

}  // namespace gl::load
