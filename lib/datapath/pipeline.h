// The way of a frame, stage by stage: the table of contents of this folder. One Pipeline is one core's.
//   ethernet.h -> arp.h | ipv4.h | ipv6.h -> icmp.h | icmpv6.h, ndp.h | udp.h | tcp.h -> reply.h
// With name servers behind: udp.h -> backend_reply.h; udp.h, tcp.h -> suspend.h, and from the start again when the
// answer is there.
// With the kernel beside it: what no stage wants -> kernel_gate.h.
// It needs neither the EAL nor a port. To feed whole frames from a test or a fuzzer: fill in an Interface and a
// Registry, make a Responder (begin_burst() once), construct a Pipeline, put the bytes into writable memory of at
// least l2 + MTU, point a Frame at it (data, length, capacity), and call process() with a sink (sink.h). Byte order:
// wire. Ownership: borrows everything it is given. Thread: that core only. Errors: verdict.h; each is counted.
#pragma once

#include <array>
#include <optional>

#include "lib/datapath/arp.h"
#include "lib/datapath/counters.h"
#include "lib/datapath/ethernet.h"
#include "lib/datapath/icmp.h"
#include "lib/datapath/icmpv6.h"
#include "lib/datapath/ipv4.h"
#include "lib/datapath/ipv6.h"
#include "lib/datapath/kernel_gate.h"
#include "lib/datapath/tcp.h"
#include "lib/datapath/udp.h"

namespace gl::datapath {

class Pipeline {
 public:
  Pipeline(const Registry& services, tcp::Responder& responder, CoreCounters& counters) noexcept
      : services_(services), responder_(responder), counters_(counters), timed_(responder.bulk_flows()) {}
  // Before the first frame, where anything is forwarded.
  void forward_to(const Upstream& upstream) noexcept { upstream_ = upstream; }

  // Before the first frame, where any port has the kernel beside it; null otherwise.
  void beside_kernel(KernelGate* gate) noexcept { kernel_gate_ = gate; }

  // One frame to its end. The frame may be overwritten; sink.reply() has been called at most once. After `to_kernel`
  // the frame is as it came, and the caller's to give there.
  template <ReplySink Sink>
  Verdict process(Frame& frame, const Interface& interface, Sink& sink) noexcept {
    const Verdict verdict = run(frame, interface, sink);
    if (interface.kernel && is_for_kernel(verdict)) return count(kernel_gate_->admit({frame.data, frame.length}));
    return count(verdict);
  }

  // One long answer that is due by `now_ms`; nothing: none is. A frame with room for TimedFlows::kFrame bytes is then
  // to be written by write_timer_frame() and given to process(), through the interface that the client was heard on.
  [[nodiscard]] std::optional<std::uint32_t> next_due(std::uint64_t now_ms) noexcept {
    return responder_.next_due(now_ms);
  }
  [[nodiscard]] bool has_timers() const noexcept { return responder_.next_deadline().has_value(); }
  // It could not be given its turn.
  void postpone(std::uint32_t due, std::uint64_t now_ms) noexcept { responder_.postpone(due, now_ms); }
  [[nodiscard]] std::uint16_t interface_of(std::uint32_t due) const noexcept { return timed_.interface_of(due); }
  void write_timer_frame(std::uint32_t due, Frame& frame) const noexcept {
    timed_.write(due, responder_.bulk_key(due), frame);
  }

  // For a frame that ends before the first stage.
  Verdict count(Verdict verdict) noexcept {
    counters_.verdicts[index(verdict)].add();
    return verdict;
  }

 private:
  template <ReplySink Sink>
  Verdict run(Frame& frame, const Interface& interface, Sink& sink) noexcept {
    Packet packet;
    if (const Verdict verdict = ethernet(frame, packet, interface); verdict != kContinue) return verdict;
    Verdict verdict;
    switch (static_cast<wire::EtherType>(packet.ether_type)) {
      case wire::EtherType::ipv4:
        verdict = ipv4(frame, packet, interface);
        break;
      case wire::EtherType::ipv6:
        verdict = ipv6(frame, packet, interface);
        break;
      case wire::EtherType::arp:
        return deliver(arp(frame, packet, interface), frame, sink);
      default:
        return Verdict::drop_ether_type;
    }
    if (verdict != kContinue) return verdict;
    return upper_layer(frame, packet, interface, sink);
  }

  template <ReplySink Sink>
  Verdict upper_layer(Frame& frame, const Packet& packet, const Interface& interface, Sink& sink) noexcept {
    switch (static_cast<wire::IpProtocol>(packet.protocol)) {
      case wire::IpProtocol::tcp:
        return packet.ip_group ? Verdict::drop_ipv6_destination
                               : tcp_segment(frame, packet, interface, services_, responder_, timed_, counters_, sink);
      case wire::IpProtocol::udp:
        return packet.ip_group
                   ? Verdict::drop_ipv6_destination
                   : udp(frame, packet, interface, services_, upstream_, responder_, scratch_, counters_, sink);
      case wire::IpProtocol::icmp:
        if (packet.v6) break;
        return deliver(icmp(frame, packet, interface, services_, responder_, sink), frame, sink);
      case wire::IpProtocol::icmpv6:
        if (!packet.v6) break;
        return deliver(icmpv6(frame, packet, interface, services_, responder_, sink), frame, sink);
    }
    return Verdict::drop_ip_protocol;
  }

  // The stages that answer one frame with one frame write it in place and say so by their verdict.
  template <ReplySink Sink>
  static Verdict deliver(Verdict verdict, Frame& frame, Sink& sink) noexcept {
    switch (verdict) {
      case Verdict::arp_reply:
      case Verdict::icmp_echo_reply:
      case Verdict::icmpv6_echo_reply:
      case Verdict::ndp_advertised:
        sink.reply(frame);
        break;
      default:
        break;
    }
    return verdict;
  }

  const Registry& services_;
  tcp::Responder& responder_;
  CoreCounters& counters_;
  TimedFlows timed_;
  Upstream upstream_;
  KernelGate* kernel_gate_ = nullptr;
  alignas(64) std::array<std::uint8_t, 65536> scratch_;  // a datagram's request while its answer is written over it
};

}  // namespace gl::datapath
