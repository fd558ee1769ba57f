#include "app/load/sources.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

#include "lib/base/endian.h"

namespace gl::load {
namespace {

constexpr std::uint32_t kMostSources = 1u << 16;

Result<Sources> parse_one(const std::string& text) {
  Sources s;
  if (inet_pton(AF_INET, text.c_str(), s.first.data()) == 1) {
    s.low = load_be<std::uint32_t>(s.first.data());
  } else if (inet_pton(AF_INET6, text.c_str(), s.first.data()) == 1) {
    s.v6 = true;
    s.low = load_be<std::uint32_t>(s.first.data() + 12);
  } else {
    return Error{"--source: '" + text + "' is no IPv4 or IPv6 address"};
  }
  s.count = 1;
  return s;
}

Result<Sources> parse_range(const std::string& text, std::size_t dash) {
  auto from = parse_one(text.substr(0, dash));
  if (!from) return from;
  auto to = parse_one(text.substr(dash + 1));
  if (!to) return to;
  const std::size_t shared = from->v6 ? 12 : 0;
  if (from->v6 != to->v6 || std::memcmp(from->first.data(), to->first.data(), shared) != 0 || to->low < from->low) {
    return Error{"--source: '" + text + "' is no range: both ends of one family, ascending, IPv6 within a /96"};
  }
  from->count = to->low - from->low + 1;
  return from;
}

Result<Sources> parse_network(const std::string& text, std::size_t slash) {
  auto net = parse_one(text.substr(0, slash));
  if (!net) return net;
  unsigned length = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, length);
  const unsigned width = net->v6 ? 128 : 32;
  if (error != std::errc{} || stop != end || length > width || width - length > 16) {
    return Error{"--source: '" + text + "': the prefix length must be " + std::to_string(width - 16) + " to " +
                 std::to_string(width)};
  }
  const std::uint32_t size = 1u << (width - length);
  if (size < 4) {  // RFC 3021: every address of so small a network is a host
    net->low &= ~(size - 1);
    net->count = size;
  } else {
    net->low = (net->low & ~(size - 1)) + 1;
    net->count = size - 2;
  }
  return net;
}

}  // namespace

Result<Sources> parse_sources(const std::string& text) {
  const auto dash = text.find('-');
  const auto slash = text.find('/');
  auto parsed = dash != std::string::npos    ? parse_range(text, dash)
                : slash != std::string::npos ? parse_network(text, slash)
                                             : parse_one(text);
  if (!parsed) return parsed;
  if (parsed->count > kMostSources) return Error{"--source: '" + text + "': at most 65536 addresses"};
  store_be(parsed->first.data() + (parsed->v6 ? 12 : 0), parsed->low);
  return parsed;
}

}  // namespace gl::load
