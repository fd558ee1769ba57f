// XDR: what ONC RPC writes its messages in. Everything is a multiple of four bytes, integers are big-endian.
// Byte order: wire in spans, host in values. Ownership: opaque data are views of what is read. Thread: pure. Errors: a
// reader or writer that has run over its end says so, once and for all; what it gave since is zero or empty.
// Source: RFC 4506.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"

namespace gl::onc_rpc {

[[nodiscard]] constexpr std::size_t xdr_padded(std::size_t length) noexcept {
  return (length + 3) / 4 * 4;
}

class XdrReader {
 public:
  explicit XdrReader(Bytes data) noexcept : data_(data) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  [[nodiscard]] bool at_end() const noexcept { return ok_ && at_ == data_.size(); }

  std::uint32_t u32() noexcept {
    const Bytes bytes = take(4);
    return bytes.empty() ? 0 : load_be<std::uint32_t>(bytes.data());
  }
  std::uint64_t u64() noexcept {
    const Bytes bytes = take(8);
    return bytes.empty() ? 0 : load_be<std::uint64_t>(bytes.data());
  }
  // Variable-length opaque data or a string (sections 4.10, 4.11), of at most so many bytes.
  Bytes opaque(std::size_t most) noexcept {
    const std::size_t length = u32();
    if (length > most) ok_ = false;
    return ok_ ? take(xdr_padded(length)).first(ok_ ? length : 0) : Bytes{};
  }
  void skip(std::size_t length) noexcept { (void)take(length); }
  [[nodiscard]] Bytes rest() const noexcept { return ok_ ? data_.subspan(at_) : Bytes{}; }

 private:
  Bytes take(std::size_t length) noexcept {
    if (!ok_ || length > data_.size() - at_) {
      ok_ = false;
      return {};
    }
    at_ += length;
    return data_.subspan(at_ - length, length);
  }

  Bytes data_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

class XdrWriter {
 public:
  explicit XdrWriter(MutableBytes out) noexcept : out_(out) {}

  [[nodiscard]] bool ok() const noexcept { return ok_; }
  // How many bytes were written.
  [[nodiscard]] std::size_t length() const noexcept { return ok_ ? at_ : 0; }

  void u32(std::uint32_t value) noexcept {
    if (const MutableBytes room = make_room(4); !room.empty()) store_be(room.data(), value);
  }
  void u64(std::uint64_t value) noexcept {
    if (const MutableBytes room = make_room(8); !room.empty()) store_be(room.data(), value);
  }
  void boolean(bool value) noexcept { u32(value ? 1 : 0); }
  void string(std::string_view text) noexcept {
    u32(static_cast<std::uint32_t>(text.size()));
    const MutableBytes room = make_room(xdr_padded(text.size()));
    if (room.empty()) return;
    std::ranges::fill(room.last(room.size() - text.size()), std::uint8_t{0});
    std::ranges::copy(text, room.begin());
  }
  // How many bytes may still be written.
  [[nodiscard]] std::size_t left() const noexcept { return ok_ ? out_.size() - at_ : 0; }

 private:
  MutableBytes make_room(std::size_t length) noexcept {
    if (!ok_ || length > out_.size() - at_) {
      ok_ = false;
      return {};
    }
    at_ += length;
    return out_.subspan(at_ - length, length);
  }

  MutableBytes out_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace gl::onc_rpc
