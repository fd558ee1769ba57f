// Next hops: what ARP and neighbour discovery teach, what they do not, when we ask, and what we send.
#include <gtest/gtest.h>

#include <string>

#include "lib/datapath/neighbour_clock.h"
#include "lib/datapath/neighbour_probe.h"
#include "tests/unit/pipeline_harness.h"

namespace gl::test {
namespace {

using namespace gl::datapath;
using State = LinkState::State;
using Ask = NeighbourClock::Ask;

constexpr wire::Ipv4Address kHop4{{192, 0, 2, 254}};
constexpr wire::Ipv6Address kHop6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe}};
constexpr wire::MacAddress kHopMac{{2, 0, 0, 0, 0, 0xfe}};
constexpr wire::MacAddress kOtherMac{{2, 0, 0, 0, 0, 0xee}};

struct Neighbours : ::testing::Test {
  Harness h;
  NeighbourTable table;
  unsigned hop4 = table.add({0, kHop4, kOurs4}).value();
  unsigned hop6 = table.add({0, kHop6, kOurs6}).value();
  Neighbours() { h.interface.neighbours = &table; }

  Verdict give_arp(unsigned operation, const wire::Ipv4Address& sender, const wire::Ipv4Address& target,
                   const wire::MacAddress& mac = kHopMac) {
    return h.give(eth(kOurMac, mac).arp(arp(operation, mac, sender, target)));
  }
  Verdict give_ndp(unsigned type, const wire::Ipv6Address& target, const Buffer& options, std::uint32_t flags,
                   const wire::Ipv6Address& from = kHop6, unsigned vlan_id = 0) {
    const EthernetFrame link = vlan_id == 0 ? eth() : eth().vlan(vlan_id);
    return h.give(link.ipv6({.from = from, .hop_limit = 255}).icmp(neighbor(type, target, options, flags)));
  }
};

TEST_F(Neighbours, ArpReplyTeaches) {
  EXPECT_EQ(table.at(hop4).state(), State::unresolved);
  EXPECT_EQ(give_arp(2, kHop4, kOurs4), Verdict::neighbour_learned);
  EXPECT_TRUE(table.reachable(hop4));
  EXPECT_EQ(table.at(hop4).mac(), kHopMac);
  EXPECT_EQ(table.at(hop4).confirmations(), 1u);
  EXPECT_FALSE(table.reachable(hop6));
}

TEST_F(Neighbours, ArpOfOthersTeachesNothing) {
  EXPECT_EQ(give_arp(2, kClient4, kOurs4), Verdict::drop_arp_operation);
  EXPECT_EQ(give_arp(1, kClient4, {{192, 0, 2, 77}}), Verdict::drop_arp_not_ours);
  EXPECT_EQ(table.at(hop4), LinkState());
}

TEST_F(Neighbours, ArpRequestsAreHintsAndStillAnswered) {
  EXPECT_EQ(give_arp(1, kHop4, kOurs4), Verdict::arp_reply);
  EXPECT_EQ(table.at(hop4), LinkState(kHopMac, State::reachable, 0));
  EXPECT_EQ(give_arp(1, kHop4, kHop4, kOtherMac), Verdict::neighbour_learned) << "gratuitous";
  EXPECT_EQ(table.at(hop4), LinkState(kOtherMac, State::reachable, 0));
}

TEST_F(Neighbours, MacAddressesThatNobodyCanHave) {
  EXPECT_EQ(h.give(eth().arp(arp(2, {}, kHop4, kOurs4))), Verdict::drop_arp_operation);
  EXPECT_EQ(h.give(eth().arp(arp(2, kOurMac, kHop4, kOurs4))), Verdict::drop_arp_operation);
  EXPECT_EQ(h.give(eth().arp(arp(2, wire::kBroadcastMac, kHop4, kOurs4))), Verdict::drop_arp_malformed);
  EXPECT_EQ(table.at(hop4), LinkState());
}

TEST_F(Neighbours, AConflictTeachesNothing) {
  NeighbourTable ours;
  h.interface.neighbours = &ours;
  ASSERT_TRUE(ours.add({0, kOurs4, kOurs4}));
  EXPECT_EQ(give_arp(2, kOurs4, kOurs4), Verdict::drop_arp_conflict);
  EXPECT_EQ(ours.at(0), LinkState());
}

