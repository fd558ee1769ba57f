#include "app/load/templates.h"

namespace gl::load {
namespace {

// The header with every changing field zero. Returns the sum of its addresses for the pseudo-header.
Sum write_ip4(const Options& o, std::uint8_t* ip, std::uint8_t protocol) {
  ip[0] = 0x45;
  store_be<std::uint16_t>(ip + 6, 0x4000);  // DF
  ip[8] = 64;
  ip[9] = protocol;
  std::memcpy(ip + 16, std::get<wire::Ipv4Address>(o.target).bytes.data(), 4);
  return sum_bytes(ip + 12, 8);
}

Sum write_ip6(const Options& o, std::uint8_t* ip, std::uint8_t protocol) {
  ip[0] = 0x60;
  ip[6] = protocol;
  ip[7] = 64;
  std::memcpy(ip + 8, o.sources.first.data(), 12);
  std::memcpy(ip + 24, std::get<wire::Ipv6Address>(o.target).bytes.data(), 16);
  return sum_bytes(ip + 8, 32);
}

}  // namespace

template <class Ip>
Template<Ip>::Template(const Options& options, const Link& link, std::uint8_t protocol, const std::uint8_t* l4,
                       std::size_t l4_length)
    : length_(Ip::kL4 + l4_length) {
  std::memcpy(bytes_, link.theirs.bytes.data(), 6);
  std::memcpy(bytes_ + 6, link.ours.bytes.data(), 6);
  store_be(bytes_ + 12, Ip::kEtherType);
  std::uint8_t* const ip = bytes_ + kEthernet;
  if constexpr (Ip::kChecksum) {
    l4_sum_ = write_ip4(options, ip, protocol);
    ip_sum_ = sum_bytes(ip, Ip::kHeader);
  } else {
    l4_sum_ = write_ip6(options, ip, protocol);
  }
  std::memcpy(bytes_ + Ip::kL4, l4, l4_length);
  l4_sum_ += sum_bytes(l4, l4_length) + raw16(protocol);
}

template class Template<Ip4>;
template class Template<Ip6>;

}  // namespace gl::load
