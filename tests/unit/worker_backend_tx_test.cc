// Questions and probes as they leave a port (of rings), and how a port's RSS is read.
#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <memory>
#include <utility>
#include <vector>

#include "lib/datapath/datagram.h"
#include "lib/dpdk/port.h"
#include "lib/dpdk/rss.h"
#include "lib/worker/context.h"
#include "lib/worker/neighbour_prober.h"
#include "lib/worker/port_backend_tx.h"
#include "lib/worker/transmit.h"
#include "tests/unit/eal_support.h"

namespace gl::worker {
namespace {

using namespace gl::test;
using datapath::Heard;

constexpr wire::Ipv4Address kBackend4{{198, 51, 100, 53}};
constexpr wire::Ipv6Address kBackend6{{0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53}};
constexpr wire::Ipv4Address kGateway{{192, 0, 2, 254}};
constexpr wire::MacAddress kGatewayMac{{2, 0, 0, 0, 0, 0xfe}};
constexpr wire::MacAddress kBackendMac{{2, 0, 0, 0, 0, 0x53}};

// One port of rings: what is sent there is received there.
struct LinkTest : ::testing::Test {
  std::unique_ptr<dpdk::MbufPool> pool;
  std::unique_ptr<dpdk::Port> port;
  datapath::Interface interface;
  datapath::CoreCounters counters;
  std::array<PortQueue, 1> ports;
  std::unique_ptr<ForwardPaths> paths;
  std::unique_ptr<PortBackendTx> link;