TEST_F(Neighbours, OnAnotherPortIsAnotherNeighbour) {
  h.interface.index = 1;
  EXPECT_EQ(give_arp(2, kHop4, kOurs4), Verdict::drop_arp_operation);
  EXPECT_EQ(table.at(hop4), LinkState());
}

TEST_F(Neighbours, AdvertisementTeaches) {
  EXPECT_EQ(give_ndp(136, kHop6, link_option(2, kHopMac), 0x60000000), Verdict::neighbour_learned);
  EXPECT_EQ(table.at(hop6), LinkState(kHopMac, State::reachable, 1));
  EXPECT_EQ(give_ndp(136, kHop6, {}, 0x40000000), Verdict::neighbour_learned) << "an answer to a unicast question";
  EXPECT_EQ(table.at(hop6), LinkState(kHopMac, State::reachable, 2));
}

TEST_F(Neighbours, AdvertisementWithoutOverrideDoesNotReplace) {
  give_ndp(136, kHop6, link_option(2, kHopMac), 0x40000000);
  EXPECT_EQ(table.at(hop6), LinkState(kHopMac, State::reachable, 1)) << "the first may be without";
  EXPECT_EQ(give_ndp(136, kHop6, link_option(2, kOtherMac), 0x40000000), Verdict::drop_ndp_advertisement);
  EXPECT_EQ(table.at(hop6).mac(), kHopMac);
  EXPECT_EQ(give_ndp(136, kHop6, link_option(2, kOtherMac), 0x20000000), Verdict::neighbour_learned);
  EXPECT_EQ(table.at(hop6), LinkState(kOtherMac, State::reachable, 1)) << "unsolicited: a hint";
}

TEST_F(Neighbours, AdvertisementOfOthersOrWithoutAddressTeachesNothing) {
  EXPECT_EQ(give_ndp(136, kClient6, link_option(2, kHopMac), 0x60000000), Verdict::drop_ndp_advertisement);
  EXPECT_EQ(give_ndp(136, kHop6, {}, 0x60000000), Verdict::drop_ndp_advertisement);
  EXPECT_EQ(give_ndp(136, kHop6, link_option(2, kHopMac), 0x60000000, kHop6, 7), Verdict::drop_ndp_advertisement)
      << "on another VLAN than ours";
  EXPECT_EQ(table.at(hop6), LinkState());
}

TEST_F(Neighbours, SolicitationForUsIsAHint) {
  EXPECT_EQ(give_ndp(135, kOurs6, link_option(1, kHopMac), 0), Verdict::ndp_advertised);
  EXPECT_EQ(table.at(hop6), LinkState(kHopMac, State::reachable, 0));
  EXPECT_EQ(give_ndp(135, kHop6, link_option(1, kOtherMac), 0), Verdict::drop_ndp_not_ours);
  EXPECT_EQ(table.at(hop6).mac(), kHopMac);
}

TEST(NeighbourTable, GivingUpLosesToWhatWasLearnedMeanwhile) {
  NeighbourTable table;
  const unsigned entry = table.add({0, kHop4, kOurs4}).value();
  table.learn(0, kHop4, {kHopMac, Heard::answer});
  const LinkState seen = table.at(entry);
  table.learn(0, kHop4, {kHopMac, Heard::answer});
  table.give_up(entry, seen);
  EXPECT_TRUE(table.reachable(entry));
  table.give_up(entry, table.at(entry));
  EXPECT_EQ(table.at(entry), LinkState(kHopMac, State::unreachable, 2));
}

TEST(NeighbourTable, OneEntryANextHopAndNoMoreThanFit) {
  NeighbourTable table;
  EXPECT_EQ(table.add({0, kHop4, kOurs4}), 0u);
  EXPECT_EQ(table.add({1, kHop4, kOurs4}), 1u);
  EXPECT_EQ(table.add({0, kHop4, kOurs4}), 0u);
  for (std::uint8_t i = 2; i < kMaxNeighbours; ++i)
    EXPECT_EQ(table.add({0, wire::Ipv4Address{{10, 0, 0, i}}, kOurs4}), i);
  EXPECT_EQ(table.add({0, kHop6, kOurs6}), std::nullopt);
}

