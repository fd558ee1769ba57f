#include "lib/tcp/cookie.h"

#include <sodium.h>

#include <cstring>

#include "lib/wire/tcp_options.h"

namespace gl::tcp {

namespace {

std::uint32_t siphash32(const SipKey& key, const std::uint8_t* input, std::size_t length) noexcept {
  std::uint8_t digest[crypto_shorthash_siphash24_BYTES];
  crypto_shorthash_siphash24(digest, input, length, key.data());
  return load_be<std::uint32_t>(digest);
}

}  // namespace

std::uint32_t detail::mac32(const SipKey& key, const FlowKey& flow) noexcept {
  return siphash32(key, flow.bytes.data() + flow.offset, flow.bytes.size() - flow.offset);
}

std::uint32_t detail::mac32(const SipKey& key, const FlowKey& flow, SeqNum client_isn) noexcept {
  std::uint8_t input[36 + 4];
  const std::size_t length = flow.bytes.size() - flow.offset;
  std::memcpy(input, flow.bytes.data() + flow.offset, length);
  store_be(input + length, client_isn.value());
  return siphash32(key, input, length + 4);
}

std::optional<std::uint8_t> mss_class(std::uint16_t mss) noexcept {
  for (std::size_t i = kMssClasses.size(); i-- > 0;) {
    if (mss >= kMssClasses[i]) return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

std::uint8_t with_shift(std::uint8_t class_of_mss, std::uint8_t shift) noexcept {
  std::size_t carried = kCarriedShifts.size() - 1;
  while (carried > 0 && (shift == wire::kNoWindowScale || shift < kCarriedShifts[carried])) --carried;
  return static_cast<std::uint8_t>(carried << kMssClassBits | class_of_mss);
}

SeqNum make_isn(const CookieKeys& keys, const FlowKey& flow, std::uint8_t peer_class, std::optional<SeqNum> client_isn,
                CookieForm form) noexcept {
  const std::uint32_t parity = keys.current;
  return SeqNum(static_cast<std::uint32_t>(peer_class) << detail::class_shift(form) |
                parity << detail::parity_shift(form) |
                (detail::mac32(keys.by_parity[parity], flow, client_isn) & detail::mac_mask(form)));
}

}  // namespace gl::tcp
