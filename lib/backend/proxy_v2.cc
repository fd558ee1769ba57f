#include "lib/backend/proxy_v2.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "lib/backend/flow_ends.h"
#include "lib/base/endian.h"

namespace gl::backend {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature{0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                  0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::uint8_t kVersion2Proxy = 0x21;
// Always DGRAM, although the client may have come over TCP: Knot takes the address from 0x12 and 0x22 only, and drops
// the question otherwise; unbound takes either, dnsdist took this. NSD and PowerDNS were not tried.
constexpr std::uint8_t kInetDatagram = 0x12;
constexpr std::uint8_t kInet6Datagram = 0x22;

}  // namespace

std::size_t write_proxy_v2(Bytes flow, MutableBytes out) noexcept {
  if (flow.size() != kFlowV4 && flow.size() != kFlowV6) return 0;
  if (out.size() < kProxyFixed + flow.size()) return 0;
  std::memcpy(out.data(), kSignature.data(), kSignature.size());
  out[12] = kVersion2Proxy;
  out[13] = flow.size() == kFlowV4 ? kInetDatagram : kInet6Datagram;
  store_be(out.data() + 14, static_cast<std::uint16_t>(flow.size()));
  std::memcpy(out.data() + kProxyFixed, flow.data(), flow.size());
  return kProxyFixed + flow.size();
}

}  // namespace gl::backend
