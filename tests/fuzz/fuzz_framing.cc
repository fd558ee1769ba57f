// DNS messages cut out of a TCP stream (RFC 7766 section 8), with their length prefix and without.
#include <cstdint>
#include <vector>

#include "lib/dns/tcp_framing.h"
#include "tests/fuzz/check.h"

namespace {

using gl::Framed;

void check_framed(gl::Bytes stream, const Framed& framed) {
  if (framed.kind != Framed::Kind::complete) return;
  gl::fuzz::check(framed.consumed > 0 && framed.consumed <= stream.size(), "a request lies in the stream");
  const gl::Bytes whole = stream.first(framed.consumed);
  gl::fuzz::check(framed.request.data() >= whole.data() &&
                      framed.request.data() + framed.request.size() == whole.data() + whole.size(),
                  "a request ends where it is consumed");
}

// A request that is complete in a stream is the same in every longer one, and incomplete in every shorter one.
void check_pieces(gl::Bytes stream, bool prefix_consumed, const Framed& framed) {
  if (framed.kind != Framed::Kind::complete) return;
  const Framed exact = gl::dns::next_message(stream.first(framed.consumed), prefix_consumed);
  gl::fuzz::check(exact.kind == Framed::Kind::complete && exact.consumed == framed.consumed,
                  "a request does not depend on what follows it");
  for (const std::size_t cut : {framed.consumed - 1, framed.consumed / 2}) {
    const Framed piece = gl::dns::next_message(stream.first(cut), prefix_consumed);
    gl::fuzz::check(piece.kind != Framed::Kind::complete, "a piece of a request is none");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::vector<std::uint8_t> copy(data + 1, data + size);
  gl::Bytes stream(copy);
  bool prefix_consumed = (data[0] & 1) != 0;
  while (!stream.empty()) {
    const Framed framed = gl::dns::next_message(stream, prefix_consumed);
    check_framed(stream, framed);
    check_pieces(stream, prefix_consumed, framed);
    if (framed.kind != Framed::Kind::complete) break;
    stream = stream.subspan(framed.consumed);
    prefix_consumed = false;
  }
  return 0;
}
