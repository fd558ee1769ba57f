// Every verdict a frame can end in, each by a frame made for it; and the identity received == sum of the verdicts.
#include <set>

#include "tests/unit/pipeline_harness.h"
#include "tests/unit/too_big_frames.h"

namespace gl::test {
namespace {

using datapath::Verdict;

struct Case {
  std::string_view what;
  Verdict verdict;
  Buffer frame;
};

const Buffer kPayload = {'a', 'b', 'c', 'd'};

Buffer flipped(Buffer frame, std::size_t at) {
  frame.at(at) ^= 1;
  return frame;
}
Buffer with_byte(Buffer frame, std::size_t at, std::uint8_t byte) {
  frame.at(at) = byte;
  return frame;
}
wire::Ipv6Address ending_in(wire::Ipv6Address address, std::uint8_t last) {
  address.bytes[15] = last;
  return address;
}

std::vector<Case> link_cases() {
  const Buffer ask = arp(1, kClientMac, kClient4, kOurs4);
  const wire::MacAddress other{{2, 0, 0, 0, 0, 9}};
  const wire::MacAddress group{{3, 0, 0, 0, 0, 9}};
  return {
      {"a byte short of an Ethernet header", Verdict::drop_short, Buffer(13)},
      {"a byte short of a VLAN tag", Verdict::drop_short, part(eth().vlan(5).upper(0x0800), 0, 17)},
      {"for another MAC", Verdict::drop_not_our_mac, eth(other).ipv4().upper({})},
      {"from a group's MAC", Verdict::drop_source_mac, eth(kOurMac, group).ipv4().upper({})},
      {"from our own MAC", Verdict::drop_source_mac, eth(kOurMac, kOurMac).ipv4().upper({})},
      {"a service tag", Verdict::drop_vlan_stacked, eth().vlan(5, 0x88a8).ipv4().upper({})},
      {"the reserved VLAN", Verdict::drop_vlan, eth().vlan(4095).ipv4().upper({})},
      {"two VLAN tags", Verdict::drop_vlan_stacked, eth().vlan(5).vlan(6).ipv4().upper({})},
      {"LLDP", Verdict::drop_ether_type, eth().upper(0x88cc, Buffer(46))},
      {"ARP for us", Verdict::arp_reply, eth(wire::kBroadcastMac).arp(ask)},
      {"an ARP probe for us", Verdict::arp_reply, eth(wire::kBroadcastMac).arp(arp(1, kClientMac, {}, kOurs4))},
      {"ARP, a byte short", Verdict::drop_arp_malformed, eth().arp(part(ask, 0, 27))},
      {"ARP for other hardware", Verdict::drop_arp_malformed, eth().arp(flipped(ask, 1))},
      {"ARP with a hardware address of 7 bytes", Verdict::drop_arp_malformed, eth().arp(flipped(ask, 4))},
      {"ARP for another", Verdict::drop_arp_not_ours, eth().arp(arp(1, kClientMac, kClient4, {{192, 0, 2, 9}}))},
      {"an ARP reply", Verdict::drop_arp_operation, eth().arp(arp(2, kClientMac, kClient4, kOurs4))},
      {"an ARP request in our name", Verdict::drop_arp_conflict, eth().arp(arp(1, kClientMac, kOurs4, kOurs4))},
      {"an ARP reply in our name", Verdict::drop_arp_conflict, eth().arp(arp(2, kClientMac, kOurs4, kClient4))},
  };
}

std::vector<Case> ipv4_cases() {
  const auto udp4 = [](const Ipv4& ip) { return eth().ipv4(ip).udp(kPayload); };
  const auto from = [&](wire::Ipv4Address a) { return udp4({.from = a}); };
  const auto options = [&](const Buffer& o) { return udp4({.options = o}); };
  const auto carrying = [](unsigned protocol) { return eth().ipv4({.protocol = protocol}).upper(udp(kPayload)); };
  return {
      {"a byte short of a header", Verdict::drop_ipv4_header, eth().upper(0x0800, Buffer(19))},
      {"a header of 4 words", Verdict::drop_ipv4_header, flipped(udp4({}), 14)},
      {"options cut off", Verdict::drop_ipv4_header, part(options(Buffer(8)), 0, 14 + 24)},
      {"longer than the frame", Verdict::drop_ipv4_length, udp4({.extra_length = 1})},
      {"shorter than its header", Verdict::drop_ipv4_length, udp4({.extra_length = -13})},
      {"another TTL than was summed", Verdict::drop_ipv4_checksum, flipped(udp4({}), 22)},
      {"an option longer than its room", Verdict::drop_ipv4_options, options({7, 9, 4, 0})},
      {"a loose source route", Verdict::drop_ipv4_source_route, options({131, 3, 4, 0})},
      {"from this host", Verdict::drop_ipv4_source, from({{0, 0, 0, 0}})},
      {"from loopback", Verdict::drop_ipv4_source, from({{127, 0, 0, 1}})},
      {"from multicast", Verdict::drop_ipv4_source, from({{224, 0, 0, 1}})},
      {"from broadcast", Verdict::drop_ipv4_source, from({{255, 255, 255, 255}})},
      {"from the first of class E", Verdict::drop_ipv4_source, from({{240, 0, 0, 1}})},
      {"from the last of class E", Verdict::drop_ipv4_source, from({{255, 1, 2, 3}})},
      {"from us", Verdict::drop_ipv4_source, from(kOurs4)},
      {"to our network's broadcast", Verdict::drop_ipv4_destination, udp4({.to = {{192, 0, 2, 255}}})},
      {"a first fragment", Verdict::drop_ipv4_fragment, udp4({.fragment = 0x2000})},
      {"a last fragment", Verdict::drop_ipv4_fragment, udp4({.fragment = 1})},
      {"DF is no fragment", Verdict::udp_reply, udp4({.fragment = 0x4000})},
      {"unicast in a broadcast frame", Verdict::drop_link_group, eth(wire::kBroadcastMac).ipv4().upper(udp(kPayload))},
      {"SCTP", Verdict::drop_ip_protocol, carrying(132)},
      {"ICMPv6 in IPv4", Verdict::drop_ip_protocol, carrying(58)},
  };
}

std::vector<Case> ipv6_cases() {
  const auto udp6 = [](const Ipv6& ip) { return eth().ipv6(ip).udp(kPayload); };
  const auto from = [&](wire::Ipv6Address a) { return udp6({.from = a}); };
  const auto extension = [&](unsigned first, const Buffer& bytes) {
    return udp6({.extensions = bytes, .first_extension = first});
  };
  const auto to_all_nodes = [](const Ipv6& ip) {
    return eth(wire::kAllNodes.multicast_mac()).ipv6(ip).upper(udp(kPayload));
  };
  const Buffer jumbo = extension(0, {17, 0, 0xc2, 4, 0, 1, 0, 0});
  return {
      {"a byte short of a header", Verdict::drop_ipv6_header, eth().upper(0x86dd, Buffer(39))},
      {"version 7", Verdict::drop_ipv6_header, with_byte(udp6({}), 14, 0x7b)},
      {"longer than the frame", Verdict::drop_ipv6_length, udp6({.extra_length = 1})},
      {"a jumbogram", Verdict::drop_ipv6_length, with_byte(with_byte(jumbo, 18, 0), 19, 0)},
      {"from all nodes", Verdict::drop_ipv6_source, from(wire::kAllNodes)},
      {"from nobody", Verdict::drop_ipv6_source, from({})},
      {"from loopback", Verdict::drop_ipv6_source, from(ending_in({}, 1))},
      {"from an IPv4-mapped address", Verdict::drop_ipv6_source,
       from({{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9}})},
      {"from us", Verdict::drop_ipv6_source, from(kOurs6)},
      {"an authentication header", Verdict::drop_ipv6_extension, extension(51, {17, 0, 0, 0, 0, 0, 0, 0})},
      {"to another", Verdict::drop_ipv6_destination, udp6({.to = ending_in(kOurs6, 0x77)})},
      {"UDP to all nodes", Verdict::drop_ipv6_destination, to_all_nodes({.to = wire::kAllNodes})},
      {"a first fragment", Verdict::drop_ipv6_fragment, extension(44, {17, 0, 0, 1, 0, 0, 0, 9})},
      {"an atomic fragment", Verdict::udp_reply, extension(44, {17, 0, 0, 0, 0, 0, 0, 9})},
      {"hop-by-hop and destination options", Verdict::udp_reply,
       extension(0, {60, 0, 5, 2, 0, 0, 1, 0, 17, 0, 1, 4, 0, 0, 0, 0})},
      {"an extension header cut off", Verdict::drop_ipv6_malformed, extension(60, {17, 9, 1, 4, 0, 0, 0, 0})},
      {"a source route", Verdict::drop_ipv6_extension, extension(43, {17, 0, 0, 1, 0, 0, 0, 0})},
      {"hop-by-hop options not in front", Verdict::drop_ipv6_extension,
       extension(60, {0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0})},
      {"no next header", Verdict::drop_ipv6_no_next, eth().ipv6({.protocol = 59}).upper({})},
      {"unicast in a multicast frame", Verdict::drop_link_group, to_all_nodes({})},
      {"ICMP in IPv6", Verdict::drop_ip_protocol, eth().ipv6({.protocol = 1}).upper(udp(kPayload))},
  };
}

std::vector<Case> icmp_cases() {
  const auto icmp4 = [](const Buffer& message) { return eth().ipv4().icmp(message); };
  return {
      {"an echo request", Verdict::icmp_echo_reply, icmp4(echo(8, "hello"))},
      {"a byte short of a header", Verdict::drop_icmp_malformed, eth().ipv4({.protocol = 1}).upper(Buffer(7))},
      {"an echo request with a code", Verdict::drop_icmp_malformed, icmp4(echo(8, "", 1))},
      {"no checksum", Verdict::drop_icmp_checksum, eth().ipv4({.protocol = 1}).upper(echo(8, "hello"))},
      {"an echo reply", Verdict::drop_icmp_type, icmp4(echo(0, "hello"))},
      {"too big, of a segment of ours", Verdict::icmp_too_big_learned, too_big4(quoted4(1500, our_isn4() + 1), 1300)},
      {"too big, of none that we sent", Verdict::drop_icmp_too_big_invalid,
       too_big4(quoted4(1500, our_isn4() - 1), 1300)},
      {"too big, a bit flipped", Verdict::drop_icmp_checksum,
       flipped(too_big4(quoted4(1500, our_isn4() + 1), 1300), 36)},
  };
}

std::vector<Case> icmpv6_cases() {
  const auto icmp6 = [](const Buffer& message, const Ipv6& ip = {}) { return eth().ipv6(ip).icmp(message); };
  const auto near = [](const Buffer& message) { return eth().ipv6({.hop_limit = 255}).icmp(message); };
  const auto probe = [](const Buffer& options) {  // duplicate address detection
    const Ipv6 ip{.from = {}, .to = kOurs6.solicited_node(), .hop_limit = 255};
    return eth(ip.to.multicast_mac()).ipv6(ip).icmp(neighbor(135, kOurs6, options));
  };
  const Buffer source = link_option(1, kClientMac);
  const Buffer solicited = neighbor(135, kOurs6, source);
  return {
      {"too big, of a segment of ours", Verdict::icmpv6_too_big_learned, too_big6(quoted6(1500, our_isn6() + 1), 1300)},
      {"too big, of none that we sent", Verdict::drop_icmpv6_too_big_invalid,
       too_big6(quoted6(1500, our_isn6() - 1), 1300)},
      {"an echo request", Verdict::icmpv6_echo_reply, icmp6(echo(128, "hello"))},
      {"half a header", Verdict::drop_icmpv6_malformed, icmp6(Buffer(4))},
      {"an echo request with a code", Verdict::drop_icmpv6_malformed, icmp6(echo(128, "", 1))},
      {"a bit flipped", Verdict::drop_icmpv6_checksum, flipped(icmp6(echo(128, "hello")), 60)},
      {"an echo reply", Verdict::drop_icmpv6_type, icmp6(echo(129, "hello"))},
      {"an echo request from nobody", Verdict::drop_icmpv6_type, icmp6(echo(128, "hello"), {.from = {}})},
      {"a solicitation", Verdict::ndp_advertised, near(solicited)},
      {"a solicitation from nobody", Verdict::ndp_advertised, probe({})},
      {"the same that names a link address", Verdict::drop_ndp_invalid, probe(source)},
      {"a solicitation from afar", Verdict::drop_ndp_invalid, icmp6(solicited)},
      {"a solicitation with a code", Verdict::drop_ndp_invalid, near(flipped(solicited, 1))},
      {"an option of length 0", Verdict::drop_ndp_invalid, near(neighbor(135, kOurs6, {1, 0, 0, 0, 0, 0, 0, 0}))},
      {"a solicitation for a group", Verdict::drop_ndp_invalid, near(neighbor(135, wire::kAllNodes, source))},
      {"a solicitation, a byte short", Verdict::drop_ndp_invalid, near(part(neighbor(135, kOurs6, {}), 0, 23))},
      {"an advertisement without a target", Verdict::drop_ndp_invalid, near(part(neighbor(136, kOurs6, {}), 0, 8))},
      {"a solicitation for another", Verdict::drop_ndp_not_ours, near(neighbor(135, ending_in(kOurs6, 1), source))},
      {"an advertisement", Verdict::drop_ndp_advertisement, near(neighbor(136, kClient6, link_option(2, kClientMac)))},
      {"an advertisement in our name", Verdict::drop_ndp_conflict,
       near(neighbor(136, kOurs6, link_option(2, kClientMac)))},
      {"the same without a link address", Verdict::drop_ndp_conflict, near(neighbor(136, kOurs6, {}))},
  };
}

std::vector<Case> udp_cases() {
  const auto v4 = eth().ipv4();
  const auto v6 = eth().ipv6();
  return {
      {"over IPv4", Verdict::udp_reply, v4.udp(kPayload)},
      {"over IPv6", Verdict::udp_reply, v6.udp(kPayload)},
      {"no checksum over IPv4", Verdict::udp_reply, v4.upper(udp(kPayload))},
      {"no checksum over IPv6", Verdict::drop_udp_checksum, v6.upper(udp(kPayload))},
      {"a bit flipped over IPv4", Verdict::drop_udp_checksum, flipped(v4.udp(kPayload), 44)},
      {"a bit flipped over IPv6", Verdict::drop_udp_checksum, flipped(v6.udp(kPayload), 64)},
      {"a byte short of a header", Verdict::drop_udp_length, v4.upper(Buffer(7))},
      {"longer than its packet", Verdict::drop_udp_length, v4.udp(kPayload, 40000, 53, 1)},
      {"shorter than its header", Verdict::drop_udp_length, v4.udp(kPayload, 40000, 53, -5)},
      {"from port 0", Verdict::drop_udp_source_port, v4.udp(kPayload, 0)},
      {"from the port of echo", Verdict::drop_udp_source_port, v4.udp(kPayload, 7)},
      {"from the port of time", Verdict::drop_udp_source_port, v4.udp(kPayload, 37)},
      {"to a port without a service", Verdict::drop_udp_closed, v4.udp(kPayload, 40000, 54)},
      {"empty", Verdict::drop_udp_silent, v4.udp({})},
  };
}

std::vector<Case> tcp_cases() {
  const auto v4 = eth().ipv4();
  const Buffer timestamps = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1};
  Buffer beyond = Tcp{}();
  beyond[12] = 0x60;
  return {
      {"a SYN", Verdict::tcp_syn_ack, v4.tcp()},
      {"a byte short of a header", Verdict::drop_tcp_length, eth().ipv4({.protocol = 6}).upper(part(Tcp{}(), 0, 19))},
      {"data offset beyond the segment", Verdict::drop_tcp_length, v4.sealed(6, beyond, 16)},
      {"a bit flipped", Verdict::drop_tcp_checksum, flipped(v4.tcp(), 40)},
      {"from port 0", Verdict::drop_tcp_source_port, v4.tcp({.from = 0})},
      {"an MSS option of 3 bytes", Verdict::drop_tcp_options, v4.tcp({.options = {2, 3, 1, 1}})},
      {"to a port without a service", Verdict::tcp_reset_closed_port, v4.tcp({.to = 54})},
      {"data without a cookie", Verdict::tcp_reset_no_cookie,
       v4.tcp({.ack = 12345, .flags = 0x10, .options = timestamps}, kPayload)},
      {"a RST", Verdict::tcp_drop_rst, v4.tcp({.flags = 0x04})},
      {"SYN and FIN", Verdict::tcp_drop_flags, v4.tcp({.flags = 0x03})},
  };
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& some :
       {link_cases(), ipv4_cases(), ipv6_cases(), icmp_cases(), icmpv6_cases(), udp_cases(), tcp_cases()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::string_view name(Verdict verdict) {
  return datapath::kVerdictTexts[datapath::index(verdict)].name;
}

TEST(Verdicts, EachFrameEndsAsItShould) {
  Harness harness;
  for (const Case& c : all_cases()) {
    EXPECT_EQ(name(harness.give(c.frame)), name(c.verdict)) << c.what;
    EXPECT_NE(harness.out.sent.empty(), datapath::kVerdictTexts[datapath::index(c.verdict)].is_reply()) << c.what;
  }
  EXPECT_EQ(harness.counters.verdict_sum(), harness.received);
}

TEST(Verdicts, NoneOfTheFramesOwnIsLeftOut) {
  std::set<std::string_view> seen = {
      // These end before the stages, and the worker counts them: worker_forward_test.cc.
      "drop_chained", "drop_no_buffer",
      // These take backends, which the harness has not: datapath_neighbours_test.cc,
      // datapath_fragments_test.cc, and forward_pipeline_test.cc for the others.
      "neighbour_learned", "fragment_kept", "udp_suspended", "drop_udp_waiting", "backend_reply_taken",
      "drop_backend_late", "drop_backend_wrong", "drop_backend_malformed", "backend_handed_off", "drop_handoff_full",
      // These take the kernel beside us: datapath_kernel_test.cc.
      "to_kernel", "drop_kernel_limited", "drop_kernel_limited_peer", "drop_kernel_limited_link", "udp_handed_off",
      "icmp_too_big_handed_off" /* service_datagram_test.cc */};
  for (const Case& c : all_cases()) seen.insert(name(c.verdict));
  for (std::size_t i = 0; i < datapath::kVerdicts - tcp::kOutcomes; ++i) {
    EXPECT_TRUE(seen.contains(datapath::kVerdictTexts[i].name)) << datapath::kVerdictTexts[i].name;
  }
}

void give_damaged(Harness& harness) {
  harness.out.capacity = 0;  // no byte of room behind the frame: a reply that is longer has to be given up
  for (const Case& c : all_cases()) {
    for (std::size_t length = 0; length <= c.frame.size(); ++length) (void)harness.give(part(c.frame, 0, length));
    for (std::size_t at = 0; at < c.frame.size(); ++at) (void)harness.give(flipped(c.frame, at));
  }
  EXPECT_EQ(harness.counters.verdict_sum(), harness.received);
}

TEST(Verdicts, TruncationsAndFlipsAreCountedOnceAndStayInside) {
  Harness harness;
  give_damaged(harness);
}

TEST(Verdicts, AlsoBesideTheKernel) {
  Harness harness;
  datapath::KernelGate gate(1000000, {*parse_network("192.0.2.0/24")});
  harness.interface.kernel = true;
  harness.pipeline.beside_kernel(&gate);
  give_damaged(harness);
  EXPECT_GT(harness.counters.verdicts[index(Verdict::to_kernel)].value(), 100u);
}

TEST(Verdicts, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const auto& text : datapath::kVerdictTexts) EXPECT_TRUE(names.insert(text.name).second) << text.name;
  EXPECT_EQ(name(datapath::verdict_of(tcp::Outcome::syn_ack)), "tcp_syn_ack");
  EXPECT_EQ(name(datapath::verdict_of(tcp::Outcome::drop_rst)), "tcp_drop_rst");
}

// RFC 1122 section 3.2.1.3: the first and the last address of a network are no host's; of 31 bits both are (RFC 3021).
TEST(Sources, WhatNamesANetworkOfOurs) {
  Harness harness;
  const auto fate = [&](std::uint8_t last) {
    return harness.give(eth().ipv4({.from = {{192, 0, 2, last}}}).udp({1, 2, 3}));
  };
  EXPECT_EQ(fate(255), Verdict::udp_reply);
  harness.interface.add_network(kOurs4, 31);
  harness.interface.add_network(kOurs4, 32);
  EXPECT_EQ(fate(0), Verdict::udp_reply);
  harness.interface.add_network(kOurs4, 24);
  EXPECT_EQ(fate(0), Verdict::drop_ipv4_source);
  EXPECT_EQ(fate(255), Verdict::drop_ipv4_source);
  EXPECT_EQ(fate(254), Verdict::udp_reply);
  harness.interface.add_network({{10, 0, 0, 1}}, 8);
  EXPECT_EQ(fate(254), Verdict::udp_reply);
}

TEST(Vlans, OnlyThoseThatAreNamedAreTaken) {
  datapath::Interface interface;
  interface.mac = kOurMac;
  const auto taken = [&](Buffer bytes) {
    datapath::Frame frame;
    frame.data = bytes.data();
    frame.length = bytes.size();
    datapath::Packet packet;
    const Verdict verdict = datapath::ethernet(frame, packet, interface);
    EXPECT_TRUE(verdict == datapath::kContinue || verdict == Verdict::drop_vlan);
    return verdict == datapath::kContinue;
  };
  const auto in_vlan = [](unsigned control) { return eth().vlan(control).ipv4().upper({}); };
  const Buffer untagged = eth().ipv4().upper({});
  EXPECT_TRUE(taken(untagged) && taken(in_vlan(7)) && taken(in_vlan(4094))) << "all, where none is named";
  EXPECT_FALSE(taken(in_vlan(4095)) || taken(in_vlan(0xffff))) << "reserved (IEEE 802.1Q)";
  wire::VlanSet vlans;
  vlans.add(7);
  vlans.add(4094);
  interface.vlans = &vlans;
  EXPECT_TRUE(taken(in_vlan(7)) && taken(in_vlan(4094)) && taken(in_vlan(0xa007))) << "with a priority too";
  EXPECT_FALSE(taken(untagged) || taken(in_vlan(6)) || taken(in_vlan(0xffe - 1)) || taken(in_vlan(0xa000)));
  vlans.add(wire::VlanSet::kUntagged);
  EXPECT_TRUE(taken(untagged) && taken(in_vlan(0xa000))) << "a tag of priority alone is no VLAN";
  EXPECT_FALSE(taken(in_vlan(1)));
}

}  // namespace
}  // namespace gl::test
