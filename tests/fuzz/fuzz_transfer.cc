// Zone transfers as a broken or hostile backend may send them (RFC 5936, RFC 1995). Where the walk says that one has
// ended, code that shares nothing with it has to see the zone's SOA at both ends.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/base/endian.h"
#include "lib/dns/types.h"
#include "lib/tcp_client/xfr_parser.h"
#include "tests/fuzz/check.h"

namespace {

using gl::tcp_client::XfrParser;

constexpr std::size_t kPrefix = 2;
constexpr std::uint8_t kZone[] = {1, 'a', 0};

// An AXFR, or an IXFR from this serial number.
std::vector<std::uint8_t> make_query(bool incremental, std::uint32_t serial) {
  std::vector<std::uint8_t> query{0, 1, 0, 0, 0, 1, 0, 0, 0, incremental ? std::uint8_t{1} : std::uint8_t{0}, 0, 0};
  query.insert(query.end(), kZone, kZone + sizeof kZone);
  query.insert(query.end(), {0, incremental ? std::uint8_t{251} : std::uint8_t{252}, 0, 1});
  if (!incremental) return query;
  query.insert(query.end(), {0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0});
  query.resize(query.size() + 20);
  gl::store_be(query.data() + query.size() - 20, serial);
  return query;
}

// The name at `at`, followed through at most so many pointers, all of them backwards; `at` is then behind it.
std::vector<std::uint8_t> read_name(gl::Bytes message, std::size_t& at, int pointers = 64) {
  std::vector<std::uint8_t> name;
  while (at < message.size()) {
    const std::size_t length = message[at++];
    if (length >= 0xc0 && at < message.size()) {
      std::size_t target = length % 64 * 256 + message[at++];
      if (target + 2 >= at || pointers == 0) return {};
      const std::vector<std::uint8_t> rest = read_name(message, target, pointers - 1);
      name.insert(name.end(), rest.begin(), rest.end());
      return name;
    }
    name.push_back(static_cast<std::uint8_t>(length));
    for (std::size_t i = 0; i < length && at < message.size(); ++i) {
      const std::uint8_t byte = message[at++];
      name.push_back(byte >= 'A' && byte <= 'Z' ? static_cast<std::uint8_t>(byte + 32) : byte);
    }
    if (length == 0) return name;
  }
  return name;
}

// Whether each answer of the message is a SOA of the zone.
void read_answers(gl::Bytes message, std::vector<bool>& soas) {
  std::size_t at = gl::dns::kHeaderSize;
  for (unsigned i = gl::load_be<std::uint16_t>(message.data() + 4); i > 0; --i) {
    read_name(message, at);
    at += 4;
  }
  for (unsigned i = gl::load_be<std::uint16_t>(message.data() + 6); i > 0; --i) {
    const std::vector<std::uint8_t> owner = read_name(message, at);
    gl::fuzz::check(at + 10 <= message.size(), "a record lies in its message");
    const bool of_zone = owner == std::vector<std::uint8_t>(kZone, kZone + sizeof kZone);
    soas.push_back(of_zone && gl::load_be<std::uint16_t>(message.data() + at) == gl::dns::rr::soa);
    at += 10U + gl::load_be<std::uint16_t>(message.data() + at + 8);
  }
  gl::fuzz::check(at <= message.size(), "the last record lies in its message");
}

// What was said not to be malformed. Not where an error was the end.
void check_ends(const std::vector<std::vector<std::uint8_t>>& messages, bool ended, bool incremental) {
  std::vector<bool> soas;
  for (const std::vector<std::uint8_t>& message : messages) {
    if ((message[3] & 0x0f) != 0) return;
    read_answers(message, soas);
  }
  gl::fuzz::check(!soas.empty() && soas.front(), "a transfer begins with the zone's SOA");
  if (ended) gl::fuzz::check(soas.back(), "a transfer ends with the zone's SOA");
  const auto count = std::count(soas.begin(), soas.end(), true);
  if (!incremental) gl::fuzz::check(count == (ended ? 2 : 1), "a whole zone lies between two SOAs");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  const bool incremental = (data[0] & 1) != 0;
  const std::vector<std::uint8_t> query = make_query(incremental, gl::load_be<std::uint32_t>(data + 1));
  XfrParser walk(query);
  std::vector<std::vector<std::uint8_t>> copies;  // each of its own size, so that a step beyond its end shows
  for (gl::Bytes left(data + 5, size - 5); left.size() >= kPrefix;) {
    const std::size_t length = gl::load_be<std::uint16_t>(left.data());
    if (length < gl::dns::kHeaderSize || left.size() - kPrefix < length) break;
    copies.emplace_back(left.data() + kPrefix, left.data() + kPrefix + length);
    left = left.subspan(kPrefix + length);
    const XfrParser::Step step = walk.take(copies.back());
    if (step == XfrParser::Step::malformed) break;
    check_ends(copies, step == XfrParser::Step::ended, incremental);
    if (step == XfrParser::Step::ended) break;
  }
  return 0;
}
