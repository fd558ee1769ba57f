// Replies byte by byte: headers turned around, checksums by the port and in software, tags, padding, options, several
// segments.
#include "tests/unit/pipeline_harness.h"

namespace gl::test {
namespace {

using datapath::TxOffload;
using datapath::Verdict;

const Buffer kPayload = {'a', 'b', 'c', 'd', 'e'};
const Buffer kAnswer = {'e', 'd', 'c', 'b', 'a'};

// What a reply of ours must be, from the client's point of view.
Buffer expected_udp4() {
  Ipv4 ip;
  ip.from = kOurs4;
  ip.to = kClient4;
  Buffer packet = ip(summed(ip, udp(kAnswer, 53, 40000), 6));
  packet[1] = 0;              // traffic class
  packet[4] = packet[5] = 0;  // identification
  packet[6] = 0x40;           // DF
  packet[8] = 64;
  packet[10] = packet[11] = 0;
  const unsigned sum = naive_checksum(part(packet, 0, 20));
  packet[10] = static_cast<std::uint8_t>(sum >> 8);
  packet[11] = static_cast<std::uint8_t>(sum);
  return packet;
}
Buffer expected_udp6() {
  Ipv6 ip;
  ip.from = kOurs6;
  ip.to = kClient6;
  Buffer packet = ip(summed(ip, udp(kAnswer, 53, 40000), 6));
  packet[0] = 0x60;
  packet[1] = packet[2] = packet[3] = 0;
  packet[7] = 64;
  return packet;
}

TEST(Reply, UdpOverIpv4) {
  Harness harness;
  ASSERT_EQ(harness.give(eth().ipv4().udp(kPayload)), Verdict::udp_reply);
  EXPECT_EQ(harness.reply(), eth(kClientMac, kOurMac).upper(0x0800, expected_udp4()));
  EXPECT_EQ(harness.out.sent[0].tx.layer4, TxOffload::Layer4::none);
}

TEST(Reply, UdpOverIpv6) {
  Harness harness;
  ASSERT_EQ(harness.give(eth().ipv6().udp(kPayload)), Verdict::udp_reply);
  EXPECT_EQ(harness.reply(), eth(kClientMac, kOurMac).upper(0x86dd, expected_udp6()));
}

TEST(Reply, PaddingBehindThePacketIsNotPartOfIt) {
  Harness harness;
  Buffer frame = eth().ipv4().udp(kPayload);
  frame.resize(60, 0xee);
  ASSERT_EQ(harness.give(frame), Verdict::udp_reply);
  EXPECT_EQ(harness.reply(), eth(kClientMac, kOurMac).upper(0x0800, expected_udp4()));
}

TEST(Reply, CarriesTheVlanTagOfItsRequest) {
  Harness harness;
  ASSERT_EQ(harness.give(eth().vlan(0xa123).ipv4().udp(kPayload)), Verdict::udp_reply);
  EXPECT_EQ(harness.reply(), eth(kClientMac, kOurMac).vlan(0xa123).upper(0x0800, expected_udp4()));
  EXPECT_EQ(harness.out.sent[0].tx.l2_length, 18);
}

TEST(Reply, LeavesOutOptionsAndExtensionHeaders) {
  Harness harness;
  const Buffer record_route = {7, 7, 4, 0, 0, 0, 0, 0};
  ASSERT_EQ(harness.give(eth().ipv4({.options = record_route}).udp(kPayload)), Verdict::udp_reply);
  EXPECT_EQ(harness.reply(), eth(kClientMac, kOurMac).upper(0x0800, expected_udp4()));
  const Ipv6 padded{.extensions = {17, 0, 1, 4, 0, 0, 0, 0}, .first_extension = 60};  // destination options
  ASSERT_EQ(harness.give(eth().ipv6(padded).udp(kPayload)), Verdict::udp_reply);
  EXPECT_EQ(harness.reply(), eth(kClientMac, kOurMac).upper(0x86dd, expected_udp6()));
}

// A port that computes checksums gets zero in IPv4 and the pseudo header's sum, not complemented, in layer 4.
TEST(Reply, ChecksumsLeftToThePort) {
  Harness harness;
  harness.interface.tx_ipv4_checksum = harness.interface.tx_udp_checksum = harness.interface.tx_tcp_checksum = true;
  ASSERT_EQ(harness.give(eth().ipv4().udp(kPayload)), Verdict::udp_reply);
  Ipv4 ip;
  ip.from = kOurs4;
  ip.to = kClient4;
  EXPECT_EQ(get16(harness.reply(), 14 + 10), 0u);
  EXPECT_EQ(get16(harness.reply(), 14 + 20 + 6), ~naive_checksum(ip.pseudo(13)) & 0xffff);
  const TxOffload& tx = harness.out.sent[0].tx;
  EXPECT_TRUE(tx.ipv4_checksum && !tx.v6 && tx.layer4 == TxOffload::Layer4::udp && tx.l2_length == 14 &&
              tx.l3_length == 20);

  ASSERT_EQ(harness.give(eth().ipv6().udp(kPayload)), Verdict::udp_reply);
  EXPECT_FALSE(harness.out.sent[0].tx.ipv4_checksum);
  EXPECT_TRUE(harness.out.sent[0].tx.v6);
  EXPECT_EQ(harness.out.sent[0].tx.l3_length, 40);

  ip.protocol = 6;
  ASSERT_EQ(harness.give(eth().ipv4().tcp()), Verdict::tcp_syn_ack);
  EXPECT_EQ(harness.out.sent[0].tx.layer4, TxOffload::Layer4::tcp);
  EXPECT_EQ(get16(harness.reply(), 14 + 20 + 16), ~naive_checksum(ip.pseudo(harness.reply().size() - 34)) & 0xffff);
}

// What the port has found right is not computed again; what it has not looked at is.
TEST(Reply, ChecksumsCheckedByThePort) {
  Harness harness;
  Buffer frame = eth().ipv4().udp(kPayload);
  frame[14 + 20 + 7] ^= 1;
  EXPECT_EQ(harness.give(frame), Verdict::drop_udp_checksum);
  harness.checksums_good = true;
  EXPECT_EQ(harness.give(frame), Verdict::udp_reply);
}

TEST(Reply, UdpSumOfZeroIsSentAsAllOnes) {
  Harness harness;
  // Chosen so that the reply's sum comes to zero: the answer's last word makes up for everything else.
  Ipv4 ip;
  ip.from = kOurs4;
  ip.to = kClient4;
  Buffer answer = {0, 0};
  const unsigned rest = naive_checksum(ip.pseudo(10) + udp(answer, 53, 40000));
  const Buffer request = {static_cast<std::uint8_t>(rest),
                          static_cast<std::uint8_t>(rest >> 8)};  // reversed on the way
  ASSERT_EQ(harness.give(eth().ipv4().upper(udp(request))), Verdict::udp_reply);
  EXPECT_EQ(get16(harness.reply(), 14 + 20 + 6), 0xffffu);
}

TEST(Reply, EchoKeepsItsDataAndLosesOptions) {
  Harness harness;
  const Buffer nops = {1, 1, 1, 0};
  ASSERT_EQ(harness.give(eth().ipv4({.options = nops}).icmp(echo(8, "some data"))), Verdict::icmp_echo_reply);
  EXPECT_EQ(part(harness.reply(), 34), summed(echo(0, "some data"), 2));
  Ipv6 v6;
  v6.protocol = 58;
  ASSERT_EQ(harness.give(eth().ipv6().icmp(echo(128, "odd"))), Verdict::icmpv6_echo_reply);
  std::swap(v6.from, v6.to);
  EXPECT_EQ(part(harness.reply(), 54), summed(v6, echo(129, "odd"), 2));
}

TEST(Reply, Arp) {
  Harness harness;
  ASSERT_EQ(harness.give(eth(wire::kBroadcastMac).arp(arp(1, kClientMac, kClient4, kOurs4))), Verdict::arp_reply);
  Buffer expected = arp(2, kOurMac, kOurs4, kClient4);
  std::copy(kClientMac.bytes.begin(), kClientMac.bytes.end(), expected.begin() + 18);
  EXPECT_EQ(harness.reply(), eth(kClientMac, kOurMac).arp(expected));
}

TEST(Reply, NeighborAdvertisementToTheAsker) {
  Harness harness;
  Ipv6 ip;
  ip.protocol = 58;
  ip.hop_limit = 255;
  ip.to = kOurs6.solicited_node();
  const Buffer ask = eth(ip.to.multicast_mac()).ipv6(ip).icmp(neighbor(135, kOurs6, link_option(1, kClientMac)));
  ASSERT_EQ(harness.give(ask), Verdict::ndp_advertised);
  Ipv6 back = ip;
  back.from = kOurs6;
  back.to = kClient6;
  Buffer expected = back(summed(back, neighbor(136, kOurs6, link_option(2, kOurMac), 0x60000000), 2));
  expected[0] = 0x60, expected[1] = expected[2] = expected[3] = 0;
  EXPECT_EQ(harness.reply(), eth(kClientMac, kOurMac).upper(0x86dd, expected));
}

TEST(Reply, NeighborAdvertisementToAProbe) {
  Harness harness;
  Ipv6 ip;
  ip.protocol = 58;
  ip.hop_limit = 255;
  ip.from = {};
  ip.to = kOurs6.solicited_node();
  ASSERT_EQ(harness.give(eth(ip.to.multicast_mac()).ipv6(ip).icmp(neighbor(135, kOurs6, {}))), Verdict::ndp_advertised);
  Ipv6 back = ip;
  back.from = kOurs6;
  back.to = wire::kAllNodes;
  Buffer expected = back(summed(back, neighbor(136, kOurs6, link_option(2, kOurMac), 0x20000000), 2));
  expected[0] = 0x60, expected[1] = expected[2] = expected[3] = 0;
  EXPECT_EQ(harness.reply(), eth(wire::kAllNodes.multicast_mac(), kOurMac).upper(0x86dd, expected));
}

// The client's side of one exchange with timestamps, over IPv6 and a tag: SYN, then a query.
struct Exchange {
  explicit Exchange(Harness& h) : harness(h) {}

