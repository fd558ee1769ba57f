// Frames written from templates: every field that does not change is in place and in the checksums beforehand.
// Byte order: templates wire, arguments host. Ownership: values. Thread: read-only once built.
// Sources: RFC 791, RFC 8200, RFC 9293, RFC 7323, RFC 768.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <cstring>
#include <optional>

#include "app/load/checksum.h"
#include "app/load/options.h"
#include "app/load/queries.h"
#include "lib/base/endian.h"

namespace gl::load {

inline constexpr std::size_t kEthernet = 14;

struct Ip4 {
  static constexpr std::uint16_t kEtherType = 0x0800;
  static constexpr std::size_t kHeader = 20;
  static constexpr std::size_t kLengthAt = kEthernet + 2;   // total length
  static constexpr std::size_t kSourceAt = kEthernet + 12;  // last 32 bits of the source
  static constexpr std::size_t kTargetAt = kEthernet + 16;  // last 32 bits of the destination
  static constexpr std::size_t kL4 = kEthernet + kHeader;
  static constexpr bool kChecksum = true;
};
struct Ip6 {
  static constexpr std::uint16_t kEtherType = 0x86dd;
  static constexpr std::size_t kHeader = 40;
  static constexpr std::size_t kLengthAt = kEthernet + 4;  // payload length
  static constexpr std::size_t kSourceAt = kEthernet + 20;
  static constexpr std::size_t kTargetAt = kEthernet + 36;
  static constexpr std::size_t kL4 = kEthernet + kHeader;
  static constexpr bool kChecksum = false;
};

struct Link {
  wire::MacAddress ours;
  wire::MacAddress theirs;
};

[[nodiscard]] inline std::uint16_t raw16(std::uint16_t host) noexcept {
  return host_to_be(host);
}
[[nodiscard]] inline std::uint32_t raw32(std::uint32_t host) noexcept {
  return host_to_be(host);
}
inline void put16(std::uint8_t* at, std::uint16_t raw) noexcept {
  std::memcpy(at, &raw, sizeof raw);
}
inline void put32(std::uint8_t* at, std::uint32_t raw) noexcept {
  std::memcpy(at, &raw, sizeof raw);
}

// The parts of a segment that differ from one to the next.
struct TcpFields {
  std::uint32_t source_low;
  std::uint16_t source_port;
  std::uint32_t seq;
  std::uint32_t ack;
  std::uint32_t ts_value;
  std::uint32_t ts_echo;
};

// One kind of frame; `Ip` is Ip4 or Ip6.
template <class Ip>
class Template {
 public:
  // `l4` is the transport header with its checksum and every changing field zero.
  Template(const Options& options, const Link& link, std::uint8_t protocol, const std::uint8_t* l4,
           std::size_t l4_length);

  // A segment; the payload, if any, is the query's stream, with `id` in a DNS message.
  template <bool kTimestamps>
  void tcp(rte_mbuf* m, const TcpFields& f, std::size_t ts_at, const Query* query, std::uint16_t id) const noexcept;
  void udp(rte_mbuf* m, std::uint32_t source_low, std::uint16_t source_port, const Query& query,
           std::uint16_t id) const noexcept;

 private:
  // Headers in place with address and lengths; returns the transport checksum's sum so far.
  Sum start(rte_mbuf* m, std::uint8_t* frame, std::uint32_t source_low, std::size_t payload) const noexcept;

