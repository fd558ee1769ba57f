// The kernel beside a port: which frames are its, how many a second, and what becomes of those that it sends.
#include <gtest/gtest.h>

#include "lib/datapath/kernel_frame.h"
#include "lib/datapath/kernel_gate.h"
#include "tests/unit/pipeline_harness.h"

namespace gl::test {
namespace {

using datapath::finish_kernel_frame;
using datapath::KernelFrame;
using datapath::KernelGate;
using datapath::Verdict;

constexpr wire::Ipv4Address kTheirs4{{192, 0, 2, 9}};
constexpr std::uint32_t kRate = 3;

struct BesideKernel : Harness {
  KernelGate gate{kRate, {*parse_network("192.0.2.2"), *parse_network("2001:db8::2")}};
  BesideKernel() {
    interface.kernel = true;
    pipeline.beside_kernel(&gate);
    gate.refill(1000);
  }
};

template <class Ip>
Buffer framed(const Ip& ip, const Buffer& payload, const EthernetFrame& link = eth()) {
  return link.upper(std::is_same_v<Ip, Ipv6> ? 0x86dd : 0x0800, ip(payload));
}

Buffer syn(unsigned port) {
  Ipv4 ip;
  ip.protocol = 6;
  Tcp segment;
  segment.to = port;
  return framed(ip, summed(ip, segment(), 16));
}

constexpr unsigned kLldp = 0x88cc;

TEST(Kernel, GetsWhatNoServiceTakes) {
  BesideKernel core;
  Ipv4 ip;
  EXPECT_EQ(core.give(syn(22)), Verdict::to_kernel);
  EXPECT_EQ(core.give(syn(53)), Verdict::tcp_syn_ack);
  core.gate.refill(2000);
  EXPECT_EQ(core.give(framed(ip, summed(ip, udp(Buffer{1, 2}, 40000, 5353), 6))), Verdict::to_kernel);
  EXPECT_EQ(core.give(framed(ip, summed(ip, udp(Buffer{1, 2}), 6))), Verdict::udp_reply);
  ip.to = kTheirs4;
  EXPECT_EQ(core.give(framed(ip, Buffer(8))), Verdict::to_kernel);
  EXPECT_EQ(core.give(eth().upper(kLldp, Buffer(46))), Verdict::to_kernel);
  // Nobody's, and broken.
  EXPECT_EQ(core.give(framed(ip, Buffer(8), eth({{2, 0, 0, 0, 0, 9}}))), Verdict::drop_not_our_mac);
  ip.to = kOurs4;
  EXPECT_EQ(core.give(framed(ip, udp(Buffer{1, 2}, 40000, 5353, 1))), Verdict::drop_udp_length);
  EXPECT_EQ(core.received, core.counters.verdict_sum());
}

// What asks the service from its own kernel goes by a router, and the answer comes back by it, with our address.
TEST(Kernel, GetsTheServicesOwnAnswer) {
  BesideKernel core;
  Ipv4 v4;
  v4.from = kOurs4;
  v4.to = kTheirs4;
  Ipv6 v6;
  v6.from = kOurs6;
  v6.to = kClient6;
  EXPECT_EQ(core.give(framed(v4, Buffer(8))), Verdict::to_kernel);
  EXPECT_EQ(core.give(framed(v6, Buffer(8))), Verdict::to_kernel);
  v4.to = kOurs4;
  v6.to = kOurs6;
  EXPECT_EQ(core.give(framed(v4, Buffer(8))), Verdict::drop_ipv4_source);
  EXPECT_EQ(core.give(framed(v6, Buffer(8))), Verdict::drop_ipv6_source);
}

TEST(Kernel, WithoutAPortGetsNothing) {
  Harness core;
  EXPECT_EQ(core.give(syn(22)), Verdict::tcp_reset_closed_port);
  EXPECT_EQ(core.give(eth().upper(kLldp, Buffer(46))), Verdict::drop_ether_type);
}

TEST(Kernel, EachKindHasItsRate) {
  BesideKernel core;
  Ipv4 stranger, peer;
  stranger.to = peer.to = kTheirs4;
  stranger.from = {{198, 18, 0, 1}};
  const auto give = [&](const Buffer& frame, unsigned count) {
    for (unsigned i = 0; i + 1 < count; ++i) core.give(frame);
    return core.give(frame);
  };
  EXPECT_EQ(give(framed(stranger, Buffer(8)), kRate), Verdict::to_kernel);
  EXPECT_EQ(give(framed(stranger, Buffer(8)), 1000), Verdict::drop_kernel_limited);
  EXPECT_EQ(give(framed(peer, Buffer(8)), kRate), Verdict::to_kernel);
  EXPECT_EQ(give(framed(peer, Buffer(8)), 1), Verdict::drop_kernel_limited_peer);
  const Buffer asked = eth(wire::kBroadcastMac).arp(arp(1, kClientMac, {{192, 0, 2, 77}}, kTheirs4));
  EXPECT_EQ(give(asked, kRate), Verdict::to_kernel);
  EXPECT_EQ(give(asked, 1), Verdict::drop_kernel_limited_link);
  core.gate.refill(1400);
  EXPECT_EQ(give(framed(stranger, Buffer(8)), 1), Verdict::to_kernel);
  EXPECT_EQ(give(framed(stranger, Buffer(8)), 1), Verdict::drop_kernel_limited);
  EXPECT_EQ(core.received, core.counters.verdict_sum());
}

// What the kernel leaves in the field: the sum of the pseudo header, not inverted.
template <class Ip>
Buffer unfinished(const Ip& ip, Buffer message, std::size_t at) {
  const unsigned sum = ~naive_checksum(ip.pseudo(message.size())) & 0xffff;
  message[at] = static_cast<std::uint8_t>(sum >> 8);
  message[at + 1] = static_cast<std::uint8_t>(sum);
  return message;
}

template <class Ip>
void finishes(Ip ip, unsigned protocol, std::size_t at, const Buffer& message) {
  datapath::Interface interface;
  interface.mac = kClientMac;
  ip.protocol = protocol;
  const Buffer wanted = framed(ip, summed(ip, message, at));
  Buffer frame = framed(ip, unfinished(ip, message, at));
  ASSERT_NE(frame, wanted);
  EXPECT_EQ(finish_kernel_frame(frame, interface), KernelFrame::good);
  EXPECT_EQ(frame, wanted);
  EXPECT_EQ(finish_kernel_frame(frame, interface), KernelFrame::good);
  EXPECT_EQ(frame, wanted);
  // The other way, of whatever MAC.
  Buffer received = framed(ip, unfinished(ip, message, at));
  datapath::finish_received_frame(received);
  EXPECT_EQ(received, wanted);
  for (std::size_t length = 0; length < wanted.size(); ++length) {
    Buffer cut = first_of(framed(ip, unfinished(ip, message, at)), length);
    const Buffer before = cut;
    datapath::finish_received_frame(cut);
    EXPECT_EQ(cut, before) << length;
  }
}

TEST(Kernel, ChecksumsAreFinished) {
  Buffer segment(20 + 7, 0x5a);
  segment[16] = segment[17] = 0;
  finishes(Ipv4{}, 6, 16, segment);
  finishes(Ipv6{}, 6, 16, segment);
  finishes(Ipv4{}, 17, 6, udp(Buffer{1, 2, 3}));
  finishes(Ipv6{}, 17, 6, udp(Buffer{1, 2, 3}));
}

TEST(Kernel, FramesThatCannotLeave) {
  datapath::Interface interface;
  interface.mac = kClientMac;
  const auto result = [&](Buffer frame) { return finish_kernel_frame(frame, interface); };
  Ipv4 ip;
  EXPECT_EQ(result(framed(ip, Buffer(1480))), KernelFrame::good);
  EXPECT_EQ(result(framed(ip, Buffer(1481))), KernelFrame::too_long);
  ip.extra_length = 1;
  EXPECT_EQ(result(framed(ip, Buffer(100))), KernelFrame::too_long);
  Ipv6 ip6;
  ip6.extra_length = 1;
  EXPECT_EQ(result(framed(ip6, Buffer(100))), KernelFrame::too_long);
  EXPECT_EQ(result(Buffer(13)), KernelFrame::too_long);
  EXPECT_EQ(result(framed(Ipv4{}, Buffer(100), eth(kClientMac, kOurMac))), KernelFrame::other_mac);
  EXPECT_EQ(result(eth().upper(kLldp, Buffer(46))), KernelFrame::good);
  // Cut off at every length: nothing is read beyond the end (a sanitizer would say so).
  const Buffer whole = framed(Ipv6{}, udp(Buffer(30)));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(result(first_of(whole, length)), KernelFrame::other_mac) << length;
  }
}

}  // namespace
}  // namespace gl::test
