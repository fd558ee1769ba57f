#include "lib/services/tftp/packet.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "lib/base/text.h"

namespace gl::tftp {
namespace {

constexpr std::uint32_t kMaxWindowsize = 65535;

// What stands in front of the next NUL, which is taken with it; nothing where there is none.
std::optional<std::string_view> take_word(std::string_view& text) noexcept {
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end + 1);
  return word;
}

template <class T>
std::optional<T> number(std::string_view text) noexcept {
  T value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || at != end) return std::nullopt;
  return value;
}

// False: a value that the option cannot have, or an option that was there before (RFC 2347: only once).
bool take_option(std::string_view name, std::string_view text, Options& options) noexcept {
  if (same_word(name, "tsize")) {
    if (options.tsize) return false;
    options.tsize = number<std::uint64_t>(text);
    return options.tsize.has_value();
  }
  const auto within = [text](std::uint32_t low, std::uint32_t high) noexcept { return parse_decimal(text, low, high); };
  if (same_word(name, "blksize")) {
    if (options.blksize) return false;
    options.blksize = within(kMinBlksize, UINT16_MAX);  // more than may be is answered with less
    return options.blksize.has_value();
  }
  if (same_word(name, "windowsize")) {
    if (options.windowsize) return false;
    options.windowsize = within(1, kMaxWindowsize);
    return options.windowsize.has_value();
  }
  if (same_word(name, "timeout")) {
    if (options.timeout) return false;
    const auto seconds = within(1, 255);
    if (seconds) options.timeout = static_cast<std::uint8_t>(*seconds);
    return seconds.has_value();
  }
  return true;
}

ParsedRequest refused(ErrorCode error, std::string_view text) noexcept {
  return {.request = std::nullopt, .error = error, .text = text};
}

class Writer {
 public:
  explicit Writer(MutableBytes out) noexcept : out_(out) {}
  void word(std::string_view text) noexcept {
    if (text.size() + 1 > out_.size() - at_) {
      fits_ = false;
      return;
    }
    std::memcpy(out_.data() + at_, text.data(), text.size());
    out_[at_ + text.size()] = 0;
    at_ += text.size() + 1;
  }
  void option(std::string_view name, std::uint64_t value) noexcept {
    word(name);
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    word({digits, static_cast<std::size_t>(end - digits)});
  }
  [[nodiscard]] std::size_t length() const noexcept { return fits_ ? at_ : 0; }

 private:
  MutableBytes out_;
  std::size_t at_ = 2;
  bool fits_ = true;
};

}  // namespace

ParsedRequest parse_request(Bytes packet) noexcept {
  constexpr auto kIllegal = ErrorCode::illegal_operation;
  if (packet.size() < 2 || packet.size() > kMaxRequest) return refused(kIllegal, "bad length");
  std::string_view rest(reinterpret_cast<const char*>(packet.data()) + 2, packet.size() - 2);
  const auto name = take_word(rest);
  const auto mode = take_word(rest);
  if (!name || !mode) return refused(kIllegal, "no end");
  if (name->empty()) return refused(ErrorCode::file_not_found, "no name");
  Request request{.write = opcode_of(packet) == Opcode::wrq, .name = *name};
  if (same_word(*mode, "netascii")) {
    request.mode = Mode::netascii;
  } else if (!same_word(*mode, "octet")) {
    return refused(kIllegal, "bad mode");
  }
  while (!rest.empty()) {
    const auto option = take_word(rest);
    if (option && option->empty()) break;
    const auto value = take_word(rest);
    if (!option || !value) return refused(ErrorCode::option_negotiation, "no end");
    if (!take_option(*option, *value, request.options)) return refused(ErrorCode::option_negotiation, "bad option");
  }
  return {.request = request};
}

std::optional<std::string_view> path_of(std::string_view name, std::span<char> room) noexcept {
  std::size_t length = 0;
  const auto is_slash = [](char c) { return c == '/' || c == '\\'; };
  while (!name.empty()) {
    const auto end = static_cast<std::size_t>(std::ranges::find_if(name, is_slash) - name.begin());
    const std::string_view part = name.substr(0, end);
    name.remove_prefix(std::min(end + 1, name.size()));
    if (part == "..") return std::nullopt;
    if (part.empty() || part == ".") continue;
    if (part.size() + 1 > room.size() - length) return std::nullopt;
    room[length] = '/';
    std::ranges::copy(part, room.begin() + static_cast<std::ptrdiff_t>(length + 1));
    length += part.size() + 1;
  }
  if (length == 0) return std::nullopt;
  return std::string_view(room.data(), length);
}

std::size_t write_header(MutableBytes out, Opcode opcode, std::uint16_t number) noexcept {
  if (out.size() < kHeader) return 0;
  store_be(out.data(), static_cast<std::uint16_t>(opcode));
  store_be(out.data() + 2, number);
  return kHeader;
}

std::size_t write_error(MutableBytes out, ErrorCode code, std::string_view text) noexcept {
  if (out.size() < kHeader + 1) return 0;
  write_header(out, Opcode::error, static_cast<std::uint16_t>(code));
  const std::size_t length = std::min(text.size(), out.size() - kHeader - 1);
  std::memcpy(out.data() + kHeader, text.data(), length);
  out[kHeader + length] = 0;
  return kHeader + length + 1;
}

std::size_t write_oack(MutableBytes out, const Options& agreed) noexcept {
  if (out.size() < 2) return 0;
  store_be(out.data(), static_cast<std::uint16_t>(Opcode::oack));
  Writer writer(out);
  if (agreed.blksize) writer.option("blksize", *agreed.blksize);
  if (agreed.tsize) writer.option("tsize", *agreed.tsize);
  if (agreed.timeout) writer.option("timeout", *agreed.timeout);
  if (agreed.windowsize) writer.option("windowsize", *agreed.windowsize);
  return writer.length();
}

}  // namespace gl::tftp