  void SetUp() override {
    start_eal();
    pool = std::make_unique<dpdk::MbufPool>(make_pool(511));
    std::uint16_t id = 0;
    ASSERT_EQ(rte_eth_dev_get_port_by_name("net_ring0", &id), 0);
    rte_mempool* const pools[] = {pool->get()};
    auto opened = dpdk::Port::open(id, {64, 64, 0}, pools);
    ASSERT_TRUE(opened.ok()) << opened.error();
    ASSERT_TRUE(opened->start({}).ok());
    port = std::make_unique<dpdk::Port>(std::move(*opened));
    interface.mac = kOurMac;
    ports[0].interface = &interface;
    ports[0].out.bind(id, 0, false);
    const std::vector<ReplyPath> replies = {{kBackend4, 5300, kOurs4, {}}, {kBackend6, 53, kOurs6, {}}};
    paths = std::make_unique<ForwardPaths>(SourcePorts(replies, 1, {}));
    paths->backends = {{0, kOurs4, kBackend4, 5300, paths->neighbours.add({0, kGateway, kOurs4}).value()},
                       {0, kOurs6, kBackend6, 53, paths->neighbours.add({0, kBackend6, kOurs6}).value()}};
    link = std::make_unique<PortBackendTx>(*paths, 0, ports, pool->get(), counters);
  }
  void TearDown() override {
    link.reset();
    sent();
    EXPECT_EQ(in_use(*pool), 0u);
    port->stop();  // and not closed: the next test opens it again
    static auto* const kept = new std::vector<std::pair<std::unique_ptr<dpdk::MbufPool>, std::unique_ptr<dpdk::Port>>>;
    kept->emplace_back(std::move(pool), std::move(port));
  }
  void learn() {
    paths->neighbours.learn(0, kGateway, {kGatewayMac, Heard::answer});
    paths->neighbours.learn(0, kBackend6, {kBackendMac, Heard::answer});
  }
  std::vector<Buffer> sent() {
    flush_burst(ports[0].out, counters);
    rte_mbuf* mbufs[64];
    std::vector<Buffer> found;
    while (const std::uint16_t count = rte_eth_rx_burst(port->id(), 0, mbufs, 64)) {
      for (unsigned i = 0; i < count; ++i) found.push_back(bytes_of(mbufs[i]));
      rte_pktmbuf_free_bulk(mbufs, count);
    }
    return found;
  }
  void ask(unsigned backend, std::uint16_t from, const Buffer& question) {
    const MutableBytes room = link->begin(backend);
    ASSERT_GE(room.size(), question.size());
    std::copy(question.begin(), question.end(), room.begin());
    link->send(from, question.size());
  }
};

Buffer expected(unsigned backend, std::uint16_t from, const Buffer& question) {
  if (backend == 0) {
    Ipv4 ip;
    ip.from = kOurs4;
    ip.to = kBackend4;
    Buffer packet = ip(summed(ip, udp(question, from, 5300), 6));
    const Buffer ours = {0x45, 0, packet[2], packet[3], 0, 0, 0x40, 0, 64, 17, 0, 0};
    std::copy(ours.begin(), ours.end(), packet.begin());
    const unsigned sum = naive_checksum(first_of(packet, 20));
    packet[10] = static_cast<std::uint8_t>(sum >> 8);
    packet[11] = static_cast<std::uint8_t>(sum);
    return eth(kGatewayMac, kOurMac).upper(0x0800, packet);
  }
  Ipv6 ip;
  ip.from = kOurs6;
  ip.to = kBackend6;
  ip.hop_limit = 64;
  Buffer packet = ip(summed(ip, udp(question, from, 53), 6));
  packet[0] = 0x60, packet[1] = packet[2] = packet[3] = 0;
  return eth(kBackendMac, kOurMac).upper(0x86dd, packet);
}

TEST_F(LinkTest, NothingGoesToANextHopThatIsNotKnown) {
  EXPECT_FALSE(link->reachable(0));
  EXPECT_TRUE(link->begin(0).empty());
  learn();
  EXPECT_TRUE(link->reachable(0));
  EXPECT_TRUE(link->reachable(1));
  paths->neighbours.give_up(0, paths->neighbours.at(0));
  EXPECT_FALSE(link->reachable(0));
  EXPECT_TRUE(link->begin(0).empty());
}

TEST_F(LinkTest, QuestionsToTheLastByte) {
  learn();
  for (unsigned backend = 0; backend < 2; ++backend) {
    for (const std::size_t length : {std::size_t{1}, std::size_t{12}, std::size_t{45}, std::size_t{1400}}) {
      const Buffer question(length, static_cast<std::uint8_t>(length));
      ask(backend, 40001, question);
      EXPECT_EQ(sent(), std::vector<Buffer>{expected(backend, 40001, question)}) << backend << " " << length;
    }
  }
  EXPECT_EQ(counters.sent.value(), 8u);
}

// RFC 768: a sum that comes out as zero is sent as all ones. Some 16-bit word makes it so.
TEST_F(LinkTest, AChecksumIsNeverZero) {
  learn();
  for (unsigned backend = 0; backend < 2; ++backend) {
    ask(backend, 40001, {0, 0});
    const std::size_t at = backend == 0 ? 14 + 20 + 6 : 14 + 40 + 6;
    const unsigned sum = get16(sent().at(0), at);
    ask(backend, 40001, {static_cast<std::uint8_t>(sum >> 8), static_cast<std::uint8_t>(sum)});
    EXPECT_EQ(get16(sent().at(0), at), 0xffffu);
  }
}

TEST_F(LinkTest, RoomIsTheMtu) {
  learn();
  EXPECT_EQ(link->begin(0).size(), 1500u - 28);
  EXPECT_EQ(link->begin(1).size(), 1500u - 48);
  interface.mtu = 1280;
  EXPECT_EQ(link->begin(1).size(), 1280u - 48);
  link->send(40001, 1280 - 48);
  EXPECT_EQ(sent().at(0).size(), 1280u + 14);
}

TEST_F(LinkTest, ThePortIsAskedForChecksumsWhereItCan) {
  learn();
  interface.tx_udp_checksum = interface.tx_ipv4_checksum = true;
  ask(0, 40001, {1, 2, 3});
  flush_burst(ports[0].out, counters);
  rte_mbuf* mbuf = nullptr;
  ASSERT_EQ(rte_eth_rx_burst(port->id(), 0, &mbuf, 1), 1);
  EXPECT_EQ(mbuf->ol_flags, RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV4);
  EXPECT_TRUE(mbuf->l2_len == 14 && mbuf->l3_len == 20);
  const Buffer frame = bytes_of(mbuf);
  EXPECT_EQ(get16(frame, 14 + 10), 0u);
  Ipv4 ip;
  ip.from = kOurs4;
  ip.to = kBackend4;
  EXPECT_EQ(get16(frame, 14 + 20 + 6), ~naive_checksum(ip.pseudo(11)) & 0xffff) << "of the pseudo header";
  rte_pktmbuf_free(mbuf);
}

TEST_F(LinkTest, WithoutABufferNothingBegins) {
  learn();
  std::vector<rte_mbuf*> all;
  while (rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool->get())) all.push_back(mbuf);
  EXPECT_TRUE(link->begin(0).empty());
  rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
  EXPECT_FALSE(link->begin(0).empty());
}

TEST_F(LinkTest, TheProberAsksEverybodyThenTheNeighbour) {
  NeighbourProber prober(paths->neighbours, ports, pool->get(), counters);
  prober.tick(1000);
  prober.tick(1000);
  const Buffer arp_request = eth(wire::kBroadcastMac, kOurMac).arp(arp(1, kOurMac, kOurs4, kGateway));
  auto frames = sent();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0], arp_request);
  EXPECT_EQ(first_of(frames[1], 6), Buffer({0x33, 0x33, 0xff, 0, 0, 0x53}));
  learn();
  prober.tick(1500);
  EXPECT_TRUE(sent().empty());
  prober.tick(21500);
  frames = sent();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0], eth(kGatewayMac, kOurMac).arp(arp(1, kOurMac, kOurs4, kGateway)));
  EXPECT_EQ(first_of(frames[1], 6), Buffer(kBackendMac.bytes.begin(), kBackendMac.bytes.end()));
}

