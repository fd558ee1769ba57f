#include "lib/services/tftp/content.h"

#include <algorithm>
#include <cstring>

namespace gl::tftp {
namespace {

constexpr std::uint8_t kNul = 0;
constexpr std::uint8_t kLf = '\n';
constexpr std::uint8_t kCr = '\r';

// Hands `most` bytes to `take`, or as many as there are; how many.
template <class Take>
std::uint64_t translate(Bytes file, Place& place, std::uint64_t most, Take take) noexcept {
  std::uint64_t count = 0;
  for (; count < most; ++count) {
    if (place.owes) {
      place.owes = false;
      take(file[place.offset - 1] == kCr ? kNul : kLf);
      continue;
    }
    if (place.offset >= file.size()) break;
    const std::uint8_t byte = file[place.offset++];
    place.owes = byte == kLf || byte == kCr;
    take(place.owes ? kCr : byte);
  }
  return count;
}

}  // namespace

std::size_t read_content(Bytes file, Mode mode, Place& place, MutableBytes out) noexcept {
  if (mode == Mode::netascii) {
    std::uint8_t* to = out.data();
    return static_cast<std::size_t>(translate(file, place, out.size(), [&to](std::uint8_t byte) { *to++ = byte; }));
  }
  const std::size_t length = std::min<std::uint64_t>(out.size(), file.size() - std::min(place.offset, file.size()));
  if (length != 0) std::memcpy(out.data(), file.data() + place.offset, length);
  place.offset += length;
  return length;
}

void skip_content(Bytes file, Mode mode, Place& place, std::uint64_t count) noexcept {
  if (mode == Mode::netascii) {
    (void)translate(file, place, count, [](std::uint8_t) {});
    return;
  }
  place.offset = std::min<std::uint64_t>(place.offset + count, file.size());
}

}  // namespace gl::tftp
