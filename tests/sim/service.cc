#include "tests/sim/service.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <string_view>

#include "lib/base/endian.h"
#include "tests/sim/random.h"

namespace gl::sim {
namespace {

constexpr std::size_t kPrefix = 2;
constexpr std::string_view kStart = "Q ";
constexpr std::size_t kPattern = 1u << 17;

// Noise from which every answer takes its bytes, from a place of its own.
const std::vector<std::uint8_t>& pattern() {
  static const std::vector<std::uint8_t> bytes = [] {
    Random random(1);
    std::vector<std::uint8_t> noise(2 * kPattern);
    for (std::uint8_t& byte : noise) byte = static_cast<std::uint8_t>(random.next());
    return noise;
  }();
  return bytes;
}

struct Script {
  std::array<std::size_t, 2> lengths{};
  std::size_t number = 0;
  bool same = false;
  bool valid = false;
};

Script read_script(std::string_view text) {
  Script script;
  if (!text.starts_with(kStart)) return script;
  const char* at = text.data() + kStart.size();
  const char* const end = text.data() + text.size();
  for (std::size_t& length : script.lengths) {
    const auto [next, error] = std::from_chars(at, end, length);
    if (error != std::errc{} || next == end) return script;
    at = next + 1;
  }
  script.same = at != end && *at == 's';
  while (at != end && *at != ' ') ++at;
  if (at != end) ++at;
  if (std::from_chars(at, end, script.number).ec != std::errc{}) return script;
  script.valid = true;
  return script;
}

// Any two answers differ in their first bytes: the place depends on the whole text, and on the version.
std::size_t place_of(std::string_view text, bool after) {
  std::uint32_t hash = after ? 0x9dc5811cu : 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619u;
  return hash % kPattern;
}

// The bytes of an answer that begins at `place`, from `offset` on. A long one comes round again, but never at a power
// of two.
void fill(MutableBytes out, std::size_t place, std::uint64_t offset) {
  constexpr std::size_t kRound = 120'011;
  for (std::size_t done = 0; done < out.size();) {
    const std::size_t at = (offset + done) % kRound;
    const std::size_t length = std::min(out.size() - done, kRound - at);
    std::memcpy(out.data() + done, pattern().data() + place + at, length);
    done += length;
  }
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ByteString make_query(const Query& query, std::size_t number) {
  std::string text = std::string(kStart) + std::to_string(query.answer_length) + ' ' +
                     std::to_string(query.answer_length_after) + ' ' + (query.same_after ? "same " : "differs ") +
                     std::to_string(number) + ' ';
  text.resize(query.query_length - kPrefix - 1, '.');
  text += '\n';
  ByteString bytes(kPrefix);
  store_be(bytes.data(), static_cast<std::uint16_t>(text.size()));
  bytes.insert(bytes.end(), text.begin(), text.end());
  return bytes;
}

ByteString answer_to(Bytes query, std::size_t length, bool after) {
  ByteString answer(length);
  fill(answer, place_of(text_of(query.subspan(kPrefix)), after), 0);
  return answer;
}

}  // namespace

Framed SimService::next_request(Bytes stream, bool prefix_consumed) const noexcept {
  if (prefix_consumed) {
    // Like a DNS message, a bare request is not mistaken for one with its prefix, nor for the end of another.
    if (!text_of(stream).starts_with(kStart)) {
      return {kStart.starts_with(text_of(stream)) ? Framed::Kind::incomplete : Framed::Kind::malformed, {}, 0};
    }
    const std::size_t end = text_of(stream).find('\n');
    if (end == std::string_view::npos) return {};
    return {Framed::Kind::complete, stream.first(end + 1), end + 1};
  }
  if (stream.size() < kPrefix) return {};
  const std::size_t length = load_be<std::uint16_t>(stream.data());
  if (length == 0 || length > 4092) return {Framed::Kind::malformed, {}, 0};
  if (stream.size() == kPrefix) return {Framed::Kind::prefix_only, {}, 0};
  if (stream.size() < kPrefix + length) return {};
  return {Framed::Kind::complete, stream.subspan(kPrefix, length), kPrefix + length};
}

Answer SimService::answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept {
  const std::string_view text = text_of(request);
  const Script script = read_script(text);
  const std::size_t most = long_answers_ && context.any_length ? SIZE_MAX : out.size();
  if (!script.valid || most < script.lengths[0] || most < script.lengths[1]) return {Answer::Kind::malformed};
  if (slow_ms_ != 0 && !ready(script.number)) return {Answer::Kind::pending};
  if (context.continuation && changed_ && !script.same) return {Answer::Kind::unrepeatable};
  const bool after = changed_ && !script.same;
  const std::size_t length = script.lengths[after ? 1 : 0];
  const std::size_t place = place_of(text, after);
  if (length > kMaxRenderedAnswer) {
    Answer answer{Answer::Kind::answered, length, true, script.same ? 0u : 1u, false};
    answer.handle = place;
    return answer;
  }
  fill(out.first(length), place, 0);
  return {Answer::Kind::answered, length, false};
}

std::size_t SimService::read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept {
  const std::size_t length = std::min<std::uint64_t>(out.size(), answer.length - offset);
  fill(out.first(length), answer.handle, offset);
  return length;
}

bool SimService::ready(std::size_t number) noexcept {
  std::uint64_t& at = ready_at_[number % kMaxQueries];
  if (at == 0) at = now_ms_ + 1 + random_.below(slow_ms_);
  if (at <= now_ms_) return true;
  pending_until_ = at;
  return false;
}

void SimService::prepare(Bytes request, const RequestContext&) noexcept {
  const Script script = read_script(text_of(request));
  if (slow_ms_ != 0 && script.valid) static_cast<void>(ready(script.number));
}

Streams make_streams(std::span<const Query> queries) {
  Streams streams;
  for (const Query& query : queries) {
    const ByteString bytes = make_query(query, streams.answers.size());
    streams.client.insert(streams.client.end(), bytes.begin(), bytes.end());
    streams.answers.push_back(answer_to(bytes, query.answer_length, false));
    streams.answers_after.push_back(query.same_after ? streams.answers.back()
                                                     : answer_to(bytes, query.answer_length_after, true));
    streams.largest = std::max({streams.largest, streams.answers.back().size(), streams.answers_after.back().size()});
    streams.total += query.answer_length;
  }
  return streams;
}

void Reader::read(Bytes bytes) {
  while (!complete()) {
    const Bytes rest = bytes.subspan(place_);
    const auto begins_with = [&rest](const ByteString& answer) {
      return rest.size() >= answer.size() && std::equal(answer.begin(), answer.end(), rest.begin());
    };
    const ByteString& before = streams_.answers[answers_];
    const ByteString& after = streams_.answers_after[answers_];
    if (!begins_with(before) && !begins_with(after)) return;
    place_ += begins_with(before) ? before.size() : after.size();
    ++answers_;
  }
}

bool Reader::is_prefix(Bytes bytes) {
  read(bytes);
  const Bytes rest = bytes.subspan(place_);
  if (complete()) return rest.empty();
  const auto begins = [&rest](const ByteString& answer) {
    return rest.size() <= answer.size() && std::equal(rest.begin(), rest.end(), answer.begin());
  };
  return begins(streams_.answers[answers_]) || begins(streams_.answers_after[answers_]);
}

}  // namespace gl::sim
