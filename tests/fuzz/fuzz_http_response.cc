// Heads of responses from a server behind, line by line, and what clients get of them: whatever the server says, a
// client reads one head with one length, and nothing behind it.
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>

#include "lib/services/http/origin_message.h"
#include "tests/fuzz/check.h"

namespace {

using gl::fuzz::check;

std::string lowered(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

void check_client_reads(const std::string& head, const gl::http::Request& request, std::size_t body) {
  check(head.ends_with("\r\n\r\n") && head.find("\r\n\r\n") == head.size() - 4, "one head, and nothing behind it");
  check(head.starts_with("HTTP/1.1 ") && head.size() > 13, "a status line");
  unsigned lengths = 0;
  std::size_t at = head.find("\r\n") + 2;
  while (at < head.size() - 2) {
    const std::size_t end = head.find("\r\n", at);
    const std::string line = head.substr(at, end - at);
    at = end + 2;
    const std::size_t colon = line.find(':');
    check(colon != std::string::npos && colon > 0 && line[0] != ' ' && line[0] != '\t', "each line a field");
    check(std::ranges::none_of(line, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }),
          "without an end inside");
    const std::string name = lowered(line.substr(0, colon));
    check(name != "transfer-encoding" && name != "keep-alive" && name != "upgrade", "no field of one connection");
    if (name == "connection") check(request.close || request.http10, "but ours");
    if (name == "content-length") {
      ++lengths;
      if (request.method == gl::http::Method::get && head.compare(9, 3, "304") != 0) {
        check(line.substr(colon + 2) == std::to_string(body), "the length is that of the body");
      }
    }
  }
  check(lengths <= 1, "one length");
  const bool may_lack = head.compare(9, 3, "204") == 0 || head.compare(9, 3, "304") == 0;
  if (request.method == gl::http::Method::get && !may_lack) check(lengths == 1, "and there is one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  gl::http::Request request;
  request.method = (data[0] & 1) != 0 ? gl::http::Method::head : gl::http::Method::get;
  request.close = (data[0] & 2) != 0;
  request.http10 = (data[0] & 4) != 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  gl::http::ResponseHead head;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (!head.take(text.substr(at, end - at))) return 0;
    at = end;
  }
  if (head.complete()) check_client_reads(head.render(request, 1234, 784111777), request, 1234);
  // A request's fields, however they look, become fields.
  for (const auto& [name, value] : gl::http::fields_to_ask_with({data, size}, "192.0.2.1")) {
    check(name.find('\n') == std::string::npos && value.find('\n') == std::string::npos, "a field is one line");
  }
  return 0;
}