TEST(ReadRss, KeyFunctionAndTableOfAPort) {
  start_eal();
  std::uint16_t id = 0;
  ASSERT_EQ(rte_eth_dev_get_port_by_name("net_null0", &id), 0);
  const auto pool = make_pool(511);
  rte_mempool* const pools[] = {pool.get(), pool.get()};
  auto port = dpdk::Port::open(id, {64, 64, 0}, pools);
  ASSERT_TRUE(port.ok()) << port.error();
  rte_eth_dev_info info{};
  ASSERT_EQ(rte_eth_dev_info_get(id, &info), 0);
  ASSERT_EQ(info.reta_size, 128);
  rte_eth_rss_reta_entry64 table[2] = {};
  for (auto& group : table) {
    group.mask = UINT64_MAX;
    for (unsigned i = 0; i < 64; ++i) group.reta[i] = static_cast<std::uint16_t>((i + i / 7) % 2);
  }
  ASSERT_EQ(rte_eth_dev_rss_reta_update(id, table, 128), 0);
  std::vector<std::uint8_t> key(dpdk::Rss::kLeastKey);  // the null port's, though it does not say so
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i * 7 + 1);
  rte_eth_rss_conf conf{};
  conf.rss_key = key.data();
  conf.rss_key_len = static_cast<std::uint8_t>(key.size());
  conf.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_UDP;
  ASSERT_EQ(rte_eth_dev_rss_hash_update(id, &conf), 0);

  const auto rss = dpdk::read_rss(id);
  ASSERT_TRUE(rss.has_value());
  EXPECT_EQ(rss->key, key);
  ASSERT_EQ(rss->table.size(), 128u);
  for (unsigned i = 0; i < 128; ++i) EXPECT_EQ(rss->table[i], table[i / 64].reta[i % 64]);
  EXPECT_TRUE(rss->knows(kBackend4));
}

TEST(ReadRss, APortThatDoesNotTell) {
  start_eal();
  std::uint16_t id = 0;
  ASSERT_EQ(rte_eth_dev_get_port_by_name("net_ring0", &id), 0);
  EXPECT_FALSE(dpdk::read_rss(id).has_value());
}

}  // namespace
}  // namespace gl::worker
