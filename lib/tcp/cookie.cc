#include "lib/tcp/cookie.h"

#include <sodium.h>

#include <cstring>

namespace gl::tcp {
namespace {

constexpr std::uint32_t kMacMask = (1u << 28) - 1;
constexpr unsigned kParityShift = 28;
constexpr unsigned kClassShift = 29;

// 28 bits of SipHash-2-4 over the flow, and over the client's ISN where one is given. The two inputs differ in
// length, which SipHash takes into its last block, so one kind of cookie never stands for the other.
std::uint32_t mac28(const SipKey& key, const FlowKey& flow, std::optional<SeqNum> client_isn) noexcept {
  std::uint8_t input[36 + 4];
  const std::size_t flow_length = flow.bytes.size() - flow.offset;
  std::memcpy(input, flow.bytes.data() + flow.offset, flow_length);
  std::size_t length = flow_length;
  if (client_isn) {
    store_be(input + length, client_isn->value());
    length += 4;
  }
  std::uint8_t digest[crypto_shorthash_siphash24_BYTES];
  crypto_shorthash_siphash24(digest, input, length, key.data());
  return load_be<std::uint32_t>(digest) & kMacMask;
}

// The acknowledgement under one parity's key: the distance from that key's cookie, if it is small enough.
std::optional<Accepted> check_parity(const CookieKeys& keys, std::uint32_t acked, const FlowKey& flow,
                                     std::optional<SeqNum> client_isn, std::uint32_t parity) noexcept {
  const std::uint32_t off = (acked - mac28(keys.by_parity[parity], flow, client_isn)) & kMacMask;
  if (off > kOffsetLimit) return std::nullopt;
  const std::uint32_t isn = acked - off;
  if (((isn >> kParityShift) & 1) != parity) return std::nullopt;
  return Accepted{SeqNum(isn), off, static_cast<std::uint8_t>(isn >> kClassShift), parity != keys.current};
}

void put_flow(FlowKey& key, const std::uint8_t* client, const std::uint8_t* server, std::size_t address_length,
              Be16 client_port, Be16 server_port) noexcept {
  std::uint8_t* at = key.bytes.data() + key.offset;
  std::memcpy(at, client, address_length);
  std::memcpy(at + address_length, server, address_length);
  std::memcpy(at + 2 * address_length, &client_port, 2);
  std::memcpy(at + 2 * address_length + 2, &server_port, 2);
}

}  // namespace

FlowKey FlowKey::v4(const std::uint8_t* client, const std::uint8_t* server, Be16 client_port,
                    Be16 server_port) noexcept {
  FlowKey key;
  put_flow(key, client, server, 4, client_port, server_port);
  return key;
}

FlowKey FlowKey::v6(const std::uint8_t* client, const std::uint8_t* server, Be16 client_port,
                    Be16 server_port) noexcept {
  FlowKey key;
  key.offset = 0;
  put_flow(key, client, server, 16, client_port, server_port);
  return key;
}

std::optional<std::uint8_t> mss_class(std::uint16_t mss) noexcept {
  for (std::size_t i = kMssClasses.size(); i-- > 0;) {
    if (mss >= kMssClasses[i]) return static_cast<std::uint8_t>(i);
  }
  return std::nullopt;
}

SeqNum make_isn(const CookieKeys& keys, const FlowKey& flow, std::uint8_t mss_class,
                std::optional<SeqNum> client_isn) noexcept {
  const std::uint32_t parity = keys.current;
  return SeqNum(static_cast<std::uint32_t>(mss_class) << kClassShift | parity << kParityShift |
                mac28(keys.by_parity[parity], flow, client_isn));
}

std::optional<Accepted> check_ack(const CookieKeys& keys, const FlowKey& flow, SeqNum ack,
                                  std::optional<SeqNum> client_isn) noexcept {
  const std::uint32_t acked = ack.value() - 1;
  const std::uint32_t parity = (acked >> kParityShift) & 1;
  if (auto accepted = check_parity(keys, acked, flow, client_isn, parity)) return accepted;
  // The bytes since the ISN may have carried into the parity bit; otherwise the bit is as it was sent.
  if ((acked & kMacMask) > kOffsetLimit) return std::nullopt;
  return check_parity(keys, acked, flow, client_isn, parity ^ 1);
}

}  // namespace gl::tcp
