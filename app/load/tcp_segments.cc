#include "app/load/tcp_segments.h"

namespace gl::load {

TcpHeader::TcpHeader(const Options& o, std::uint8_t flags) {
  store_be(bytes + 2, o.target_port);
  bytes[13] = flags;
  store_be<std::uint16_t>(bytes + 14, 65535);
  std::uint8_t* at = bytes + 20;
  const auto put = [&at](std::initializer_list<std::uint8_t> option) {
    for (const std::uint8_t b : option) *at++ = b;
  };
  if ((flags & kSyn) != 0) {
    put({2, 4, static_cast<std::uint8_t>(o.mss >> 8), static_cast<std::uint8_t>(o.mss & 0xff)});
    if (o.timestamps)
      put({4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7});
    else
      put({1, 1, 4, 2, 1, 3, 3, 7});
  } else if (o.timestamps) {
    put({1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0});
  }
  length = static_cast<std::size_t>(at - bytes);
  bytes[12] = static_cast<std::uint8_t>(length / 4 << 4);
}

std::optional<std::uint32_t> find_timestamp(const std::uint8_t* options, std::size_t length) noexcept {
  for (std::size_t at = 0; at < length;) {
    const std::uint8_t kind = options[at];
    if (kind == 0) break;
    if (kind == 1) {
      ++at;
      continue;
    }
    if (at + 1 >= length || options[at + 1] < 2 || at + options[at + 1] > length) return std::nullopt;
    if (kind == 8 && options[at + 1] == 10) return load_be<std::uint32_t>(options + at + 2);
    at += options[at + 1];
  }
  return std::nullopt;
}

}  // namespace gl::load
