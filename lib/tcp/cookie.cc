#include "lib/tcp/cookie.h"

#include "lib/base/sip_hash.h"
#include "lib/wire/checksum.h"
#include "lib/wire/tcp_options.h"

namespace gl::tcp {

namespace {

// The words of a flow, of either family, as they lie; its last 32 bits are the ports. SipHash::add() of the bytes would
// not know where they end until it is there.
[[gnu::always_inline]] inline void add_flow(SipHash<1>& hash, const FlowKey& flow) noexcept {
  using wire::detail::load_raw;
  if (flow.is_v6()) {
    for (std::size_t at = 0; at < 24; at += 8) hash.add(load_raw<std::uint64_t>(flow.bytes.data() + at));
  }
  hash.add(load_raw<std::uint64_t>(flow.bytes.data() + 24));
  hash.add(load_raw<std::uint32_t>(flow.bytes.data() + 32));
}

// The first four bytes of the hash, big-endian.
[[gnu::always_inline]] inline std::uint32_t first_half(SipHash<1>& hash) noexcept {
  return host_to_be(static_cast<std::uint32_t>(hash.finish()[0]));
}

}  // namespace

std::uint32_t detail::mac32(const SipKey& key, const FlowKey& flow) noexcept {
  SipHash<1> hash(key);
  add_flow(hash, flow);
  return first_half(hash);
}

std::uint32_t detail::mac32(const SipKey& key, const FlowKey& flow, SeqNum client_isn) noexcept {
  SipHash<1> hash(key);
  add_flow(hash, flow);
  hash.add(host_to_be(client_isn.value()));
  return first_half(hash);
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
