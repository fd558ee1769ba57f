// Requests that are no plain questions: transfers, NOTIFY, UPDATE; and those that lie in wait.
#include <gtest/gtest.h>

#include "tests/unit/dns_forward_fixture.h"

namespace {

using namespace gl;
using namespace gl::test;
using Kind = Answer::Kind;

TEST_F(DnsForward, TransfersUpdatesNotifiesRefused) {
  const Message zone = question("example.", 6);
  const Message soa = record(pointer_to(12), 6, 0, Message(22, 0));
  const Message axfr = question("example.", 252);
  const Message ixfr = question("example.", 251);
  const std::vector<Message> requests{ask(axfr), message(0x1234, 0, {.questions = {ixfr}, .authorities = {soa}}),
                                      ask(zone, 0x2000), ask(zone, 0x2800)};
  for (const Message& m : requests) {
    for (const bool stream : {true, false}) {
      EXPECT_EQ((stream ? bench().stream(m, out_) : bench().datagram(m, out_)).kind, Kind::answered);
      EXPECT_EQ(out_[stream ? 5 : 3] & 15, 5);
    }
  }
  EXPECT_EQ(counters().refused.value(), 8U);
  EXPECT_TRUE(bench().link.sent.empty());
}

TEST_F(DnsForward, TransfersOverTcp) {
  settings_.pass_transfers = true;
  const Message axfr = question("Example.", 252);
  EXPECT_EQ(bench().stream(ask(axfr), out_).kind, Kind::pending);
  ASSERT_EQ(bench().tcp.asked.size(), 1U);
  const Message last = message(0x1234, 0x8400, {.answers = {kAddress}});
  const Message whole = joined(framed(told(axfr)), framed(last));
  bench().tcp.answer(whole);
  bench().tick(1);
  EXPECT_EQ(bench().stream(ask(axfr), out_).kind, Kind::answered);
  EXPECT_EQ(out_, whole);
  EXPECT_EQ(counters().answered.value(), 1U);
}

TEST_F(DnsForward, TransfersOverUdp) {
  settings_.pass_transfers = true;
  const Message axfr = question("example.", 252);
  const Message ixfr = question("example.", 251);
  const Message soa = record(pointer_to(12), 6, 0, Message(22, 0));
  EXPECT_EQ(bench().datagram(ask(axfr), out_).kind, Kind::answered);
  EXPECT_EQ(out_, message(0x1234, 0x8101, {.questions = {axfr}}));
  EXPECT_EQ(bench().datagram(message(0x1234, 0, {.questions = {ixfr}, .authorities = {soa}}), out_).kind,
            Kind::answered);
  EXPECT_EQ(out_, message(0x1234, 0x8200, {.questions = {ixfr}}));
  EXPECT_EQ(counters().formerr.value(), 1U);
  EXPECT_EQ(counters().truncated.value(), 1U);
  EXPECT_TRUE(bench().tcp.asked.empty());
}

// --udp=tc: no backend is asked for somebody who may be anybody.
TEST_F(DnsForward, UdpIsSentToTcp) {
  settings_.udp_truncate_all = true;
  EXPECT_EQ(bench().datagram(ask(), out_).kind, Kind::answered);
  EXPECT_EQ(out_, message(0x1234, 0x8300, {.questions = {kQuestion}}));
  EXPECT_TRUE(bench().link.sent.empty());
  EXPECT_EQ(counters().truncated.value(), 1U);
  EXPECT_EQ(counters().asked_udp.value(), 0U);
  EXPECT_EQ(bench().datagram(ask(question("other.", 1)), out_).kind, Kind::answered);
  EXPECT_EQ(out_[3] & 15, 5);
  EXPECT_EQ(bench().stream(ask(), out_).kind, Kind::pending);
  EXPECT_EQ(bench().link.sent.size(), 1U);
}

TEST_F(DnsForward, NotifyIsSentOnce) {
  settings_.pass_notifies = true;
  const Message zone = question("example.", 6);
  // Before the connection stands it is not: it will come again.
  EXPECT_EQ(bench().stream(ask(zone, 0x2400), out_, {.early = true}).kind, Kind::pending);
  EXPECT_TRUE(bench().link.sent.empty());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bench().stream(ask(zone, 0x2400), out_).kind, Kind::pending);
  ASSERT_EQ(bench().link.sent.size(), 1U);
  Message sent = bench().link.sent[0].payload;
  sent[0] = 0x12;
  sent[1] = 0x34;
  EXPECT_EQ(sent, ask(zone, 0x2400));
  bench().backend_says(told(zone, {}, 0xa400));
  EXPECT_EQ(bench().stream(ask(zone, 0x2400), out_).kind, Kind::answered);
  EXPECT_EQ(out_, framed(told(zone, {}, 0xa400)));
}

TEST_F(DnsForward, UpdateGoesOverTcp) {
  settings_.pass_updates = true;
  const Message zone = question("example.", 6);
  EXPECT_EQ(bench().datagram(ask(zone, 0x2800), out_).kind, Kind::pending);
  ASSERT_EQ(bench().tcp.asked.size(), 1U);
  bench().tcp.answer(framed(message(1, 0xa800, {})));  // RFC 2136 3.8: sections may be left out
  bench().tick(1);
  EXPECT_EQ(bench().datagram(ask(zone, 0x2800), out_).kind, Kind::answered);
  EXPECT_EQ(out_, message(0x1234, 0xa800, {.questions = {zone}}));
}

TEST_F(DnsForward, PrepareAsksOnlyPlainQuestions) {
  settings_.pass_transfers = settings_.pass_notifies = settings_.pass_updates = true;
  const Message flow = flow_v4();
  for (const Message& m :
       {ask(question("example.", 252)), ask(question("example.", 6), 0x2400), joined(ask(), {0}),
        ask(question("example.", 6), 0x2800), ask(kQuestion, 0x8000), Message(5, 0), ask(question("elsewhere.", 1))}) {
    bench().service.prepare(m, {.flow = flow});
  }
  EXPECT_TRUE(bench().link.sent.empty() && bench().tcp.asked.empty());
  bench().service.prepare(ask(), {.flow = flow, .position = 5});
  EXPECT_EQ(bench().link.sent.size(), 1U);
  EXPECT_EQ(bench().stream(ask(), out_, {.position = 5}).kind, Kind::pending);
  EXPECT_EQ(bench().link.sent.size(), 1U);
}

}  // namespace
