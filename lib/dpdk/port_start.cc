// A port's start: what it is to let in.
#include <rte_ethdev.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "lib/dpdk/port.h"

namespace gl::dpdk {

// virtio keeps a tagged frame out until its VLAN is named, and a virtual function often does; others let all in unless
// they are told otherwise.
Status Port::let_vlans_in(const wire::VlanSet* wanted) {
  rte_eth_dev_info info{};
  const bool has_filter =
      rte_eth_dev_info_get(id_, &info) == 0 && (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0;
  if (!has_filter || (wanted == nullptr && !filters_vlans_)) return success();
  int code = 0;
  if (!filters_vlans_) {
    const int now = rte_eth_dev_get_vlan_offload(id_);
    code = now < 0 ? now : rte_eth_dev_set_vlan_offload(id_, now | RTE_ETH_VLAN_FILTER_OFFLOAD);
  }
  for (std::uint16_t vlan = 0; vlan <= wire::VlanSet::kLast && code == 0; ++vlan) {
    if (wanted == nullptr || wanted->has(vlan)) code = rte_eth_dev_vlan_filter(id_, vlan, 1);
  }
  return code == 0 || (code == -ENOTSUP && !filters_vlans_) ? success() : Status(failure("VLAN filter", code));
}

Status Port::start_promiscuous() {
  if (Status status = start({}); !status) return status;
  // A driver without it has a cable of its own, without a filter.
  if (const int code = rte_eth_promiscuous_enable(id_); code != 0 && code != -ENOTSUP) {
    return failure("cannot be made promiscuous", code);
  }
  return success();
}

Status Port::start(std::span<const wire::MacAddress> groups, Multicast wanted, const wire::VlanSet* vlans) {
  if (const int code = rte_eth_dev_start(id_); code != 0) return failure("start", code);
  started_ = true;
  if (Status status = let_vlans_in(vlans); !status) return status;
  const bool all = wanted == Multicast::all;
  if (groups.empty() && !all) return success();
  std::vector<rte_ether_addr> list(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i) std::memcpy(list[i].addr_bytes, groups[i].bytes.data(), 6);
  const int by_list =
      all ? -ENOTSUP : rte_eth_dev_set_mc_addr_list(id_, list.data(), static_cast<std::uint32_t>(list.size()));
  if (by_list == 0) return group_filter_ = "list", success();
  const int by_all = rte_eth_allmulticast_enable(id_);
  if (by_all == 0) return group_filter_ = "all multicast", success();
  const int by_promiscuous = rte_eth_promiscuous_enable(id_);
  if (by_promiscuous == 0) return group_filter_ = "promiscuous", success();
  // A cloud's NIC (ena, gve) has no filter to set: it brings what the cloud sends.
  if (by_all != -ENOTSUP || by_promiscuous != -ENOTSUP) {
    return failure("cannot receive multicast, which neighbour discovery needs", by_promiscuous);
  }
  group_filter_ = "no filter";
  return success();
}

void Port::stop() noexcept {
  if (started_) rte_eth_dev_stop(id_);
  started_ = false;
}

}  // namespace gl::dpdk