  static Buffer frame(const Tcp& tcp, const Buffer& payload) { return eth().vlan(7).ipv6().tcp(tcp, payload); }
  // The query's verdict; the answer's segments are in the harness.
  Verdict ask(const Buffer& query) {
    Tcp syn;
    syn.options = {2, 4, 4, 0xc4, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0};  // MSS 1220
    EXPECT_EQ(harness.give(frame(syn, {})), Verdict::tcp_syn_ack);
    const Buffer syn_ack = part(harness.reply(), 18 + 40);
    EXPECT_EQ(syn_ack.size(), 20u + 16u);
    Tcp data;
    data.seq = 1001;
    data.ack = load_be<std::uint32_t>(syn_ack.data() + 4) + 1;
    data.flags = 0x18;
    data.options = {1, 1, 8, 10, 0, 0, 0, 2};
    put(data.options, part(syn_ack, 28, 4));
    return harness.give(frame(data, query));
  }
  Harness& harness;
};

Buffer query_of(std::size_t length) {
  Buffer query;
  put16(query, static_cast<unsigned>(length));
  for (std::size_t i = 0; i < length; ++i) query.push_back(static_cast<std::uint8_t>(i));
  return query;
}

// IPv6 and TCP checksums of a frame with a tag hold, by the naive sum.
void expect_sound(const Buffer& frame) {
  Ipv6 ip;
  ip.from = kOurs6;
  ip.to = kClient6;
  ip.protocol = 6;
  EXPECT_EQ(part(frame, 0, 18), eth(kClientMac, kOurMac).vlan(7).upper(0x86dd));
  EXPECT_EQ(get16(frame, 18 + 4), frame.size() - 58);
  EXPECT_EQ(naive_checksum(ip.pseudo(frame.size() - 58) + part(frame, 58)), 0u);
}

TEST(Reply, TcpAnswerInOneSegment) {
  Harness harness;
  Exchange exchange(harness);
  ASSERT_EQ(exchange.ask(query_of(20)), Verdict::tcp_answered);
  ASSERT_EQ(harness.out.sent.size(), 1u);
  expect_sound(harness.reply());
  const Buffer stream = part(harness.reply(), 58 + 32);
  EXPECT_EQ(get16(stream, 0), 20u);
  EXPECT_EQ(stream[2], 19);
  EXPECT_EQ(stream[21], 0);
}

TEST(Reply, TcpAnswerInSeveralSegments) {
  Harness harness;
  harness.service.repeat = 50;
  Exchange exchange(harness);
  ASSERT_EQ(exchange.ask(query_of(100)), Verdict::tcp_answered_withheld);
  ASSERT_GT(harness.out.sent.size(), 4u);
  Buffer stream;
  for (const auto& sent : harness.out.sent) {
    expect_sound(sent.bytes);
    EXPECT_LE(sent.bytes.size(), 58u + 20 + 1220);
    put(stream, part(sent.bytes, 58 + 32));
  }
  ASSERT_EQ(stream.size(), 5002u);
  EXPECT_EQ(get16(stream, 0), 5000u);
  for (std::size_t i = 0; i < 5000; ++i) ASSERT_EQ(stream[2 + i], 99 - i % 100);
  EXPECT_EQ(harness.counters.extra_segments.value(), harness.out.sent.size() - 1);
}

TEST(Reply, SegmentsWithoutABufferAreCounted) {
  Harness harness;
  harness.service.repeat = 50;
  harness.out.buffers = 2;
  Exchange exchange(harness);
  ASSERT_EQ(exchange.ask(query_of(100)), Verdict::tcp_answered_withheld);
  EXPECT_EQ(harness.out.sent.size(), 3u);
  EXPECT_EQ(harness.counters.extra_segments.value(), 2u);
  EXPECT_GT(harness.counters.no_buffer.value(), 0u);
}

}  // namespace
}  // namespace gl::test
