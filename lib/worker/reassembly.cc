#include "lib/worker/reassembly.h"

#include <rte_errno.h>

#include <cstring>
#include <string>

#include "lib/wire/ethernet.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"

namespace gl::worker {

namespace {

constexpr std::size_t kFragmentHeader = 8;  // of IPv6

// Where the layers of a fragment are. The stages have compared its lengths with the frame's.
struct Layers {
  bool v6 = false;
  std::size_t l2 = 0;
  std::size_t l3 = 0;      // IP header, and the fragment header of IPv6
  std::size_t length = 0;  // of the piece
  std::size_t offset = 0;  // of the piece in the whole
  bool more = false;
};

Layers layers_of(const rte_mbuf* mbuf) noexcept {
  const auto* const data = rte_pktmbuf_mtod(mbuf, const std::uint8_t*);
  Layers layers;
  layers.l2 = sizeof(wire::EthernetHeader);
  std::uint16_t type = load_be<std::uint16_t>(data + 12);
  if (type == static_cast<std::uint16_t>(wire::EtherType::vlan)) {
    layers.l2 += sizeof(wire::VlanTag);
    type = load_be<std::uint16_t>(data + 16);
  }
  layers.v6 = type == static_cast<std::uint16_t>(wire::EtherType::ipv6);
  const std::uint8_t* const l3 = data + layers.l2;
  if (layers.v6) {
    layers.l3 = sizeof(wire::Ipv6Header) + kFragmentHeader;
    layers.length = load_be<std::uint16_t>(l3 + 4) - kFragmentHeader;
    const auto field = load_be<std::uint16_t>(l3 + sizeof(wire::Ipv6Header) + 2);
    layers.offset = field & 0xfff8u;
    layers.more = (field & 1) != 0;
  } else {
    const auto& header = *reinterpret_cast<const wire::Ipv4Header*>(l3);
    layers.l3 = header.header_length();
    layers.length = header.total_length.host() - layers.l3;
    layers.offset = std::size_t{header.fragment.host() & 0x1fffu} * 8;
    layers.more = (header.fragment.host() & 0x2000u) != 0;
  }
  return layers;
}

// A whole no longer than its length field can say, in pieces of whole units.
bool acceptable(const Layers& layers) noexcept {
  const std::size_t most = layers.v6 ? 65535 : 65535 - layers.l3;
  if (layers.more && layers.length % 8 != 0) return false;
  return layers.length != 0 && layers.offset + layers.length <= most;
}

}  // namespace

Result<std::unique_ptr<Reassembly>> Reassembly::create(int socket, std::uint64_t cycles_per_ms, Counter& dropped) {
  constexpr std::uint32_t kAssociativity = 16;  // of a bucket: a power of two
  Table table(rte_ip_frag_table_create(kDatagrams / kAssociativity, kAssociativity, kDatagrams,
                                       kTimeoutMs * cycles_per_ms, socket));
  if (table == nullptr) return Error{std::string("no memory for the table of fragments: ") + rte_strerror(rte_errno)};
  return std::unique_ptr<Reassembly>(new Reassembly(std::move(table), dropped));
}

Reassembly::~Reassembly() {
  rte_ip_frag_free_death_row(&dead_, 0);
}

void Reassembly::drop(rte_mbuf* mbuf) noexcept {
  dropped_.add();
  rte_pktmbuf_free(mbuf);
}

rte_mbuf* Reassembly::take(rte_mbuf* fragment, std::uint64_t now) noexcept {
  const Layers layers = layers_of(fragment);
  const std::size_t length = layers.l2 + layers.l3 + layers.length;
  if (!acceptable(layers) || length > fragment->data_len) {
    drop(fragment);
    return nullptr;
  }
  // Padding is not part of the whole.
  fragment->data_len = static_cast<std::uint16_t>(length);
  fragment->pkt_len = static_cast<std::uint32_t>(length);
  fragment->l2_len = layers.l2 & 0x7f;
  fragment->l3_len = layers.l3 & 0x1ff;
  rte_mbuf* const whole = insert(fragment, now);
  if (dead_.cnt != 0) {
    dropped_.add(dead_.cnt);
    rte_ip_frag_free_death_row(&dead_, 0);
  }
  if (whole == nullptr || rte_pktmbuf_pkt_len(whole) <= kLongest) return whole;
  drop(whole);
  return nullptr;
}

rte_mbuf* Reassembly::insert(rte_mbuf* fragment, std::uint64_t now) noexcept {
  auto* const l3 = rte_pktmbuf_mtod_offset(fragment, std::uint8_t*, fragment->l2_len);
  if ((*l3 >> 4) == 4) {
    return rte_ipv4_frag_reassemble_packet(table_.get(), &dead_, fragment, now, reinterpret_cast<rte_ipv4_hdr*>(l3));
  }
  return rte_ipv6_frag_reassemble_packet(table_.get(), &dead_, fragment, now, reinterpret_cast<rte_ipv6_hdr*>(l3),
                                         reinterpret_cast<rte_ipv6_fragment_ext*>(l3 + sizeof(wire::Ipv6Header)));
}

MutableBytes Reassembly::linear(const rte_mbuf* whole) noexcept {
  std::size_t length = 0;
  for (const rte_mbuf* part = whole; part != nullptr; part = part->next) {
    if (part->data_len > room_.size() - length) return {};
    std::memcpy(room_.data() + length, rte_pktmbuf_mtod(part, const std::uint8_t*), part->data_len);
    length += part->data_len;
  }
  return {room_.data(), length};
}

}  // namespace gl::worker