struct Clock : ::testing::Test {
  NeighbourTable table;
  unsigned entry = table.add({0, kHop4, kOurs4}).value();
  NeighbourClock clock;
  void learn(Heard heard, const wire::MacAddress& mac = kHopMac) { table.learn(0, kHop4, {mac, heard}); }
  // What is asked from `from` to before `to`, as "time who", a millisecond at a time.
  std::string asked(std::uint64_t from, std::uint64_t to) {
    std::string found;
    for (std::uint64_t now = from; now < to; ++now) {
      const Ask ask = clock.tick(table, entry, now);
      if (ask != Ask::no) found += std::to_string(now) + (ask == Ask::neighbour ? "n " : "e ");
    }
    return found;
  }
};

TEST_F(Clock, UnresolvedIsAskedAtOnceAndEverySecond) {
  EXPECT_EQ(asked(5000, 8500), "5000e 6000e 7000e 8000e ");
}

TEST_F(Clock, NeverHeardOfIsUnreachableAfterThreeTries) {
  EXPECT_EQ(asked(0, 3000), "0e 1000e 2000e ");
  EXPECT_EQ(table.at(entry).state(), State::unresolved);
  EXPECT_EQ(asked(3000, 5500), "3000e 4000e 5000e ") << "asking goes on";
  EXPECT_EQ(table.at(entry).state(), State::unreachable);
  learn(Heard::answer);
  EXPECT_TRUE(table.reachable(entry));
}

TEST_F(Clock, AnAnswerLastsTwentySeconds) {
  EXPECT_EQ(asked(0, 300), "0e ");
  learn(Heard::answer);
  EXPECT_EQ(asked(300, 21500), "20300n 21300n ");
  learn(Heard::answer);
  EXPECT_EQ(asked(21500, 42000), "41500n ");
}

TEST_F(Clock, WithoutAnswersItGivesUpAndGoesOnAsking) {
  learn(Heard::answer);
  EXPECT_EQ(asked(0, 20000), "");
  EXPECT_EQ(asked(20000, 25999), "20000n 21000n 22000n 23000e 24000e 25000e ");
  EXPECT_TRUE(table.reachable(entry));
  EXPECT_EQ(asked(25999, 28500), "26000e 27000e 28000e ");
  EXPECT_EQ(table.at(entry).state(), State::unreachable);
  learn(Heard::answer);
  EXPECT_TRUE(table.reachable(entry));
  EXPECT_EQ(asked(28500, 49000), "48500n ");
}

TEST_F(Clock, AHintIsAskedAbout) {
  learn(Heard::answer);
  EXPECT_EQ(asked(0, 1000), "");
  learn(Heard::hint, kOtherMac);
  EXPECT_EQ(asked(1000, 3500), "1000n 2000n 3000n ");
  learn(Heard::hint, kOtherMac);
  EXPECT_EQ(asked(3500, 4500), "4000e ") << "the same hint again says nothing new";
}

TEST(NeighbourProbe, ArpRequest) {
  Interface interface;
  interface.mac = kOurMac;
  std::array<std::uint8_t, kLongestProbe> room{};
  const std::size_t length = write_arp_request(room.data(), interface, wire::kBroadcastMac, kOurs4, kHop4);
  EXPECT_EQ(Buffer(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(length)),
            eth(wire::kBroadcastMac, kOurMac).arp(arp(1, kOurMac, kOurs4, kHop4)));
}

TEST(NeighbourProbe, Solicitation) {
  Interface interface;
  interface.mac = kOurMac;
  std::array<std::uint8_t, kLongestProbe> room{};
  const wire::Ipv6Address group = kHop6.solicited_node();
  for (const bool alone : {false, true}) {
    const wire::MacAddress to = alone ? kHopMac : group.multicast_mac();
    const Ipv6 ip{.from = kOurs6, .to = alone ? kHop6 : group, .hop_limit = 255};
    Buffer expected = eth(to, kOurMac).ipv6(ip).icmp(neighbor(135, kHop6, link_option(1, kOurMac)));
    expected[14] = 0x60, expected[15] = expected[16] = expected[17] = 0;  // no traffic class, no flow label
    const std::size_t length = write_solicitation(room.data(), interface, to, kOurs6, kHop6);
    EXPECT_EQ(Buffer(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(length)), expected);
  }
}

}  // namespace
}  // namespace gl::test
