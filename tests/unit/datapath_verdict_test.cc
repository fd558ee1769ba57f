// Every verdict a frame can end in, each by a frame made for it; and the identity received == sum of the verdicts.
#include <set>

#include "tests/unit/pipeline_harness.h"
#include "tests/unit/too_big_frames.h"

namespace gl::test {
namespace {

using datapath::Verdict;

struct Case {
  Verdict verdict;
  Buffer frame;
};

const Ipv4 kV4;
const Ipv6 kV6;
const std::uint8_t kTxt[] = {'a', 'b', 'c', 'd'};
const Buffer kPayload(kTxt, kTxt + 4);

Buffer v4(const Ipv4& ip, const Buffer& payload) {
  return ethernet(0x0800, ip(payload));
}
Buffer v6(const Ipv6& ip, const Buffer& payload) {
  return ethernet(0x86dd, ip(payload));
}
Buffer good_udp4(const Ipv4& ip = {}) {
  return v4(ip, summed(ip, udp(kPayload), 6));
}
Buffer good_udp6(const Ipv6& ip = {}) {
  return v6(ip, summed(ip, udp(kPayload), 6));
}
Buffer tcp4(const Tcp& tcp, const Buffer& payload = {}) {
  Ipv4 ip;
  ip.protocol = 6;
  return v4(ip, summed(ip, tcp(payload), 16));
}
Buffer icmpv6(const Buffer& message, Ipv6 ip = {}) {
  ip.protocol = 58;
  return v6(ip, summed(ip, message, 2));
}
Buffer flipped(Buffer frame, std::size_t at) {
  frame.at(at) ^= 1;
  return frame;
}
template <class T, class Change>
T with(T value, Change change) {
  change(value);
  return value;
}

std::vector<Case> link_cases() {
  const Buffer ask = arp(1, kClientMac, kClient4, kOurs4);
  return {
      {Verdict::drop_short, Buffer(13)},
      {Verdict::drop_short, part(ethernet(0x8100, vlan(5, 0x0800, {})), 0, 17)},
      {Verdict::drop_not_our_mac, ethernet(0x0800, kV4({}), {{2, 0, 0, 0, 0, 9}})},
      {Verdict::drop_source_mac, ethernet(0x0800, kV4({}), kOurMac, {{3, 0, 0, 0, 0, 9}})},
      {Verdict::drop_source_mac, ethernet(0x0800, kV4({}), kOurMac, kOurMac)},
      {Verdict::drop_vlan_stacked, ethernet(0x88a8, vlan(5, 0x0800, kV4({})))},
      {Verdict::drop_vlan_stacked, ethernet(0x8100, vlan(5, 0x8100, vlan(6, 0x0800, kV4({}))))},
      {Verdict::drop_ether_type, ethernet(0x88cc, Buffer(46))},
      {Verdict::arp_reply, ethernet(0x0806, ask, wire::kBroadcastMac)},
      {Verdict::arp_reply, ethernet(0x0806, arp(1, kClientMac, {}, kOurs4), wire::kBroadcastMac)},
      {Verdict::drop_arp_malformed, ethernet(0x0806, part(ask, 0, 27))},
      {Verdict::drop_arp_malformed, ethernet(0x0806, flipped(ask, 1))},
      {Verdict::drop_arp_malformed, ethernet(0x0806, flipped(ask, 4))},
      {Verdict::drop_arp_not_ours, ethernet(0x0806, arp(1, kClientMac, kClient4, {{192, 0, 2, 9}}))},
      {Verdict::drop_arp_operation, ethernet(0x0806, arp(2, kClientMac, kClient4, kOurs4))},
      {Verdict::drop_arp_conflict, ethernet(0x0806, arp(1, kClientMac, kOurs4, kOurs4))},
      {Verdict::drop_arp_conflict, ethernet(0x0806, arp(2, kClientMac, kOurs4, kClient4))},
  };
}

std::vector<Case> ipv4_cases() {
  const auto from = [](wire::Ipv4Address a) { return good_udp4(with(kV4, [&](auto& ip) { ip.from = a; })); };
  const auto options = [](Buffer o) { return good_udp4(with(kV4, [&](auto& ip) { ip.options = o; })); };
  return {
      {Verdict::drop_ipv4_header, ethernet(0x0800, Buffer(19))},
      {Verdict::drop_ipv4_header, flipped(good_udp4(), 14) /* IHL 4 */},
      {Verdict::drop_ipv4_header, part(options(Buffer(8)), 0, 14 + 24)},
      {Verdict::drop_ipv4_length, good_udp4(with(kV4, [](auto& ip) { ip.extra_length = 1; }))},
      {Verdict::drop_ipv4_length, good_udp4(with(kV4, [](auto& ip) { ip.extra_length = -13; }))},
      {Verdict::drop_ipv4_checksum, flipped(good_udp4(), 22) /* TTL */},
      {Verdict::drop_ipv4_options, options({7, 9, 4, 0})},
      {Verdict::drop_ipv4_source_route, options({131, 3, 4, 0})},
      {Verdict::drop_ipv4_source, from({{0, 0, 0, 0}})},
      {Verdict::drop_ipv4_source, from({{127, 0, 0, 1}})},
      {Verdict::drop_ipv4_source, from({{224, 0, 0, 1}})},
      {Verdict::drop_ipv4_source, from({{255, 255, 255, 255}})},
      {Verdict::drop_ipv4_source, from({{240, 0, 0, 1}})},
      {Verdict::drop_ipv4_source, from({{255, 1, 2, 3}})},
      {Verdict::drop_ipv4_source, from(kOurs4)},
      {Verdict::drop_ipv4_destination, good_udp4(with(kV4,
                                                      [](auto& ip) {
                                                        ip.to = {{192, 0, 2, 255}};
                                                      }))},
      {Verdict::drop_ipv4_fragment, good_udp4(with(kV4, [](auto& ip) { ip.fragment = 0x2000; }))},
      {Verdict::drop_ipv4_fragment, good_udp4(with(kV4, [](auto& ip) { ip.fragment = 1; }))},
      {Verdict::udp_reply, good_udp4(with(kV4, [](auto& ip) { ip.fragment = 0x4000; }))},
      {Verdict::drop_link_group, ethernet(0x0800, kV4(udp(kPayload)), wire::kBroadcastMac)},
      {Verdict::drop_ip_protocol, good_udp4(with(kV4, [](auto& ip) { ip.protocol = 132; }))},
      {Verdict::drop_ip_protocol, good_udp4(with(kV4, [](auto& ip) { ip.protocol = 58; }))},
  };
}

std::vector<Case> ipv6_cases() {
  const auto from = [](wire::Ipv6Address a) { return good_udp6(with(kV6, [&](auto& ip) { ip.from = a; })); };
  const auto extension = [](unsigned first, Buffer bytes) {
    return good_udp6(with(kV6, [&](auto& ip) { ip.first_extension = first, ip.extensions = bytes; }));
  };
  const auto to_group = [](wire::Ipv6Address a) {
    return ethernet(0x86dd, with(kV6, [&](auto& ip) { ip.to = a; })(udp(kPayload)), a.multicast_mac());
  };
  return {
      {Verdict::drop_ipv6_header, ethernet(0x86dd, Buffer(39))},
      {Verdict::drop_ipv6_header, with(good_udp6(), [](auto& f) { f[14] = 0x7b; }) /* version 7 */},
      {Verdict::drop_ipv6_length, good_udp6(with(kV6, [](auto& ip) { ip.extra_length = 1; }))},
      {Verdict::drop_ipv6_length, with(extension(0, {17, 0, 0xc2, 4, 0, 1, 0, 0}), [](auto& f) { f[18] = f[19] = 0; })},
      {Verdict::drop_ipv6_source, from({{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}})},
      {Verdict::drop_ipv6_source, from({})},
      {Verdict::drop_ipv6_source, from({{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}})},
      {Verdict::drop_ipv6_source, from({{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 9}})},
      {Verdict::drop_ipv6_source, from(kOurs6)},
      {Verdict::drop_ipv6_extension, extension(51, {17, 0, 0, 0, 0, 0, 0, 0})},
      {Verdict::drop_ipv6_destination, good_udp6(with(kV6, [](auto& ip) { ip.to.bytes[15] = 0x77; }))},
      {Verdict::drop_ipv6_destination, to_group(wire::kAllNodes)},
      {Verdict::drop_ipv6_fragment, extension(44, {17, 0, 0, 1, 0, 0, 0, 9})},
      {Verdict::udp_reply, extension(44, {17, 0, 0, 0, 0, 0, 0, 9})},
      {Verdict::udp_reply, extension(0, {60, 0, 5, 2, 0, 0, 1, 0, 17, 0, 1, 4, 0, 0, 0, 0})},
      {Verdict::drop_ipv6_malformed, extension(60, {17, 9, 1, 4, 0, 0, 0, 0})},
      {Verdict::drop_ipv6_extension, extension(43, {17, 0, 0, 1, 0, 0, 0, 0})},
      {Verdict::drop_ipv6_extension, extension(60, {0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0})},
      {Verdict::drop_ipv6_no_next, v6(with(kV6, [](auto& ip) { ip.protocol = 59; }), {})},
      {Verdict::drop_link_group, ethernet(0x86dd, kV6(udp(kPayload)), wire::kAllNodes.multicast_mac())},
      {Verdict::drop_ip_protocol, good_udp6(with(kV6, [](auto& ip) { ip.protocol = 1; }))},
  };
}

std::vector<Case> icmp_cases() {
  const auto icmp4 = [](const Buffer& message) { return v4(with(kV4, [](auto& ip) { ip.protocol = 1; }), message); };
  const Ipv6 near = with(kV6, [](auto& ip) { ip.hop_limit = 255; });
  const Ipv6 dad = with(near, [](auto& ip) { ip.from = {}, ip.to = kOurs6.solicited_node(); });
  const auto dad_frame = [&](const Buffer& options) {
    Ipv6 ip = with(dad, [](auto& i) { i.protocol = 58; });
    return ethernet(0x86dd, ip(summed(ip, neighbor(135, kOurs6, options), 2)), ip.to.multicast_mac());
  };
  const Buffer source = link_option(1, kClientMac);
  const wire::Ipv6Address other = with(kOurs6, [](auto& a) { a.bytes[15] = 1; });
  return {
      {Verdict::icmp_echo_reply, icmp4(summed(echo(8, "hello"), 2))},
      {Verdict::drop_icmp_malformed, icmp4(Buffer(7))},
      {Verdict::drop_icmp_malformed, icmp4(summed(echo(8, "", 1), 2))},
      {Verdict::drop_icmp_checksum, icmp4(echo(8, "hello"))},
      {Verdict::drop_icmp_type, icmp4(summed(echo(0, "hello"), 2))},
      {Verdict::icmp_too_big_learned, too_big4(quoted4(1500, our_isn4() + 1), 1300)},
      {Verdict::drop_icmp_too_big_invalid, too_big4(quoted4(1500, our_isn4() - 1), 1300)},
      {Verdict::drop_icmp_checksum, flipped(too_big4(quoted4(1500, our_isn4() + 1), 1300), 36)},
      {Verdict::icmpv6_too_big_learned, too_big6(quoted6(1500, our_isn6() + 1), 1300)},
      {Verdict::drop_icmpv6_too_big_invalid, too_big6(quoted6(1500, our_isn6() - 1), 1300)},
      {Verdict::icmpv6_echo_reply, icmpv6(echo(128, "hello"))},
      {Verdict::drop_icmpv6_malformed, icmpv6(Buffer(4))},
      {Verdict::drop_icmpv6_malformed, icmpv6(echo(128, "", 1))},
      {Verdict::drop_icmpv6_checksum, flipped(icmpv6(echo(128, "hello")), 60)},
      {Verdict::drop_icmpv6_type, icmpv6(echo(129, "hello"))},
      {Verdict::drop_icmpv6_type, icmpv6(echo(128, "hello"), with(kV6, [](auto& ip) { ip.from = {}; }))},
      {Verdict::ndp_advertised, icmpv6(neighbor(135, kOurs6, source), near)},
      {Verdict::ndp_advertised, dad_frame({})},
      {Verdict::drop_ndp_invalid, dad_frame(source)},
      {Verdict::drop_ndp_invalid, icmpv6(neighbor(135, kOurs6, source), kV6) /* hop limit */},
      {Verdict::drop_ndp_invalid, icmpv6(flipped(neighbor(135, kOurs6, source), 1), near) /* code */},
      {Verdict::drop_ndp_invalid, icmpv6(neighbor(135, kOurs6, {1, 0, 0, 0, 0, 0, 0, 0}), near)},
      {Verdict::drop_ndp_invalid, icmpv6(neighbor(135, wire::kAllNodes, source), near)},
      {Verdict::drop_ndp_invalid, icmpv6(part(neighbor(135, kOurs6, {}), 0, 23), near)},
      {Verdict::drop_ndp_invalid, icmpv6(part(neighbor(136, kOurs6, {}), 0, 8), near)},
      {Verdict::drop_ndp_not_ours, icmpv6(neighbor(135, other, source), near)},
      {Verdict::drop_ndp_advertisement, icmpv6(neighbor(136, kClient6, link_option(2, kClientMac)), near)},
      {Verdict::drop_ndp_conflict, icmpv6(neighbor(136, kOurs6, link_option(2, kClientMac)), near)},
      {Verdict::drop_ndp_conflict, icmpv6(neighbor(136, kOurs6, {}), near)},
  };
}

std::vector<Case> port_cases() {
  const auto udp4 = [](const Buffer& datagram) { return v4(kV4, summed(kV4, datagram, 6)); };
  const Tcp syn;
  const Buffer timestamps = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1};
  const auto options = [](Buffer o) { return tcp4(with(Tcp{}, [&](auto& t) { t.options = o; })); };
  return {
      {Verdict::udp_reply, good_udp4()},
      {Verdict::udp_reply, good_udp6()},
      {Verdict::udp_reply, v4(kV4, udp(kPayload)) /* no checksum */},
      {Verdict::drop_udp_checksum, v6(kV6, udp(kPayload))},
      {Verdict::drop_udp_checksum, flipped(good_udp4(), 44)},
      {Verdict::drop_udp_checksum, flipped(good_udp6(), 64)},
      {Verdict::drop_udp_length, v4(kV4, Buffer(7))},
      {Verdict::drop_udp_length, udp4(udp(kPayload, 40000, 53, 1))},
      {Verdict::drop_udp_length, udp4(udp(kPayload, 40000, 53, -5))},
      {Verdict::drop_udp_source_port, udp4(udp(kPayload, 0))},
      {Verdict::drop_udp_closed, udp4(udp(kPayload, 40000, 54))},
      {Verdict::drop_udp_silent, udp4(udp({}))},
      {Verdict::tcp_syn_ack, tcp4(syn)},
      {Verdict::drop_tcp_length, v4(with(kV4, [](auto& ip) { ip.protocol = 6; }), part(syn(), 0, 19))},
      {Verdict::drop_tcp_checksum, flipped(tcp4(syn), 40)},
      {Verdict::drop_tcp_source_port, tcp4(with(syn, [](auto& t) { t.from = 0; }))},
      {Verdict::drop_tcp_options, options({2, 3, 1, 1})},
      {Verdict::tcp_reset_closed_port, tcp4(with(syn, [](auto& t) { t.to = 54; }))},
      {Verdict::tcp_reset_no_cookie,
       tcp4(with(syn, [&](auto& t) { t.flags = 0x10, t.ack = 12345, t.options = timestamps; }), kPayload)},
      {Verdict::tcp_drop_rst, tcp4(with(syn, [](auto& t) { t.flags = 0x04; }))},
      {Verdict::tcp_drop_flags, tcp4(with(syn, [](auto& t) { t.flags = 0x03; }))},
  };
}

// Layer 4 cut short inside a packet whose IP length says so.
Buffer short_header_tcp() {
  Ipv4 ip;
  ip.protocol = 6;
  Buffer segment = Tcp{}();
  segment[12] = 0x60;  // data offset beyond the segment
  return v4(ip, summed(ip, segment, 16));
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const auto& some : {link_cases(), ipv4_cases(), ipv6_cases(), icmp_cases(), port_cases()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  all.push_back({Verdict::drop_tcp_length, short_header_tcp()});
  return all;
}

std::string_view name(Verdict verdict) {
  return datapath::kVerdictTexts[datapath::index(verdict)].name;
}

TEST(Verdicts, EachFrameEndsAsItShould) {
  Harness harness;
  for (const Case& c : all_cases()) {
    EXPECT_EQ(name(harness.give(c.frame)), name(c.verdict));
    EXPECT_NE(harness.out.sent.empty(), datapath::kVerdictTexts[datapath::index(c.verdict)].is_reply())
        << name(c.verdict);
  }
  EXPECT_EQ(harness.counters.verdict_sum(), harness.received);
}

TEST(Verdicts, NoneOfTheFramesOwnIsLeftOut) {
  std::set<std::string_view> seen = {// These end before the stages, and the worker counts them: worker_forward_test.cc.
                                     "drop_chained", "drop_no_buffer",
                                     // These take backends, which the harness has not: datapath_neighbours_test.cc,
                                     // datapath_fragments_test.cc, and forward_pipeline_test.cc for the others.
                                     "neighbour_learned", "fragment_kept", "udp_suspended", "drop_udp_waiting",
                                     "backend_reply_taken", "drop_backend_late", "drop_backend_wrong",
                                     "drop_backend_malformed", "backend_handed_off", "drop_handoff_full"};
  for (const Case& c : all_cases()) seen.insert(name(c.verdict));
  for (std::size_t i = 0; i < datapath::kVerdicts - tcp::kOutcomes; ++i) {
    EXPECT_TRUE(seen.contains(datapath::kVerdictTexts[i].name)) << datapath::kVerdictTexts[i].name;
  }
}

TEST(Verdicts, TruncationsAndFlipsAreCountedOnceAndStayInside) {
  Harness harness;
  harness.out.capacity = 0;  // no byte of room behind the frame: a reply that is longer has to be given up
  for (const Case& c : all_cases()) {
    for (std::size_t length = 0; length <= c.frame.size(); ++length) (void)harness.give(part(c.frame, 0, length));
    for (std::size_t at = 0; at < c.frame.size(); ++at) (void)harness.give(flipped(c.frame, at));
  }
  EXPECT_EQ(harness.counters.verdict_sum(), harness.received);
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
    Ipv4 ip;
    ip.from = {{192, 0, 2, last}};
    return harness.give(ethernet(0x0800, ip(summed(ip, udp({1, 2, 3}), 6))));
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

}  // namespace
}  // namespace gl::test
