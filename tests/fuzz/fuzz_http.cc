// HTTP requests cut out of a stream: held against a second reader that splits text into lines and fields first, and
// shares no code with the one under test. Paths likewise.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/services/http/negotiate.h"
#include "lib/services/http/request.h"
#include "tests/fuzz/check.h"

namespace {

using gl::fuzz::check;
using gl::http::Parsed;

using Lines = std::vector<std::string>;

// The lines of the header section at the front, and where it ends; nothing where its end has not come.
std::optional<std::pair<Lines, std::size_t>> split_head(const std::string& stream) {
  const std::size_t begin = stream.starts_with("\r\n") ? 2 : 0;
  const std::size_t end = stream.find("\r\n\r\n", begin);
  if (end == std::string::npos) return std::nullopt;
  Lines lines;
  for (std::size_t at = begin; at <= end;) {
    const std::size_t next = stream.find("\r\n", at);
    lines.push_back(stream.substr(at, next - at));
    at = next + 2;
  }
  return std::pair(lines, end + 4);
}

std::string lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// What a request must be for a server to believe where it ends.
void check_accepted(const std::string& stream, const Parsed& parsed) {
  const auto head = split_head(stream);
  check(head.has_value(), "an accepted request has an end");
  const auto& [lines, end] = *head;
  check(parsed.length == end, "a request ends with its first empty line");
  const std::string& first = lines[0];
  check(std::count(first.begin(), first.end(), ' ') == 2, "a request line is three words");
  check(first.substr(first.size() - 8, 7) == "HTTP/1.", "it is HTTP/1");
  unsigned hosts = 0;
  unsigned lengths = 0;
  unsigned encodings = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const char c : lines[i]) {
      check(static_cast<unsigned char>(c) >= ' ' || c == '\t', "no control character is taken");
      check(c != '\x7f', "nor DEL");
    }
    if (i == 0) continue;
    const std::size_t colon = lines[i].find(':');
    check(colon != std::string::npos && colon > 0, "a field has a name");
    const std::string name = lowered(lines[i].substr(0, colon));
    check(name.find_first_of(" \t\"(),/;<=>?@[\\]{}") == std::string::npos, "a field's name is a token");
    hosts += name == "host" ? 1u : 0u;
    lengths += name == "content-length" ? 1u : 0u;
    encodings += name == "transfer-encoding" ? 1u : 0u;
  }
  check(hosts == 1 || (hosts == 0 && parsed.request.http10), "one Host");
  check(lengths + encodings <= 1, "one statement about a body");
  check(encodings == 0 || parsed.request.has_body, "a coded body is one");
}

void check_request(const std::string& stream, const Parsed& parsed) {
  const gl::Bytes bytes(reinterpret_cast<const std::uint8_t*>(stream.data()), stream.size());
  if (parsed.kind == Parsed::Kind::incomplete) {
    const auto head = split_head(stream);
    check(!head || head->second > gl::http::kMaxRequest, "what has an end is not waited for");
    check(stream.size() < gl::http::kMaxRequest, "nor is more than our window");
    return;
  }
  check(parsed.length > 0 && parsed.length <= stream.size(), "a request lies in the stream");
  const Parsed exact = gl::http::parse_request(bytes.first(parsed.length));
  check(exact.kind == parsed.kind && exact.length == parsed.length && exact.status == parsed.status,
        "a request does not depend on what follows it");
  for (const std::size_t cut : {parsed.length - 1, parsed.length / 2}) {
    check(gl::http::parse_request(bytes.first(cut)).kind == Parsed::Kind::incomplete, "a piece of a request is none");
  }
  if (parsed.kind == Parsed::Kind::complete) check_accepted(stream.substr(0, parsed.length), parsed);
  check(parsed.kind == Parsed::Kind::complete || parsed.status >= 400, "who is refused is told why");
}

// Decoded, split and put together again.
std::string slow_path(const std::string& path) {
  std::string decoded;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '%') {
      decoded += path[i];
      continue;
    }
    if (i + 2 >= path.size() || std::isxdigit(static_cast<unsigned char>(path[i + 1])) == 0 ||
        std::isxdigit(static_cast<unsigned char>(path[i + 2])) == 0)
      return {};
    decoded += static_cast<char>(std::stoi(path.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  if (decoded.find('\0') != std::string::npos || decoded.empty() || path[0] != '/') return {};
  Lines kept;
  bool directory = false;
  for (std::size_t at = 0; at < decoded.size();) {
    const std::size_t end = std::min(decoded.find('/', at + 1), decoded.size());
    const std::string segment = decoded.substr(at + 1, end - at - 1);
    directory = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (kept.empty()) return {};
      kept.pop_back();
    } else if (!directory) {
      kept.push_back(segment);
    }
    at = end;
  }
  std::string result;
  for (const std::string& segment : kept) result += "/" + segment;
  return directory ? result + "/" : result;
}

void check_path(std::string_view path) {
  std::array<char, gl::http::kMaxTarget> room;
  const std::string fast(gl::http::decode_path(path, room));
  check(fast == (path.size() > room.size() ? std::string() : slow_path(std::string(path))), "a path is what it says");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string stream(reinterpret_cast<const char*>(data), size);
  if (!stream.empty() && stream[0] == '/') check_path(stream);
  while (!stream.empty()) {
    const Parsed parsed =
        gl::http::parse_request({reinterpret_cast<const std::uint8_t*>(stream.data()), stream.size()});
    check_request(stream, parsed);
    if (parsed.kind != Parsed::Kind::complete) break;
    const gl::http::Request& r = parsed.request;
    if (r.path != "*") check_path(r.path);
    for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}}) {
      const gl::http::ByteRange range = gl::http::parse_range(r.range, length);
      check(range.kind != gl::http::ByteRange::Kind::part ||
                (range.length > 0 && range.first < length && range.length <= length - range.first),
            "a part lies in the file");
    }
    gl::files::File file;
    file.etag = "\"e\"";
    file.modified = 784111777;
    for (auto& coded : file.coded) coded = std::make_shared<gl::files::File>();
    (void)gl::http::choose_coding(file, r.accept_encoding);
    (void)gl::http::check_conditions(r, file);
    (void)gl::http::range_applies(r, file);
    stream.erase(0, parsed.length);
  }
  return 0;
}
