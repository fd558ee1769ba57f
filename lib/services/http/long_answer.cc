// Answers beyond 64 KiB: told from their handle and identity alone, for as long as the files are kept.
#include <algorithm>
#include <cstring>

#include "lib/services/http/answer_text.h"
#include "lib/services/http/http.h"

namespace gl::http {

using files::File;

std::uint64_t HttpService::LongAnswer::encode() const noexcept {
  return kMark | first << 16 | std::uint64_t{head} << 4 | std::uint64_t{coding} << 2 | (part ? 2u : 0u) |
         (http10 ? 1u : 0u);
}

HttpService::LongAnswer HttpService::LongAnswer::decode(std::uint64_t handle) noexcept {
  LongAnswer is;
  is.first = (handle & ~kMark) >> 16;
  is.head = static_cast<std::uint16_t>(handle >> 4 & 0xfff);
  is.coding = static_cast<std::uint8_t>(handle >> 2 & 3);
  is.part = (handle & 2) != 0;
  is.http10 = (handle & 1) != 0;
  return is;
}

// Null where the file has changed too long ago.
const File* HttpService::file_of(std::uint32_t version) const noexcept {
  if (found_file_ != nullptr && found_version_ == version) return found_file_;
  found_version_ = version;
  return found_file_ = files::find_version(files_, version);
}

std::size_t HttpService::read_long(const Answer& answer, std::uint64_t offset, MutableBytes out) const noexcept {
  const File* const file = file_of(answer.identity >> 8);
  if (file == nullptr || offset >= answer.length) return 0;
  const LongAnswer is = LongAnswer::decode(answer.handle);
  const std::size_t length = std::min<std::uint64_t>(out.size(), answer.length - offset);
  std::size_t written = 0;
  if (offset < is.head) {
    FileHead says{.status = static_cast<std::uint16_t>(is.part ? 206 : 200), .http10 = is.http10, .close = true};
    says.date = date_ - ((date_ - answer.identity) & kDateMask);
    says.file = file;
    says.varies = is.coding != 0 || file->has_coded();
    if (is.coding != 0) says.coding = files::kCodingNames[is.coding - 1u].token;
    says.first = is.first;
    says.length = answer.length - is.head;
    std::array<char, kMaxHead> head;
    if (write_file_head(says, head) != is.head) return 0;
    written = std::min<std::size_t>(length, is.head - offset);
    std::memcpy(out.data(), head.data() + offset, written);
  }
  if (written < length) {
    std::memcpy(out.data() + written, file->body.data() + is.first + (offset + written - is.head), length - written);
  }
  return length;
}

}  // namespace gl::http
