#include "lib/dpdk/rss.h"

#include <rte_ethdev.h>
#include <rte_thash.h>

#include "lib/base/endian.h"

namespace gl::dpdk {

namespace {

// rte_softrss takes 32-bit words whose values are those of the wire.
std::uint32_t toeplitz(const std::vector<std::uint8_t>& key, const UdpFlow& flow) noexcept {
  std::uint32_t words[RTE_THASH_V6_L4_LEN];
  std::uint32_t count = 0;
  for (const wire::IpAddress* const address : {&flow.source, &flow.destination}) {
    std::visit(
        [&](const auto& a) {
          for (std::size_t at = 0; at < a.bytes.size(); at += 4) words[count++] = load_be<std::uint32_t>(&a.bytes[at]);
        },
        *address);
  }
  words[count++] = std::uint32_t{flow.source_port} << 16 | flow.destination_port;
  return rte_softrss(words, count, key.data());
}

std::optional<std::vector<std::uint16_t>> read_table(std::uint16_t port, std::uint16_t size) {
  constexpr unsigned kGroup = RTE_ETH_RETA_GROUP_SIZE;
  std::vector<rte_eth_rss_reta_entry64> groups((size + kGroup - 1) / kGroup);
  for (auto& group : groups) group.mask = UINT64_MAX;
  if (size % kGroup != 0) groups.back().mask = (std::uint64_t{1} << size % kGroup) - 1;
  if (groups.empty() || rte_eth_dev_rss_reta_query(port, groups.data(), size) != 0) return std::nullopt;
  std::vector<std::uint16_t> table(size);
  for (unsigned i = 0; i < size; ++i) table[i] = groups[i / kGroup].reta[i % kGroup];
  return table;
}

}  // namespace

std::uint32_t Rss::hash(const UdpFlow& flow) const noexcept {
  return toeplitz(key, flow);
}

std::optional<Rss> read_rss(std::uint16_t port) {
  // One end only, or other layers: a hash over something else.
  constexpr std::uint64_t kOtherwise =
      RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_SRC_ONLY | RTE_ETH_RSS_L4_DST_ONLY;
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(port, &info) != 0 || info.reta_size == 0) return std::nullopt;
  Rss rss;
  rss.key.resize(info.hash_key_size == 0 ? Rss::kLeastKey : info.hash_key_size);
  rte_eth_rss_conf conf{};
  conf.rss_key = rss.key.data();
  conf.rss_key_len = static_cast<std::uint8_t>(rss.key.size());
  if (rte_eth_dev_rss_hash_conf_get(port, &conf) != 0 || (conf.rss_hf & kOtherwise) != 0) return std::nullopt;
  rss.udp_v4 = (conf.rss_hf & RTE_ETH_RSS_NONFRAG_IPV4_UDP) != 0;
  rss.udp_v6 = (conf.rss_hf & RTE_ETH_RSS_NONFRAG_IPV6_UDP) != 0;
  auto table = read_table(port, info.reta_size);
  if (rss.key.size() < Rss::kLeastKey || !table || (!rss.udp_v4 && !rss.udp_v6)) return std::nullopt;
  rss.table = std::move(*table);
  return rss;
}

}  // namespace gl::dpdk
