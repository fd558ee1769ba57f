#include <rte_ethdev.h>

#include <string>

#include "lib/control/metrics/collect.h"

namespace gl::control {

namespace {

MetricFamilies::Labels port_label(std::uint16_t port) {
  return {{"port", std::to_string(port)}};
}

void collect_queues(MetricFamilies& families, const worker::WorkerContext& context, const worker::PortQueue& queue) {
  MetricFamilies::Labels labels = core_label(context);
  labels.push_back({"port", std::to_string(queue.port)});
  const auto put = [&](const char* name, const char* help, const Counter& counter) {
    families.counter(name, help, labels, static_cast<double>(counter.value()));
  };
  const dpdk::TxCounters& out = queue.out.counters();
  put("goldilocks_port_received_frames_total", "Frames taken from a port by a core", queue.received);
  put("goldilocks_port_received_bytes_total", "Bytes of them", queue.received_bytes);
  put("goldilocks_port_sent_frames_total", "Frames of a core that a port took", out.sent);
  put("goldilocks_port_sent_bytes_total", "Bytes of them", out.sent_bytes);
  put("goldilocks_port_tx_full_frames_total", "Replies lost: the port's queue stayed full", out.lost);
}

// rte_eth_stats: what it says depends on the driver.
void collect_device(MetricFamilies& families, std::uint16_t port) {
  rte_eth_stats stats{};
  if (rte_eth_stats_get(port, &stats) != 0) return;
  const auto put = [&](const char* name, const char* help, std::uint64_t value) {
    families.counter(name, help, port_label(port), static_cast<double>(value));
  };
  put("goldilocks_ethdev_received_packets_total", "Frames that the device received (ipackets)", stats.ipackets);
  put("goldilocks_ethdev_received_bytes_total", "Bytes of them (ibytes)", stats.ibytes);
  put("goldilocks_ethdev_sent_packets_total", "Frames that the device sent (opackets)", stats.opackets);
  put("goldilocks_ethdev_sent_bytes_total", "Bytes of them (obytes)", stats.obytes);
  put("goldilocks_ethdev_missed_packets_total", "Frames lost: the receive queue was full (imissed)", stats.imissed);
  put("goldilocks_ethdev_receive_errors_total", "Frames received with an error (ierrors)", stats.ierrors);
  put("goldilocks_ethdev_send_errors_total", "Frames that could not be sent (oerrors)", stats.oerrors);
  put("goldilocks_ethdev_no_mbuf_total", "Frames lost: no buffer for them was free (rx_nombuf)", stats.rx_nombuf);
}

void collect_port(MetricFamilies& families, const dpdk::Port& port) {
  MetricFamilies::Labels labels = port_label(port.id());
  labels.push_back({"name", port.name()});
  labels.push_back({"driver", port.driver()});
  families.gauge("goldilocks_port_info", "A port's name and driver; always 1", labels, 1);
  families.gauge("goldilocks_port_up", "Whether the link of a port is up", port_label(port.id()), port.link_up());
  families.gauge("goldilocks_port_mtu_bytes", "MTU of a port", port_label(port.id()), port.mtu());
}

}  // namespace

void collect_ports(MetricFamilies& families, const Workers& workers, const Network& network) {
  for (const auto& context : workers.contexts()) {
    for (std::size_t i = 0; i < context->port_count; ++i) {
      const worker::PortQueue& queue = context->ports[i];
      collect_queues(families, *context, queue);
      if (queue.kernel != nullptr) collect_queues(families, *context, *queue.kernel);
    }
  }
  for (std::size_t i = 0; i < network.ports().size(); ++i) {
    for (const dpdk::Port* const port : {&network.ports()[i], network.kernel_port(i)}) {
      if (port == nullptr) continue;
      collect_port(families, *port);
      collect_device(families, port->id());
    }
  }
}

}  // namespace gl::control
