#include "lib/dpdk/port.h"

#include <net/if.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string_view>

namespace gl::dpdk {

namespace {
constexpr std::uint16_t kEthernetOverhead = 14 + 4;  // header and one VLAN tag

std::string port_name(std::uint16_t id) {
  char name[RTE_ETH_NAME_MAX_LEN] = "";
  rte_eth_dev_get_name_by_port(id, name);
  return name;
}

PortOffloads offloads_of(const rte_eth_dev_info& info) {
  PortOffloads found;
  found.tx_ipv4_checksum = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
  found.tx_udp_checksum = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
  found.tx_tcp_checksum = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_CKSUM) != 0;
  found.rx_ipv4_checksum = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
  found.rx_udp_checksum = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_UDP_CKSUM) != 0;
  found.rx_tcp_checksum = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0;
  return found;
}
// A driver that does not know its largest MTU says 65535, and then means its longest frame (rte_ethdev does the same
// sum).
std::uint32_t largest_mtu(const rte_eth_dev_info& info) {
  if (info.max_mtu != UINT16_MAX) return info.max_mtu;
  return std::min<std::uint32_t>(UINT16_MAX, info.max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN);
}

// What the kernel says of the Linux interface behind the port (netdevice(7)); nothing where there is none.
std::optional<ifreq> ask_kernel(std::uint16_t id, unsigned long what) {
  rte_eth_dev_info info{};
  ifreq request{};
  if (rte_eth_dev_info_get(id, &info) != 0 || info.if_index == 0) return std::nullopt;
  if (if_indextoname(info.if_index, request.ifr_name) == nullptr) return std::nullopt;
  const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::nullopt;
  const bool known = ioctl(descriptor, what, &request) == 0;
  close(descriptor);
  return known ? std::optional(request) : std::nullopt;
}

// The drivers for Linux interfaces say 1500, whatever it is.
std::optional<std::uint16_t> kernel_mtu(std::uint16_t id) {
  const std::optional<ifreq> said = ask_kernel(id, SIOCGIFMTU);
  if (!said || said->ifr_mtu <= 0) return std::nullopt;
  return static_cast<std::uint16_t>(std::min(said->ifr_mtu, int{UINT16_MAX}));
}
}  // namespace

Result<std::vector<std::uint16_t>> Port::list() {
  std::vector<std::uint16_t> ids;
  const auto next = [](std::uint64_t from) {  // ports that no other device, such as a bond, has taken
    return rte_eth_find_next_owned_by(static_cast<std::uint16_t>(from), RTE_ETH_DEV_NO_OWNER);
  };
  for (std::uint64_t id = next(0); id < RTE_MAX_ETHPORTS; id = next(id + 1))
    ids.push_back(static_cast<std::uint16_t>(id));
  if (ids.empty() && rte_eal_has_hugepages() == 0 && rte_eal_has_pci() != 0) {
    return Error{
        "no ports: with --no-huge a NIC has to be bound to vfio-pci behind an IOMMU; otherwise hugepages, or --vdev"};
  }
  if (ids.empty()) {
    return Error{
        "no ports: bind a NIC to vfio-pci (dpdk-devbind.py) or name one, such as "
        "--vdev=net_af_packet0,iface=eth1 before --"};
  }
  return ids;
}

std::uint16_t Port::frame_length(std::uint16_t id, std::uint16_t mtu) {
  if (mtu == 0) {
    if (rte_eth_dev_get_mtu(id, &mtu) != 0) mtu = RTE_ETHER_MTU;
    mtu = std::min(mtu, kernel_mtu(id).value_or(mtu));
  }
  return static_cast<std::uint16_t>(mtu + kEthernetOverhead);
}

std::uint16_t Port::buffer_length(std::uint16_t id, std::uint16_t mtu) {
  const std::uint32_t frame = frame_length(id, mtu) + RTE_ETHER_CRC_LEN;
  constexpr std::uint32_t kUsual = RTE_MBUF_DEFAULT_DATAROOM;  // every NIC takes it whole
  if (frame <= kUsual) return frame_length(id, mtu);
  rte_eth_dev_info info{};
  const bool powers_of_two =
      rte_eth_dev_info_get(id, &info) == 0 && std::string_view(info.driver_name) == "net_e1000_em";
  constexpr std::uint32_t kStep = 1024;  // igb, ixgbe; finer for others
  return static_cast<std::uint16_t>(powers_of_two ? std::bit_ceil(frame) : (frame + kStep - 1) / kStep * kStep);
}

int Port::socket(std::uint16_t id) {
  return rte_eth_dev_socket_id(id);
}

Error Port::failure(const std::string& what, int code) const {
  return Error{"port " + name_ + ": " + what + ": " + rte_strerror(-code)};
}

