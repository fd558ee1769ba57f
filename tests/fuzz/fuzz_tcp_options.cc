// TCP options as they arrive (RFC 9293 section 3.2): the walker stays in its span, and what it read can be written and
// read again.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/wire/tcp_options.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gl;
  // As a header has them: at most 40 bytes, a multiple of four; a block of its own, so that a step past it is seen.
  const std::vector<std::uint8_t> options(data, data + std::min(size, wire::kMaxTcpOptions) / 4 * 4);
  auto found = wire::parse_tcp_options(options);
  if (!found) return 0;
  found->sack.count = std::min<std::uint8_t>(found->sack.count, 1);  // as much as we send
  if (wire::written_length(*found) > wire::kMaxWrittenTcpOptions) found->sack.count = 0;
  std::vector<std::uint8_t> written(wire::kMaxWrittenTcpOptions);
  const std::size_t length = wire::write_tcp_options(*found, written.data());
  fuzz::check(length % 4 == 0 && length <= written.size(), "options are written in whole words");
  written.resize(length);
  const auto again = wire::parse_tcp_options(written);
  if (found->fast_open.kind == wire::FastOpen::Kind::cookie) {
    fuzz::check(again && again->fast_open == found->fast_open, "a cookie written is read as it was");
  }
  fuzz::check(again && again->mss == found->mss && again->timestamps == found->timestamps &&
                  std::ranges::equal(again->sack.view(), found->sack.view()),
              "options written are read as they were");
  return 0;
}
