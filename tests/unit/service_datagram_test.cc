// Datagram services on the stages: several answers, from ports of their own, and no more than an unverified sender may
// draw; ranges of ports; deadlines.
#include "lib/service/registry.h"
#include "tests/unit/pipeline_harness.h"
#include "tests/unit/too_big_frames.h"

namespace gl::test {
namespace {

using datapath::Verdict;

// Sends what the first byte of a request says: so many datagrams, each of as many bytes as the second says.
class Several final : public DatagramService {
 public:
  Several() : DatagramService({.fixed = 100, .factor = 2}) {}
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override {
    peer = Peer(datagram);
    EXPECT_TRUE(peer.sent(datagram));
    if (verifies) sink.verified();
    for (std::uint8_t i = 0; i < datagram.payload[0]; ++i) {
      const std::size_t length = datagram.payload[1];
      const MutableBytes out = sink.room();
      std::fill_n(out.begin(), std::min(length, out.size()), static_cast<std::uint8_t>('a' + i));
      sent += sink.send(static_cast<std::uint16_t>(7000 + i), length) ? 1u : 0u;
    }
  }
  Peer peer;
  bool verifies = false;
  unsigned sent = 0;
};

struct DatagramBench : Harness {
  DatagramBench() { EXPECT_TRUE(services.add_datagram({6900, 6999}, several)); }
  Verdict ask(const Ipv4& ip, Buffer payload, std::uint16_t port = 6950) {
    payload.resize(20);
    return give(eth().ipv4(ip).udp(payload, 40000, port));
  }
  Several several;
};

// A service that says so is shown the requests of a burst, if it was added with one port; the first of several.
struct Ahead final : DatagramService, Service {
  Ahead() : DatagramService({}) {}
  void receive(const Datagram&, DatagramSink&) noexcept override {}
  [[nodiscard]] std::string_view name() const noexcept override { return "ahead"; }
  void begin_burst(std::uint64_t) noexcept override {}
  void read_counters(CounterReader&) const override {}
  [[nodiscard]] bool looks_ahead() const noexcept override { return looks; }
  bool looks = false;
};
TEST(Registry, SaysWhoLooksAhead) {
  Ahead first, second;
  Registry registry;
  ASSERT_TRUE(registry.add(53, first) && registry.add(54, second));
  registry.begin_burst(1);
  EXPECT_EQ(registry.ahead().service, nullptr);
  second.looks = true;
  registry.begin_burst(2);
  EXPECT_EQ(registry.ahead().service, static_cast<Service*>(&second));
  EXPECT_EQ(registry.ahead().port, 54);
  first.looks = true;
  registry.begin_burst(3);
  EXPECT_EQ(registry.ahead().port, 53);
  EXPECT_FALSE(registry.add(53, second));
}

TEST(DatagramService, SeveralFromPortsOfItsOwn) {
  DatagramBench bench;
  ASSERT_EQ(bench.ask({}, {3, 30}), Verdict::udp_reply);
  ASSERT_EQ(bench.out.sent.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    Ipv4 back;
    back.from = kOurs4;
    back.to = kClient4;
    const Buffer& frame = bench.out.sent[i].bytes;
    EXPECT_EQ(part(frame, 0, 6), Buffer(kClientMac.bytes.begin(), kClientMac.bytes.end()));
    EXPECT_EQ(get16(frame, 14 + 20), 7000 + i);
    EXPECT_EQ(get16(frame, 14 + 22), 40000u);
    EXPECT_EQ(part(frame, 14 + 28), Buffer(30, static_cast<std::uint8_t>('a' + i)));
    EXPECT_EQ(naive_checksum(part(frame, 14, 20)), 0u);
    const Buffer layer4 = part(frame, 34);
    EXPECT_EQ(naive_checksum(back.pseudo(layer4.size()) + layer4), 0u);
  }
  EXPECT_EQ(bench.counters.extra_segments.value(), 2u);
}

TEST(DatagramService, NoMoreThanAnUnverifiedSenderMayDraw) {
  DatagramBench bench;
  ASSERT_EQ(bench.ask({}, {5, 50}), Verdict::udp_reply);  // 100 + 2 * 20 bytes
  EXPECT_EQ(bench.out.sent.size(), 2u);
  EXPECT_EQ(bench.several.sent, 2u);
  EXPECT_EQ(bench.counters.refused_unverified.value(), 3u);
  EXPECT_EQ(bench.ask({}, {1, 141}), Verdict::drop_udp_silent);
  bench.several.verifies = true;
  ASSERT_EQ(bench.ask({}, {5, 200}), Verdict::udp_reply);
  EXPECT_EQ(bench.out.sent.size(), 5u);
}

TEST(DatagramService, WithoutBuffersTheFirstStillGoes) {
  DatagramBench bench;
  bench.out.buffers = 1;
  ASSERT_EQ(bench.ask({}, {4, 10}), Verdict::udp_reply);
  EXPECT_EQ(bench.out.sent.size(), 2u);
  EXPECT_EQ(bench.counters.no_buffer.value(), 2u);
}

TEST(DatagramService, ThePeerIsKept) {
  DatagramBench bench;
  ASSERT_EQ(bench.ask({}, {1, 4}), Verdict::udp_reply);
  const Peer& peer = bench.several.peer;
  EXPECT_EQ(peer.port, 40000);
  EXPECT_EQ(peer.local_port, 6950);
  EXPECT_EQ(Buffer(peer.address.begin(), peer.address.begin() + 4),
            Buffer(kClient4.bytes.begin(), kClient4.bytes.end()));
  EXPECT_EQ(Buffer(peer.local_address.begin(), peer.local_address.begin() + 4),
            Buffer(kOurs4.bytes.begin(), kOurs4.bytes.end()));
  EXPECT_EQ(peer.link_header_length, 14);
}

TEST(DatagramService, PortsOutsideItsRangeAreClosed) {
  DatagramBench bench;
  EXPECT_EQ(bench.ask({}, {1, 4}, 6899), Verdict::drop_udp_closed);
  EXPECT_EQ(bench.ask({}, {1, 4}, 7000), Verdict::drop_udp_closed);
  EXPECT_EQ(bench.ask({}, {1, 4}, 6900), Verdict::udp_reply);
  EXPECT_EQ(bench.ask({}, {1, 4}, 6999), Verdict::udp_reply);
}

// Of its ports 7000 to 7999 every third is this core's.
class SharedOut final : public DatagramService {
 public:
  SharedOut() : DatagramService({.factor = 1}, false, {7000, 7999, 3}) {}
  void receive(const Datagram&, DatagramSink&) noexcept override { ++received; }
  unsigned received = 0;
};

TEST(DatagramService, WhatComesToAnotherCoresPortIsHandedOff) {
  Harness harness;
  SharedOut service;
  ASSERT_TRUE(harness.services.add_datagram({6999, 8000}, service));
  EXPECT_TRUE(harness.services.shares_ports_out());
  harness.pipeline.forward_to({.core = 1});
  harness.out.takes = true;
  const auto ask = [&](std::uint16_t port) { return harness.give(eth().ipv4({}).udp({1, 2, 3}, 40000, port)); };
  EXPECT_EQ(ask(7000), Verdict::drop_udp_silent) << "7000 % 3 is 1";
  EXPECT_EQ(ask(6999), Verdict::drop_udp_silent) << "ports beside the range are everybody's";
  EXPECT_EQ(ask(8000), Verdict::drop_udp_silent);
  EXPECT_EQ(service.received, 3u);
  EXPECT_TRUE(harness.services.is_asked_on(6999));
  EXPECT_FALSE(harness.services.is_asked_on(7000)) << "lent to one peer at a time";
  EXPECT_FALSE(harness.services.is_asked_on(8001));
  EXPECT_EQ(ask(7001), Verdict::udp_handed_off);
  EXPECT_EQ(ask(7998), Verdict::udp_handed_off);
  EXPECT_EQ(harness.out.handed_to, (std::vector<unsigned>{2, 0}));
  harness.out.takes = false;
  EXPECT_EQ(ask(7001), Verdict::drop_handoff_full);
  EXPECT_EQ(service.received, 3u);
}

// Sends as much as there is room for, and knows of one client.
class LongAnswers final : public DatagramService {
 public:
  LongAnswers() : DatagramService({.fixed = 10'000}, false, {7000, 7999, 2}) {}
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override {
    path_mtu = datagram.path_mtu;
    for (int i = 0; i < 2; ++i) {
      const MutableBytes room = sink.room();
      std::ranges::fill(room, std::uint8_t{7});
      (void)sink.send(datagram.local_port, room.size());
    }
  }
  [[nodiscard]] bool too_big(const Datagram& to) noexcept override {
    told = to.path_mtu;
    return to.peer_port == kQuotedPort && to.local_port == 7000;
  }
  unsigned path_mtu = 0;
  unsigned told = 0;
};

TEST(DatagramService, DatagramsShrinkToWhatRoutersSay) {
  for (const bool v6 : {false, true}) {
    Harness harness;
    LongAnswers service;
    ASSERT_TRUE(harness.services.add_datagram({7000, 7999}, service));
    harness.services.set_place({.core = 0, .cores = 2});
    harness.out.takes = true;
    const auto ask = [&] {
      const Buffer request = v6 ? eth().ipv6().udp({1}, kQuotedPort, 7000) : eth().ipv4().udp({1}, kQuotedPort, 7000);
      EXPECT_EQ(harness.give(request), Verdict::udp_reply);
      EXPECT_EQ(harness.out.sent.size(), 2u);
      EXPECT_EQ(harness.out.sent[0].bytes.size(), harness.out.sent[1].bytes.size());
      return harness.out.sent[0].bytes.size() - 14;
    };
    const auto tell = [&](unsigned port, unsigned mtu, unsigned length = 1500) {
      return harness.give(v6 ? too_big6(quoted_datagram6(length, port), mtu)
                             : too_big4(quoted_datagram4(length, port), mtu));
    };
    const Verdict invalid = v6 ? Verdict::drop_icmpv6_too_big_invalid : Verdict::drop_icmp_too_big_invalid;
    EXPECT_EQ(ask(), 1500u);
    EXPECT_EQ(service.path_mtu, 1500u);
    EXPECT_EQ(tell(7002, 1300), invalid) << "of nothing that the service sent";
    EXPECT_EQ(tell(7000, 1300, 1300), invalid) << "not too big at all";
    EXPECT_EQ(tell(6000, 1300), invalid) << "nobody's port";
    EXPECT_EQ(ask(), 1500u);
    EXPECT_EQ(tell(7000, 1300), v6 ? Verdict::icmpv6_too_big_learned : Verdict::icmp_too_big_learned);
    EXPECT_EQ(service.told, 1300u);
    EXPECT_EQ(ask(), 1300u);
    EXPECT_EQ(service.path_mtu, 1300u);
    EXPECT_EQ(tell(7001, 1300), Verdict::icmp_too_big_handed_off);
    EXPECT_EQ(harness.out.handed_to, (std::vector<unsigned>{1}));
    harness.out.takes = false;
    EXPECT_EQ(tell(7001, 1300), invalid) << "no room in the ring";
  }
}

TEST(Registry, OnePortHasOneService) {
  Registry registry;
  Several first;
  Several second;
  EXPECT_TRUE(registry.add_datagram({100, 200}, first));
  EXPECT_FALSE(registry.add_datagram({200, 300}, second));
  EXPECT_FALSE(registry.add_datagram({50, 100}, second));
  EXPECT_FALSE(registry.add_datagram({300, 299}, second));
  EXPECT_TRUE(registry.add_datagram({201, 300}, second));
  EXPECT_EQ(registry.datagram(200), &first);
  EXPECT_EQ(registry.datagram(201), &second);
  EXPECT_EQ(registry.datagram(301), nullptr);
  EXPECT_EQ(registry.stream(150), nullptr);
}

class Timed final : public Service {
 public:
  explicit Timed(bool has) : has_(has) {}
  std::string_view name() const noexcept override { return "timed"; }
  void begin_burst(std::uint64_t) noexcept override { ++bursts; }
  void read_counters(CounterReader&) const override {}
  bool has_deadlines() const noexcept override { return has_; }
  std::uint64_t next_deadline() const noexcept override { return deadline; }
  void on_time(std::uint64_t now_ms, DatagramSender&) noexcept override { called_at = now_ms, deadline = kNever; }
  std::uint64_t deadline = kNever;
  std::uint64_t called_at = 0;
  unsigned bursts = 0;

 private:
  bool has_;
};

class NoSender final : public DatagramSender {
 public:
  MutableBytes room(const Peer&) noexcept override { return {}; }
  void send(const Peer&, std::uint16_t, std::size_t) noexcept override {}
};

TEST(Registry, DeadlinesAreCalledOnceWhenTheyPass) {
  Registry registry;
  Timed never(false);
  Timed timed(true);
  ASSERT_TRUE(registry.add(never));
  EXPECT_FALSE(registry.has_deadlines());
  ASSERT_TRUE(registry.add(timed));
  EXPECT_TRUE(registry.has_deadlines());
  NoSender sender;
  EXPECT_FALSE(registry.is_due(1000));
  timed.deadline = 1000;
  EXPECT_FALSE(registry.is_due(999));
  EXPECT_EQ(registry.on_time(999, sender), 0u);
  EXPECT_TRUE(registry.is_due(1000));
  EXPECT_EQ(registry.on_time(1003, sender), 1u);
  EXPECT_EQ(timed.called_at, 1003u);
  EXPECT_FALSE(registry.is_due(5000));
  registry.begin_burst(1);
  EXPECT_EQ(never.bursts + timed.bursts, 2u);
}

}  // namespace
}  // namespace gl::test
