// Zones from memory and names that are forwarded, on one port.
#include "lib/services/dns/router.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/forward_fixture.h"

namespace {

using namespace gl;
using namespace gl::test;
using Kind = Answer::Kind;

Message ask(const Message& q = question("Www.Example.", 1), std::uint16_t flags = 0x0100) {
  return message(0x1234, flags, {.questions = {q}});
}

class Router : public testing::Test {
 protected:
  // Whether a question is forwarded; else the zone service has answered it.
  bool forwarded(const std::string& name, std::uint16_t type, std::uint16_t flags = 0, std::uint16_t rr_class = 1) {
    const Message flow = flow_v4();
    Message out(1232);
    const std::size_t before = bench_.link.sent.size();
    const Answer reply = router_.answer_datagram(ask(question(name, type, rr_class), flags), out, {.flow = flow});
    const bool sent = bench_.link.sent.size() != before;
    EXPECT_EQ(reply.kind, sent ? Kind::pending : Kind::answered) << name;
    rcode_ = out[3] & 15U;
    return sent;
  }
  static std::string zone(const std::string& origin) {
    return "$ORIGIN " + origin + "\n$TTL 60\n@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";
  }
  static backend::ForwardSettings settings() {
    auto s = ForwardBench::pools({"example.", "below.zone.", "both.", "org."});
    s.pass_notifies = true;
    return s;
  }
  TempFile plain_{zone("zone.")};
  TempFile both_{zone("both.")};
  TempFile child_{zone("child.example.")};
  Served served_{{{plain_.path(), ""}, {both_.path(), ""}, {child_.path(), ""}}};
  ForwardBench bench_{settings()};
  services::DnsRouter router_{*served_.service, bench_.service};
  unsigned rcode_ = 0;
};

TEST_F(Router, TheLongestSuffixDecides) {
  router_.begin_burst(0);
  EXPECT_FALSE(forwarded("ns.zone.", 1));
  EXPECT_EQ(rcode_, 0U);
  EXPECT_TRUE(forwarded("a.below.zone.", 1));
  EXPECT_TRUE(forwarded("www.example.", 1));
  EXPECT_FALSE(forwarded("ns.child.example.", 1));
  EXPECT_EQ(rcode_, 0U);
  EXPECT_FALSE(forwarded("x.both.", 1));  // a zone wins
  EXPECT_EQ(rcode_, 3U);
  EXPECT_FALSE(forwarded("elsewhere.", 1));
  EXPECT_EQ(rcode_, 5U);
}

TEST_F(Router, DsIsWithTheParent) {
  EXPECT_TRUE(forwarded("child.example.", 43));
  EXPECT_FALSE(forwarded("child.example.", 6));
  EXPECT_FALSE(forwarded("below.zone.", 43));  // the zone above it is ours
  EXPECT_TRUE(forwarded("below.zone.", 6));
  EXPECT_FALSE(forwarded("zone.", 43));  // nobody here has its parent
  EXPECT_EQ(rcode_, 0U);
  EXPECT_TRUE(forwarded("org.", 43));
}

// That of a primary is for the zones, whoever the name belongs to.
TEST_F(Router, NotifyOfAPrimaryIsNotForwarded) {
  const Message flow = flow_v4();
  AllowedNetwork primary;
  primary.prefix_length = 32;
  std::copy_n(flow.begin(), 4, primary.address.begin());
  services::NotifyDoor door({primary});
  services::DnsSettings settings;
  settings.notify = &door;
  services::DnsZoneService zones(settings, served_.published);
  services::DnsRouter router(zones, bench_.service);
  router.begin_burst(0);
  Message out(kMaxRenderedAnswer);
  const Message notify = ask(question("www.example.", 6), 0x2400);
  router.prepare(notify, {.flow = flow});
  const Answer answer = router.answer(notify, out, {.flow = flow});
  EXPECT_EQ(answer.kind, Kind::pending);
  EXPECT_EQ(answer.ticket.keeper, router.suspender());
  EXPECT_EQ(zones.counters().notify_passed.value(), 1U);
  EXPECT_TRUE(bench_.link.sent.empty());
  const std::string frame = "frame";
  (void)router.suspender()->suspend({.frame = {reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()}},
                                    answer.ticket);
  EXPECT_TRUE(router.has_waiting(flow));
}

// An identity is a zone's, whoever the name belongs to by now.
TEST_F(Router, WhatAZoneBeganAZoneGoesOnWith) {
  router_.begin_burst(0);
  Message out(kMaxRenderedAnswer);
  const Message flow = flow_v4();
  const Answer begun = router_.answer(ask(question("ns.zone.", 1)), out, {.flow = flow});
  EXPECT_NE(begun.identity, 0U);
  const Message first(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(begun.length));
  const zone::ZoneSnapshot none({}, served_.snapshot.get());
  const zone::PublishedZones swapped{&none, {served_.snapshot.get()}, 1};
  served_.published = &swapped;
  router_.begin_burst(1);
  const RequestContext context{.continuation = true, .flow = flow, .identity = begun.identity};
  EXPECT_EQ(router_.answer(ask(question("ns.zone.", 1)), out, context).kind, Kind::answered);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), out.begin()));
  const Message forwarded_now = ask(question("x.both.", 1));
  const std::size_t before = bench_.link.sent.size();
  EXPECT_EQ(router_.answer(forwarded_now, out, context).kind, Kind::answered);
  EXPECT_EQ(router_.answer(forwarded_now, out, {.continuation = true, .flow = flow, .identity = 77}).kind,
            Kind::unrepeatable);
  EXPECT_EQ(bench_.link.sent.size(), before);
}

TEST_F(Router, OtherKinds) {
  EXPECT_FALSE(forwarded("zone.", 6, 0x2000));
  EXPECT_EQ(rcode_, 4U);
  EXPECT_TRUE(forwarded("example.", 6, 0x2000));
  EXPECT_FALSE(forwarded("www.example.", 16, 0, 3));  // CH
  Message out(512);
  EXPECT_EQ(router_.answer_datagram(Message(5, 0), out, {}).kind, Kind::silent);
  EXPECT_EQ(router_.answer_datagram(message(1, 0, {}), out, {}).kind, Kind::answered);
  EXPECT_EQ(served_.service->counters().ignored_short.value(), 1U);
  EXPECT_EQ(router_.largest_answer(), kMaxRenderedAnswer);
}

TEST_F(Router, Streams) {
  const Message flow = flow_v4();
  Message out(kMaxRenderedAnswer);
  EXPECT_EQ(router_.answer(ask(), out, {.flow = flow}).kind, Kind::pending);
  router_.prepare(ask(question("b.example.", 1)), {.flow = flow, .position = 9});
  router_.prepare(ask(question("b.zone.", 1)), {.flow = flow, .position = 19});
  EXPECT_EQ(bench_.link.sent.size(), 2U);
  const Message wire = framed(ask());
  const Framed next = router_.next_request(wire, false);
  EXPECT_EQ(next.kind, Framed::Kind::complete);
  EXPECT_EQ(next.consumed, wire.size());
}

}  // namespace
