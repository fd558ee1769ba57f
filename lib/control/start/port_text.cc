#include "lib/control/start/port_text.h"

#include <rte_ethdev.h>

#include <utility>

#include "lib/control/log.h"

namespace gl::control {

namespace {

std::string names(bool ipv4, bool udp, bool tcp) {
  std::string text;
  for (const auto& [has, name] : {std::pair(ipv4, "IPv4"), std::pair(udp, "UDP"), std::pair(tcp, "TCP")}) {
    if (has) text.append(text.empty() ? "" : " ").append(name);
  }
  return text.empty() ? "none" : text;
}

}  // namespace

std::string describe_port(const dpdk::Port& port) {
  const dpdk::PortOffloads& o = port.offloads();
  return port.name() + ": " + port.driver() + ", " + counted(port.queues(), "queue") + (o.rss ? " by RSS" : "") +
         ", MTU " + std::to_string(port.mtu()) + ", multicast: " + port.group_filter() +
         ", checksums checked: " + names(o.rx_ipv4_checksum, o.rx_udp_checksum, o.rx_tcp_checksum) +
         ", computed: " + names(o.tx_ipv4_checksum, o.tx_udp_checksum, o.tx_tcp_checksum);
}

LogFields named_port(std::string_view line) {
  constexpr std::string_view kWord = "port ";
  for (auto at = line.find(kWord); at != std::string_view::npos; at = line.find(kWord, at + 1)) {
    const std::string_view rest = line.substr(at + kWord.size());
    std::string name(rest.substr(0, rest.find(' ')));
    while (name.ends_with(':') || name.ends_with(',')) name.pop_back();
    std::uint16_t id = 0;
    if (rte_eth_dev_get_port_by_name(name.c_str(), &id) == 0) return {{"port", name}};
  }
  return {};
}

}  // namespace gl::control
