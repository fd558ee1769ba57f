// File handles: which node, and a proof that whoever names it receives what is sent to his address.
//   "GLN1" 4 | the node's number 8 | proof 8
// The number is the same on every node of one secret and after a restart. The proof is a keyed hash of the network that
// the handle was given to, and nothing but the amplification rule of UDP asks for it: a handle is valid without.
// Byte order: big-endian on the wire. Ownership: values. Thread: pure functions. Errors: nothing where it is no handle
// of ours. Source: RFC 1813 section 2.3.3 (nfs_fh3), SipHash-2-4 (libsodium).
#pragma once

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/services/onc_rpc/xdr.h"

namespace gl::nfs {

struct Handle {
  std::uint64_t number = 0;
  std::uint64_t proof = 0;
};

inline constexpr std::uint32_t kHandleMark = 0x474c4e31;  // "GLN1"
inline constexpr std::size_t kHandleSize = 20;

[[nodiscard]] inline std::optional<Handle> parse_handle(Bytes bytes) noexcept {
  if (bytes.size() != kHandleSize || load_be<std::uint32_t>(bytes.data()) != kHandleMark) return std::nullopt;
  return Handle{load_be<std::uint64_t>(bytes.data() + 4), load_be<std::uint64_t>(bytes.data() + 12)};
}

inline void write_handle(onc_rpc::XdrWriter& out, const Handle& handle) noexcept {
  out.u32(kHandleSize);
  out.u32(kHandleMark);
  out.u64(handle.number);
  out.u64(handle.proof);
}

// Of addresses: an IPv4 address stands for itself, an IPv6 address for its /64, in which hosts change theirs by the
// day (RFC 8981).
class AddressProofs {
 public:
  using Key = std::array<std::uint8_t, crypto_shorthash_KEYBYTES>;
  explicit AddressProofs(const Key& key) noexcept : key_(key) {}

  [[nodiscard]] std::uint64_t of(Bytes address) const noexcept {
    constexpr std::size_t kNetwork = 8;
    std::array<std::uint8_t, crypto_shorthash_BYTES> hash;
    crypto_shorthash(hash.data(), address.data(), std::min(address.size(), kNetwork), key_.data());
    return load_be<std::uint64_t>(hash.data());
  }
  // Of nobody's address: what lists of names of this key have in common.
  [[nodiscard]] std::uint64_t verifier() const noexcept { return of({}); }

 private:
  Key key_;
};

}  // namespace gl::nfs
