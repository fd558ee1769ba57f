// Datagrams of a service whose deadline has passed, as mbufs in the transmit bursts of the ports that their receivers
// were heard through. Ownership: holds one buffer between room() and send(). Thread: the worker's.
#pragma once

#include "lib/datapath/datagram.h"
#include "lib/worker/context.h"
#include "lib/worker/transmit.h"

namespace gl::worker {

class TimedSender final : public DatagramSender {
 public:
  explicit TimedSender(WorkerContext& context) noexcept : context_(context) {}

  [[nodiscard]] MutableBytes room(const Peer& peer) noexcept override {
    if (peer.interface >= context_.port_count) return {};
    if (mbuf_ == nullptr) mbuf_.reset(rte_pktmbuf_alloc(context_.settings.pool));
    if (mbuf_ == nullptr) {
      context_.counters.no_buffer.add();
      return {};
    }
    frame_ = frame_of(mbuf_.get());
    const std::size_t at = datapath::datagram_payload_at(peer);
    if (at > frame_.capacity) return {};
    const std::size_t most = datapath::largest_datagram(*context_.ports[peer.interface].interface, peer);
    return {frame_.data + at, std::min(frame_.capacity - at, most)};
  }
  void send(const Peer& peer, std::uint16_t from_port, std::size_t length) noexcept override {
    if (mbuf_ == nullptr || peer.interface >= context_.port_count) return;
    PortQueue& port = context_.ports[peer.interface];
    datapath::write_datagram(frame_, *port.interface, peer, from_port, length);
    context_.counters.timed_datagrams.add();
    push_frame(port.out, std::move(mbuf_), frame_, context_.counters);
  }

 private:
  WorkerContext& context_;
  dpdk::Mbuf mbuf_;
  datapath::Frame frame_;
};

}  // namespace gl::worker
