#include "lib/worker/neighbour_prober.h"

#include <utility>

#include "lib/datapath/neighbour_probe.h"
#include "lib/worker/context.h"
#include "lib/worker/transmit.h"

namespace gl::worker {

void NeighbourProber::send(unsigned entry, datapath::NeighbourClock::Ask ask) noexcept {
  dpdk::Mbuf mbuf(rte_pktmbuf_alloc(pool_));
  if (mbuf == nullptr) return;
  const datapath::NeighbourTable::Key& key = table_.key(entry);
  PortQueue& port = ports_[key.interface];
  const bool alone = ask == datapath::NeighbourClock::Ask::neighbour;
  const wire::MacAddress known = table_.at(entry).mac();
  datapath::Frame frame = frame_of(mbuf.get());
  if (const auto* const hop = std::get_if<wire::Ipv6Address>(&key.address)) {
    const wire::MacAddress to = alone ? known : hop->solicited_node().multicast_mac();
    frame.length =
        datapath::write_solicitation(frame.data, *port.interface, to, *std::get_if<wire::Ipv6Address>(&key.ours), *hop);
  } else {
    frame.length = datapath::write_arp_request(frame.data, *port.interface, alone ? known : wire::kBroadcastMac,
                                               *std::get_if<wire::Ipv4Address>(&key.ours),
                                               *std::get_if<wire::Ipv4Address>(&key.address));
  }
  push_frame(port.out, std::move(mbuf), frame, counters_);
}

}  // namespace gl::worker