Result<Port> Port::open(std::uint16_t id, const PortSettings& settings, std::span<rte_mempool* const> pools) {
  Port port;
  port.id_ = id;
  port.name_ = port_name(id);
  if (Status status = port.configure(settings, static_cast<std::uint16_t>(pools.size())); !status) {
    return Error{status.error()};
  }
  port.open_ = true;
  if (Status status = port.set_up_queues(settings, pools); !status) return Error{status.error()};
  return port;
}

Status Port::configure(const PortSettings& settings, std::uint16_t queues) {
  rte_eth_dev_info info{};
  if (const int code = rte_eth_dev_info_get(id_, &info); code != 0) return failure("no device information", code);
  driver_ = info.driver_name;
  if (info.max_rx_queues < queues || info.max_tx_queues < queues) {
    return Error{"port " + name_ + ": " + std::to_string(std::min(info.max_rx_queues, info.max_tx_queues)) +
                 " queue pairs for " + std::to_string(queues) +
                 " workers: give the EAL fewer lcores, or the device more queues (see drivers-config/)"};
  }
  queues_ = queues;
  offloads_ = offloads_of(info);
  rte_eth_conf conf{};
  conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
  filters_vlans_ = driver_ == "net_virtio" && (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_FILTER) != 0;
  if (filters_vlans_) conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_VLAN_FILTER;
  // A queue's buffers all come from one pool, unless workers hand frames over to each other.
  const std::uint64_t fast_free = queues == 1 ? RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE : 0;
  conf.txmode.offloads = info.tx_offload_capa & (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |
                                                 RTE_ETH_TX_OFFLOAD_TCP_CKSUM | fast_free);
  constexpr std::uint64_t kHashed = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;
  if (queues > 1 && (info.flow_type_rss_offloads & kHashed) != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & kHashed;
    offloads_.rss = true;
  }
  conf.intr_conf.rxq = settings.rx_interrupts ? 1 : 0;
  mtu_ = static_cast<std::uint16_t>(frame_length(id_, settings.mtu) - kEthernetOverhead);
  if (mtu_ < info.min_mtu || mtu_ > largest_mtu(info)) {
    return Error{"port " + name_ + ": MTU " + std::to_string(mtu_) + " is outside " + std::to_string(info.min_mtu) +
                 " to " + std::to_string(largest_mtu(info))};
  }
  conf.rxmode.mtu = mtu_;
  if (const int code = rte_eth_dev_configure(id_, queues, queues, &conf); code != 0) return failure("configure", code);
  if (settings.mtu != 0) {
    if (const int code = rte_eth_dev_set_mtu(id_, mtu_); code != 0 && code != -ENOTSUP) {
      return failure("MTU " + std::to_string(mtu_), code);
    }
  }
  rte_ether_addr mac{};
  if (const int code = rte_eth_macaddr_get(id_, &mac); code != 0) return failure("no MAC address", code);
  std::memcpy(mac_.bytes.data(), mac.addr_bytes, mac_.bytes.size());
  return success();
}

Status Port::set_up_queues(const PortSettings& settings, std::span<rte_mempool* const> pools) {
  std::uint16_t rx = settings.rx_descriptors;
  std::uint16_t tx = settings.tx_descriptors;
  if (const int code = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx, &tx); code != 0) return failure("queue sizes", code);
  const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(id_));
  const auto queues = static_cast<std::uint16_t>(pools.size());
  for (std::uint16_t queue = 0; queue < queues; ++queue) {
    if (const int code = rte_eth_rx_queue_setup(id_, queue, rx, socket, nullptr, pools[queue]); code != 0) {
      return failure("receive queue " + std::to_string(queue), code);
    }
    if (const int code = rte_eth_tx_queue_setup(id_, queue, tx, socket, nullptr); code != 0) {
      return failure("transmit queue " + std::to_string(queue), code);
    }
  }
  return success();
}

bool Port::link_up() const {
  rte_eth_link link{};
  if (rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status != RTE_ETH_LINK_UP) return false;
  // The drivers for Linux interfaces say that they are up, whatever they are.
  const std::optional<ifreq> said = ask_kernel(id_, SIOCGIFFLAGS);
  constexpr int kUp = IFF_UP | IFF_RUNNING;
  return !said || (said->ifr_flags & kUp) == kUp;
}

Port& Port::operator=(Port&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(mtu_, other.mtu_);
  std::swap(queues_, other.queues_);
  std::swap(open_, other.open_);
  std::swap(started_, other.started_);
  std::swap(filters_vlans_, other.filters_vlans_);
  std::swap(name_, other.name_);
  std::swap(driver_, other.driver_);
  std::swap(group_filter_, other.group_filter_);
  std::swap(mac_, other.mac_);
  std::swap(offloads_, other.offloads_);
  return *this;
}

Port::~Port() {
  stop();
  if (open_) rte_eth_dev_close(id_);
}

}  // namespace gl::dpdk
