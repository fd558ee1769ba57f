// What a gateway changes in messages: the fields that an origin server is asked with, and the head of its response as a
// client gets it.
// Units: bytes. Ownership: its own strings. Thread: any, one at a time; the client's. Errors: by value.
// Sources: RFC 9110 sections 7.6.1 (Connection), 7.6.3 (Via), 8.6 (Content-Length); RFC 9112 sections 2.2, 5.1, 5.2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/services/http/request.h"

namespace gl::http {

using Fields = std::vector<std::pair<std::string, std::string>>;

// The end-to-end fields of `request`, which `parsed` was read from, but for Host; with Via and X-Forwarded-For, which
// name us and the client.
[[nodiscard]] Fields fields_to_ask_with(Bytes request, std::string_view client);

// The head of a response, taken line by line.
class ResponseHead {
 public:
  static constexpr std::size_t kMaxBytes = 8192;

  // One line with its end, the status line first; an interim response before the final one is passed over. False: no
  // HTTP, or too long.
  [[nodiscard]] bool take(std::string_view line);
  // The empty line behind the fields of a final response has come; what follows is no part of it.
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  [[nodiscard]] std::uint16_t status() const noexcept { return status_; }
  // Content-Length; nothing where there is none.
  [[nodiscard]] std::optional<std::uint64_t> length() const noexcept { return length_; }

  // As it goes to the client of `request`: hop-by-hop fields are gone, Content-Length is `body`, where the response has
  // one, and there is a Date.
  [[nodiscard]] std::string render(const Request& request, std::size_t body, std::int64_t unix_time) const;

 private:
  [[nodiscard]] bool begin(std::string_view line);
  [[nodiscard]] bool note_framing(std::string_view name, std::string_view value);
  [[nodiscard]] std::optional<std::string_view> value(std::string_view name) const noexcept;

  std::uint16_t status_ = 0;
  std::string reason_;
  Fields fields_;
  std::size_t bytes_ = 0;
  std::optional<std::uint64_t> length_;
  bool http10_ = false;
  bool begun_ = false;
  bool complete_ = false;
};

}  // namespace gl::http