  std::uint8_t bytes_[128] = {};
  std::size_t length_ = 0;
  Sum ip_sum_ = 0;
  Sum l4_sum_ = 0;
};

// A copy in blocks: both ends have room behind (mbuf tail; Query::stream).
inline void copy_blocks(std::uint8_t* to, const std::uint8_t* from, std::size_t length) noexcept {
  for (std::size_t i = 0; i < length; i += 32) std::memcpy(to + i, from + i, 32);
}

template <class Ip>
inline Sum Template<Ip>::start(rte_mbuf* m, std::uint8_t* frame, std::uint32_t source_low,
                               std::size_t payload) const noexcept {
  std::memcpy(frame, bytes_, Ip::kL4 + 40);
  const auto length = static_cast<std::uint16_t>(length_ - kEthernet - (Ip::kChecksum ? 0 : Ip::kHeader) + payload);
  put16(frame + Ip::kLengthAt, raw16(length));
  put32(frame + Ip::kSourceAt, raw32(source_low));
  if constexpr (Ip::kChecksum) {
    put16(frame + kEthernet + 10, checksum(ip_sum_ + raw16(length) + raw32(source_low)));
  }
  m->data_len = static_cast<std::uint16_t>(length_ + payload);
  m->pkt_len = m->data_len;
  const auto l4_length = static_cast<std::uint16_t>(length_ - Ip::kL4 + payload);
  return l4_sum_ + raw32(source_low) + raw16(l4_length);
}

// Where the frame is written. A mbuf may have served another purpose just before.
inline std::uint8_t* reset(rte_mbuf* m) noexcept {
  m->data_off = RTE_PKTMBUF_HEADROOM;
  m->ol_flags = 0;
  m->packet_type = 0;
  return rte_pktmbuf_mtod(m, std::uint8_t*);
}

template <class Ip>
template <bool kTimestamps>
inline void Template<Ip>::tcp(rte_mbuf* m, const TcpFields& f, std::size_t ts_at, const Query* query,
                              std::uint16_t id) const noexcept {
  std::uint8_t* const frame = reset(m);
  Sum sum = start(m, frame, f.source_low, query != nullptr ? query->stream_length : 0u);
  std::uint8_t* const l4 = frame + Ip::kL4;
  put16(l4, raw16(f.source_port));
  put32(l4 + 4, raw32(f.seq));
  put32(l4 + 8, raw32(f.ack));
  sum += static_cast<Sum>(raw16(f.source_port)) + raw32(f.seq) + raw32(f.ack);
  if constexpr (kTimestamps) {
    put32(l4 + ts_at, raw32(f.ts_value));
    put32(l4 + ts_at + 4, raw32(f.ts_echo));
    sum += static_cast<Sum>(raw32(f.ts_value)) + raw32(f.ts_echo);
  }
  if (query != nullptr) {
    std::uint8_t* const payload = frame + length_;
    copy_blocks(payload, query->stream, query->stream_length);
    sum += query->stream_sum;
    if (query->kind == Query::Kind::dns) {
      put16(payload + 2, raw16(id));
      sum += raw16(id);
    }
  }
  put16(l4 + 16, checksum(sum));
}

template <class Ip>
inline void Template<Ip>::udp(rte_mbuf* m, std::uint32_t source_low, std::uint16_t source_port, const Query& query,
                              std::uint16_t id) const noexcept {
  std::uint8_t* const frame = reset(m);
  Sum sum = start(m, frame, source_low, query.message_length);
  std::uint8_t* const l4 = frame + Ip::kL4;
  const auto length = static_cast<std::uint16_t>(8 + query.message_length);
  put16(l4, raw16(source_port));
  put16(l4 + 4, raw16(length));
  copy_blocks(l4 + 8, query.message(), query.message_length);
  sum += static_cast<Sum>(raw16(source_port)) + raw16(length) + query.datagram_sum;
  if (query.has_id()) {
    put16(l4 + 8 + query.id_at, raw16(id));
    sum += raw16(id);
  }
  const std::uint16_t sum16 = checksum(sum);
  put16(l4 + 6, sum16 != 0 ? sum16 : 0xffff);  // RFC 768: zero would mean none
}

extern template class Template<Ip4>;
extern template class Template<Ip6>;

// What the clients read of a frame that came for one of them.
struct Received {
  std::uint32_t source_index;  // which of our addresses
  std::uint16_t our_port;
  const std::uint8_t* l4;
  std::size_t l4_length;
  Sum pseudo_sum;  // of the pseudo-header
};

// Nothing where the frame is not IP of this family and `protocol`, from the target to one of our addresses.
template <class Ip>
[[nodiscard]] inline std::optional<Received> receive(const rte_mbuf* m, const Sources& sources,
                                                     std::uint32_t target_low, std::uint8_t protocol) noexcept {
  const std::uint8_t* const frame = rte_pktmbuf_mtod(m, const std::uint8_t*);
  const std::size_t length = m->data_len;
  if (length < Ip::kL4 + 8 || load_be<std::uint16_t>(frame + 12) != Ip::kEtherType) return std::nullopt;
  const std::uint8_t* const ip = frame + kEthernet;
  std::size_t total = 0;
  if constexpr (Ip::kChecksum) {
    if (ip[0] != 0x45 || ip[9] != protocol) return std::nullopt;
    total = load_be<std::uint16_t>(ip + 2);
  } else {
    if (ip[0] >> 4 != 6 || ip[6] != protocol) return std::nullopt;
    total = load_be<std::uint16_t>(ip + 4) + Ip::kHeader;
  }
  if (total < Ip::kHeader + 8 || total > length - kEthernet || m->nb_segs != 1) return std::nullopt;
  const std::uint32_t index = load_be<std::uint32_t>(frame + Ip::kTargetAt) - sources.low;
  if (index >= sources.count || load_be<std::uint32_t>(frame + Ip::kSourceAt) != target_low) return std::nullopt;
  Received r{};
  r.source_index = index;
  r.l4 = frame + Ip::kL4;
  r.l4_length = total - Ip::kHeader;
  r.our_port = load_be<std::uint16_t>(r.l4 + 2);
  constexpr std::size_t kAddresses = Ip::kChecksum ? 8 : 32;
  r.pseudo_sum =
      sum_bytes(r.l4 - kAddresses, kAddresses) + raw16(protocol) + raw16(static_cast<std::uint16_t>(r.l4_length));
  return r;
}

}  // namespace gl::load
