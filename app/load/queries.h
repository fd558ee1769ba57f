// The questions, rendered once: DNS messages with their two-byte TCP prefix (RFC 1035 sections 4.1, 4.2.2), or an HTTP
// request (RFC 9112 section 3).
// Byte order: wire, identifiers 0. Ownership: one block of bytes for all of them. Thread: read-only once built.
// Errors: one line naming the file and line.
#pragma once

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
  bool http = false;
  std::uint16_t stream_length = 0;  // over TCP
  std::uint16_t message_length = 0;
  std::uint16_t question_length = 0;  // name, type and class
  std::uint8_t stream[kMost] = {};
  [[nodiscard]] const std::uint8_t* message() const noexcept { return stream + 2; }
  [[nodiscard]] const std::uint8_t* question() const noexcept { return stream + 14; }
};

using Queries = std::vector<Query>;

// From `file` where it is given, else the one question "name/type".
[[nodiscard]] Result<Queries> render_queries(const std::string& query, const std::string& file, bool dnssec);
// A GET of `path`.
[[nodiscard]] Result<Queries> render_http(const std::string& path);
// What the options ask for.
[[nodiscard]] inline Result<Queries> render(const Options& o) {
  return o.http.empty() ? render_queries(o.query, o.queries_file, o.dnssec) : render_http(o.http);
}

}  // namespace gl::load
