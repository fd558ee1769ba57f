#include "tests/golden/scripted_service.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string_view>

#include "lib/base/endian.h"

namespace gl::golden {
namespace {

// What ends a request's text: with a length prefix too, so that a bare one (its prefix consumed) shows its end.
constexpr std::string_view kBlankLine = "\r\n\r\n";
constexpr std::string_view kNewline = "\n";
constexpr std::size_t kPrefix = 2;

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const char* word_of(ScriptedQuery::Kind kind) {
  switch (kind) {
    case ScriptedQuery::Kind::close:
      return "close";
    case ScriptedQuery::Kind::silent:
      return "silent";
    case ScriptedQuery::Kind::reject:
      return "reject";
    default:
      return "answer";
  }
}

// Bytes that differ from place to place, from request to request and from version to version.
void fill(MutableBytes out, std::string_view request, std::uint8_t version) {
  std::uint32_t state = 2166136261u + version;
  for (const char c : request) state = (state ^ static_cast<std::uint8_t>(c)) * 16777619u;
  for (std::uint8_t& byte : out) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(state >> 24);
  }
}

}  // namespace

ByteString make_query(const ScriptedQuery& query, unsigned number, Framing framing) {
  ByteString bytes(query.query_length, 0);
  if (query.kind == ScriptedQuery::Kind::broken) return bytes;  // a length prefix of zero starts no request
  const std::size_t head = framing == Framing::length_prefix ? kPrefix : 0;
  const std::string_view tail = framing == Framing::blank_line ? kBlankLine : kNewline;
  std::string text =
      std::to_string(query.answer_length) + ' ' + word_of(query.kind) + ' ' + std::to_string(number) + ' ';
  if (head + text.size() + tail.size() > bytes.size()) throw std::runtime_error("query too short for its script");
  text.resize(bytes.size() - head - tail.size(), '.');
  text += tail;
  if (head != 0) store_be(bytes.data(), static_cast<std::uint16_t>(text.size()));
  std::copy(text.begin(), text.end(), bytes.begin() + static_cast<std::ptrdiff_t>(head));
  return bytes;
}

Framed ScriptedService::next_request(Bytes stream, bool prefix_consumed) const noexcept {
  if (framing_ == Framing::blank_line) {
    const std::size_t end = text_of(stream).find(kBlankLine);
    if (end == std::string_view::npos) return {};
    return {Framed::Kind::complete, stream.first(end), end + kBlankLine.size()};
  }
  if (prefix_consumed) {
    // Like a DNS message, a bare request cannot be mistaken for one with its prefix: it begins with a digit.
    if (stream.front() < '0' || stream.front() > '9') return {Framed::Kind::malformed, {}, 0};
    const std::size_t end = text_of(stream).find(kNewline);
    if (end == std::string_view::npos) return {};
    return {Framed::Kind::complete, stream.first(end + 1), end + 1};
  }
  if (stream.size() < kPrefix) return {};
  const std::size_t length = load_be<std::uint16_t>(stream.data());
  if (length == 0) return {Framed::Kind::malformed, {}, 0};
  if (stream.size() == kPrefix) return {Framed::Kind::prefix_only, {}, 0};
  if (stream.size() < kPrefix + length) return {};
  return {Framed::Kind::complete, stream.subspan(kPrefix, length), kPrefix + length};
}

Answer ScriptedService::answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  if (waiting_) return {Answer::Kind::pending};
  const std::string_view text = text_of(request);
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc{} || length > out.size() || rest.starts_with(" reject")) return {Answer::Kind::malformed};
  if (rest.starts_with(" silent")) return {Answer::Kind::silent};
  if (context.continuation && version_ != 0) return {Answer::Kind::unrepeatable};
  fill(out.first(length), text, version_);
  return {Answer::Kind::answered, length, rest.starts_with(" close")};
}

}  // namespace gl::golden
