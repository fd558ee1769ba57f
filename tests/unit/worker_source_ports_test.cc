// Which UDP ports a core asks from: the Toeplitz hash against the published vectors, the choice against a bit-by-bit
// hash of our own.
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "lib/worker/source_ports.h"

namespace gl::worker {
namespace {

// Microsoft, "Verifying the RSS Hash Calculation": the key and both tables.
const std::vector<std::uint8_t> kKey = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                        0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                        0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                        0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

dpdk::Rss rss_of(unsigned queues, unsigned table = 128) {
  dpdk::Rss rss{kKey, std::vector<std::uint16_t>(table), true, true};
  for (unsigned i = 0; i < table; ++i) rss.table[i] = static_cast<std::uint16_t>(i % queues);
  return rss;
}

TEST(Rss, PublishedVectorsIpv4) {
  using A = wire::Ipv4Address;
  const struct {
    A destination;
    std::uint16_t destination_port;
    A source;
    std::uint16_t source_port;
    std::uint32_t hash;
  } vectors[] = {
      {{{161, 142, 100, 80}}, 1766, {{66, 9, 149, 187}}, 2794, 0x51ccc178},
      {{{65, 69, 140, 83}}, 4739, {{199, 92, 111, 2}}, 14230, 0xc626b0ea},
      {{{12, 22, 207, 184}}, 38024, {{24, 19, 198, 95}}, 12898, 0x5c2b394a},
      {{{209, 142, 163, 6}}, 2217, {{38, 27, 205, 30}}, 48228, 0xafc7327f},
      {{{202, 188, 127, 2}}, 1303, {{153, 39, 163, 191}}, 44251, 0x10e828a2},
  };
  for (const auto& v : vectors) {
    EXPECT_EQ(rss_of(2).hash({v.source, v.destination, v.source_port, v.destination_port}), v.hash);
  }
}

TEST(Rss, PublishedVectorsIpv6) {
  using A = wire::Ipv6Address;
  const A a{{0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1}};
  const A b{{0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7}};
  EXPECT_EQ(rss_of(2).hash({b, a, 2794, 1766}), 0x40207d3du);
  const A c{{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  const A d{{0x3f, 0xfe, 0x05, 0x01, 0x00, 0x08, 0, 0, 0x02, 0x60, 0x97, 0xff, 0xfe, 0x40, 0xef, 0xab}};
  EXPECT_EQ(rss_of(2).hash({d, c, 14230, 4739}), 0xdde51bbfu);
}

// The definition, a bit at a time.
std::uint32_t naive_toeplitz(const std::vector<std::uint8_t>& input) {
  std::uint32_t hash = 0;
  for (std::size_t bit = 0; bit < input.size() * 8; ++bit) {
    if ((input[bit / 8] & (0x80u >> bit % 8)) == 0) continue;
    for (std::size_t i = 0; i < 32; ++i) {
      const std::size_t at = bit + i;
      if ((kKey[at / 8] & (0x80u >> at % 8)) != 0) hash ^= 0x80000000u >> i;
    }
  }
  return hash;
}

constexpr wire::Ipv4Address kBackend{{198, 51, 100, 53}};
constexpr wire::Ipv4Address kOurs{{192, 0, 2, 1}};
constexpr wire::Ipv6Address kBackend6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53}};
constexpr wire::Ipv6Address kOurs6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

template <class Address>
void expect_replies_come_back(const Address& backend, const Address& ours) {
  constexpr unsigned kCores = 3;
  const ReplyPath paths[] = {{backend, 5300, ours, rss_of(kCores)}};
  const std::uint16_t services[] = {53, 5353};
  const SourcePorts ports(paths, kCores, services);
  std::size_t total = 0;
  for (unsigned core = 0; core < kCores; ++core) {
    EXPECT_GT(ports.ports(core, 0).size(), 15000u);
    total += ports.ports(core, 0).size();
    for (const std::uint16_t port : ports.ports(core, 0)) {
      std::vector<std::uint8_t> input(backend.bytes.begin(), backend.bytes.end());
      input.insert(input.end(), ours.bytes.begin(), ours.bytes.end());
      for (const unsigned p : {5300u, unsigned{port}}) {
        input.push_back(static_cast<std::uint8_t>(p >> 8));
        input.push_back(static_cast<std::uint8_t>(p));
      }
      ASSERT_EQ(naive_toeplitz(input) % 128 % kCores, core) << port;
      ASSERT_EQ(ports.owners().owner(Bytes(backend.bytes), 5300, port, 77), core);
      ASSERT_TRUE(port >= 1024 && port != 5353);
    }
  }
  EXPECT_EQ(total, 65536u - 1024 - 1);
}

TEST(SourcePorts, RepliesComeBackToTheQueueOfWhoAsked) {
  expect_replies_come_back(kBackend, kOurs);
  expect_replies_come_back(kBackend6, kOurs6);
}

TEST(SourcePorts, UnknownRssIsEveryNthPort) {
  dpdk::Rss only_v4 = rss_of(4);
  only_v4.udp_v6 = false;
  const ReplyPath paths[] = {{kBackend, 53, kOurs, {}}, {kBackend6, 53, kOurs6, only_v4}};
  const SourcePorts ports(paths, 4, {});
  for (unsigned backend = 0; backend < 2; ++backend) {
    for (unsigned core = 0; core < 4; ++core) {
      EXPECT_EQ(ports.ports(core, backend).size(), (65536u - 1024) / 4);
      for (const std::uint16_t port : ports.ports(core, backend)) {
        ASSERT_EQ(port % 4, core);
        ASSERT_EQ(ports.owners().owner(backend, port), core);
      }
    }
  }
}

// All hashes on one queue, as by a table that was never filled in: then each core still needs ports of its own.
TEST(SourcePorts, ATableThatLeavesACoreWithoutPortsIsNotFollowed) {
  const ReplyPath paths[] = {{kBackend, 53, kOurs, rss_of(1)}};
  const SourcePorts ports(paths, 2, {});
  EXPECT_EQ(ports.ports(1, 0).size(), (65536u - 1024) / 2);
  EXPECT_EQ(ports.owners().owner(Bytes(kBackend.bytes), 53, 2001, 0), 1u);
}

TEST(SourcePorts, AQueueThatNoCorePollsIsNotFollowed) {
  const ReplyPath paths[] = {{kBackend, 53, kOurs, rss_of(4)}};
  EXPECT_EQ(SourcePorts(paths, 2, {}).ports(0, 0).size(), (65536u - 1024) / 2);
}

TEST(SourcePorts, OneCoreHasAll) {
  const ReplyPath paths[] = {{kBackend, 53, kOurs, rss_of(1)}};
  const SourcePorts ports(paths, 1, {});
  EXPECT_EQ(ports.ports(0, 0).size(), 65536u - 1024);
  EXPECT_EQ(ports.owners().owner(Bytes(kBackend.bytes), 53, 2001, 0), 0u);
  std::set<std::uint16_t> picked;
  for (std::uint64_t random = 0; random <= UINT32_MAX; random += 65536) {
    picked.insert(ports.pick(0, 0, static_cast<std::uint32_t>(random)));
  }
  EXPECT_EQ(picked.size(), 65536u - 1024) << "every port is picked by some number";
  EXPECT_EQ(ports.pick(0, 0, UINT32_MAX), 65535);
}

TEST(ReplyOwners, WhatIsNoBackendsStaysWhereItIs) {
  const ReplyPath paths[] = {{kBackend, 53, kOurs, {}}};
  const SourcePorts ports(paths, 2, {});
  EXPECT_EQ(ports.owners().owner(Bytes(kOurs.bytes), 53, 2001, 0), 0u);
  EXPECT_EQ(ports.owners().owner(Bytes(kBackend.bytes), 54, 2001, 0), 0u);
  EXPECT_EQ(ports.owners().owner(Bytes(kBackend.bytes), 53, 2001, 0), 1u);
  EXPECT_TRUE(ports.owners().is_backend(Bytes(kBackend.bytes)));
  EXPECT_FALSE(ports.owners().is_backend(Bytes(kBackend6.bytes)));
}

}  // namespace
}  // namespace gl::worker
