#include "lib/services/tftp/terms.h"

#include <algorithm>

namespace gl::tftp {

Terms agree(const Request& request, const Limits& limits, std::optional<std::uint64_t> size) noexcept {
  Terms terms{.mode = request.mode, .wrap = limits.wrap};
  const Options& asked = request.options;
  if (asked.blksize) {
    terms.blksize = static_cast<std::uint16_t>(std::min<std::uint32_t>(*asked.blksize, limits.blksize));
    terms.agreed.blksize = terms.blksize;
  }
  if (asked.windowsize) {
    terms.windowsize = static_cast<std::uint16_t>(std::min<std::uint32_t>(*asked.windowsize, limits.windowsize));
    terms.agreed.windowsize = terms.windowsize;
  }
  terms.agreed.timeout = asked.timeout;
  if (request.write) {
    terms.agreed.tsize = asked.tsize;  // RFC 2349: it is the client who knows
  } else if (asked.tsize && request.mode == Mode::octet) {
    terms.agreed.tsize = size;
  }
  return terms;
}

}  // namespace gl::tftp
