// The options of an OPT record, one by one: walked, and copied but for some.
// Byte order: wire in the record, host in values. Ownership: borrows. Thread: pure functions. Errors: ok() of the walk.
// Sources: RFC 6891 6.1.2; the codes: RFC 7871, RFC 7828, RFC 7830, RFC 8914.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/dns/edns.h"

namespace gl::backend {

inline constexpr std::uint16_t kOptionSubnet = 8;
inline constexpr std::uint16_t kOptionPadding = 12;
inline constexpr std::uint16_t kOptionExtendedError = 15;

// Between two neighbours only: neither a client's nor a backend's go any further.
[[nodiscard]] constexpr bool is_hop_by_hop(std::uint16_t code) noexcept {
  return code == dns::kOptionTcpKeepalive || code == kOptionPadding;
}

// What else stays behind: options that we have on one side, and not the client and the backend with each other.
struct OwnOptions {
  bool cookie = false;
  bool subnet = false;

  [[nodiscard]] constexpr bool has(std::uint16_t code) const noexcept {
    return (cookie && code == dns::kOptionCookie) || (subnet && code == kOptionSubnet);
  }
};

class OptionWalk {
 public:
  explicit OptionWalk(Bytes options) noexcept : left_(options) {}

  [[nodiscard]] bool next() noexcept {
    if (left_.empty() || !ok_) return false;
    ok_ = left_.size() >= 4 && left_.size() - 4 >= load_be<std::uint16_t>(left_.data() + 2);
    if (!ok_) return false;
    whole_ = left_.first(std::size_t{4} + load_be<std::uint16_t>(left_.data() + 2));
    left_ = left_.subspan(whole_.size());
    return true;
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] std::uint16_t code() const noexcept { return load_be<std::uint16_t>(whole_.data()); }
  [[nodiscard]] Bytes whole() const noexcept { return whole_; }  // code and length included

 private:
  Bytes left_;
  Bytes whole_{};
  bool ok_ = true;
};

[[nodiscard]] inline bool has_option(Bytes options, std::uint16_t code) noexcept {
  for (OptionWalk walk(options); walk.next();) {
    if (walk.code() == code) return true;
  }
  return false;
}

// Those that go any further. Returns their size; `to` has room for all, or is null: then they are only measured.
[[nodiscard]] inline std::size_t copy_options(Bytes options, OwnOptions own, std::uint8_t* to) noexcept {
  std::size_t size = 0;
  for (OptionWalk walk(options); walk.next();) {
    if (is_hop_by_hop(walk.code()) || own.has(walk.code())) continue;
    if (to != nullptr) std::memmove(to + size, walk.whole().data(), walk.whole().size());
    size += walk.whole().size();
  }
  return size;
}

}  // namespace gl::backend
