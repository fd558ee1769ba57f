// Requests of clients at the forwarding service: what is asked, what is answered at once, and what is counted.
#include "lib/services/dns/forward.h"

#include <gtest/gtest.h>

#include "tests/unit/dns_forward_fixture.h"

namespace {

using namespace gl;
using namespace gl::test;
using Kind = Answer::Kind;

TEST_F(DnsForward, OverTcp) {
  EXPECT_EQ(bench().stream(ask(), out_).kind, Kind::pending);
  ASSERT_EQ(bench().link.sent.size(), 1U);
  EXPECT_EQ(counters().asked_tcp.value(), 0U);  // its end is not known yet
  bench().backend_says(told());
  EXPECT_EQ(bench().stream(ask(), out_).kind, Kind::answered);
  EXPECT_EQ(out_, framed(told()));
  EXPECT_EQ(counters().asked_tcp.value(), 1U);
  EXPECT_EQ(counters().answered.value(), 1U);
  // The rest of an answer is the same answer, and no new one.
  EXPECT_EQ(bench().stream(ask(), out_, {.continuation = true}).kind, Kind::answered);
  EXPECT_EQ(out_, framed(told()));
  EXPECT_EQ(counters().answered.value(), 1U);
  EXPECT_EQ(counters().asked_tcp.value(), 1U);
  EXPECT_EQ(counters().continued.value(), 1U);
  const Message other = ask(question("other.example.", 1));
  EXPECT_EQ(bench().stream(other, out_, {.continuation = true, .position = 100}).kind, Kind::unrepeatable);
}

TEST_F(DnsForward, OverUdp) {
  const Answer asked = bench().datagram(ask(), out_);
  EXPECT_EQ(asked.kind, Kind::pending);
  EXPECT_EQ(bench().forwarder.suspend({.frame = out_}, asked.ticket), backend::Forwarder::Suspend::suspended);
  bench().backend_says(told());
  ASSERT_NE(bench().forwarder.resume(), nullptr);
  EXPECT_EQ(bench().datagram(ask(), out_).kind, Kind::answered);
  bench().forwarder.release();
  EXPECT_EQ(out_, told());
  EXPECT_EQ(counters().asked_udp.value(), 1U);
  EXPECT_EQ(counters().answered.value(), 1U);
}

TEST_F(DnsForward, TtlsRunOn) {
  settings_.serve_s = 60;
  EXPECT_EQ(bench().datagram(ask(), out_).kind, Kind::pending);
  bench().backend_says(told());
  bench().tick(7000);
  EXPECT_EQ(bench().datagram(ask(), out_).kind, Kind::answered);
  EXPECT_EQ(out_, told(kQuestion, {record(pointer_to(12), 1, 293, {192, 0, 2, 1})}));
}

TEST_F(DnsForward, LongAnswersBecomeTcOverUdpOnly) {
  settings_.serve_s = 60;
  const Message lengthy = told(kQuestion, Parts(60, kAddress));
  EXPECT_EQ(bench().datagram(ask(), out_).kind, Kind::pending);
  bench().backend_says(lengthy);
  EXPECT_EQ(bench().datagram(ask(), out_).kind, Kind::answered);
  EXPECT_EQ(out_, told(kQuestion, {}, 0x8780));
  EXPECT_EQ(counters().truncated.value(), 1U);
  EXPECT_EQ(bench().datagram(ask(kQuestion, 0x0100, {opt({})}), out_, 1232).kind, Kind::answered);
  EXPECT_EQ(out_.size(), lengthy.size() + 11);
  EXPECT_EQ(bench().stream(ask(), out_).kind, Kind::answered);
  EXPECT_EQ(out_, framed(lengthy));
  EXPECT_EQ(counters().truncated.value(), 1U);
}

TEST_F(DnsForward, NoAnswerIsServfail) {
  const Message m = ask(kQuestion, 0x0100, {opt({})});
  EXPECT_EQ(bench().stream(m, out_).kind, Kind::pending);
  bench().tick(801);
  const Message fail = framed(message(0x1234, 0x8102, {.questions = {kQuestion}, .additionals = {edns_error(22)}}));
  EXPECT_EQ(bench().stream(m, out_).kind, Kind::answered);
  EXPECT_EQ(out_, fail);
  EXPECT_EQ(counters().asked_tcp.value(), 1U);
  EXPECT_EQ(counters().answered.value(), 0U);
  EXPECT_EQ(counters().failed_timeout.value(), 1U);
  EXPECT_EQ(bench().stream(m, out_, {.continuation = true}).kind, Kind::answered);
  EXPECT_EQ(out_, fail);
  EXPECT_EQ(counters().asked_tcp.value(), 1U);
}

TEST_F(DnsForward, ResponsesAndStumpsGetSilence) {
  EXPECT_EQ(bench().stream(ask(kQuestion, 0x8100), out_).kind, Kind::silent);
  EXPECT_EQ(bench().datagram(ask(kQuestion, 0x8100), out_).kind, Kind::silent);
  EXPECT_EQ(counters().ignored_response.value(), 2U);
  for (std::size_t n = 0; n < 12; ++n) {
    EXPECT_EQ(bench().datagram(Message(n, 0), out_).kind, Kind::silent);
    EXPECT_EQ(bench().stream(Message(n, 0), out_).kind, Kind::malformed);
  }
  EXPECT_EQ(counters().ignored_short.value(), 24U);
  EXPECT_TRUE(bench().link.sent.empty());
}

// Errors of ours: at once, and again when an answer is continued.
TEST_F(DnsForward, ErrorsAreOurs) {
  struct Case {
    Message request;
    Message answer;
  };
  const Message bad_keepalive = opt({}, option(11, {0, 1}));
  const Message elsewhere = question("elsewhere.", 1);
  const std::vector<Case> cases{
      {ask(kQuestion, 0x1100), message(0x1234, 0x9004, {.questions = {kQuestion}})},
      {joined(ask(), {0}), message(0x1234, 0x8101, {.questions = {kQuestion}})},
      {ask(kQuestion, 0x0100, {opt({.version = 1})}),
       message(0x1234, 0x8100, {.questions = {kQuestion}, .additionals = {opt({.extended_rcode = 1})}})},
      {ask(kQuestion, 0x0100, {bad_keepalive}),
       message(0x1234, 0x8101, {.questions = {kQuestion}, .additionals = {opt({})}})},
      {ask(elsewhere, 0x0110, {opt({})}),
       message(0x1234, 0x8115, {.questions = {elsewhere}, .additionals = {edns_error(20)}})}};
  for (const Case& c : cases) {
    EXPECT_EQ(bench().stream(c.request, out_).kind, Kind::answered);
    EXPECT_EQ(out_, framed(c.answer));
    EXPECT_EQ(bench().stream(c.request, out_, {.continuation = true}).kind, Kind::answered);
    EXPECT_EQ(out_, framed(c.answer));
  }
  EXPECT_EQ(counters().notimp.value(), 1U);
  EXPECT_EQ(counters().formerr.value(), 2U);
  EXPECT_EQ(counters().badvers.value(), 1U);
  EXPECT_EQ(counters().refused.value(), 1U);
  EXPECT_EQ(counters().continued.value(), 5U);
  EXPECT_TRUE(bench().link.sent.empty());
  // RFC 7828 3.2.1: over UDP the option is passed over.
  EXPECT_EQ(bench().datagram(ask(kQuestion, 0x0100, {bad_keepalive}), out_).kind, Kind::pending);
}

TEST_F(DnsForward, OurSubnetIsNotShown) {
  settings_.ecs_v4 = 24;
  const Message m = ask(kQuestion, 0x0100, {opt({})});
  const Message network = option(8, {0, 1, 24, 24, 192, 0, 2});
  const auto with = [](const Message& options) {
    return message(0x1234, 0x8580,
                   {.questions = {kQuestion}, .answers = {kAddress}, .additionals = {opt({}, options)}});
  };
  EXPECT_EQ(bench().stream(m, out_).kind, Kind::pending);
  bench().backend_says(with(network));
  EXPECT_EQ(bench().stream(m, out_).kind, Kind::answered);
  EXPECT_EQ(out_, framed(with({})));
}

TEST(DnsForwardRoute, LongestSuffix) {
  ForwardBench bench(ForwardBench::pools({"example.", ".", "sub.example.", "ample."}));
  const auto route = [&](const std::string& text) {
    dns::Name name;
    EXPECT_TRUE(name.parse(wire_name(text)));
    const auto found = bench.service.route(name);
    return found ? std::pair(found->pool, found->labels) : std::pair(99U, 99U);
  };
  EXPECT_EQ(route("example."), std::pair(0U, 1U));
  EXPECT_EQ(route("a.EXAMPLE."), std::pair(0U, 1U));
  EXPECT_EQ(route("sub.example."), std::pair(2U, 2U));
  EXPECT_EQ(route("a.b.Sub.Example."), std::pair(2U, 2U));
  EXPECT_EQ(route("xsub.example."), std::pair(0U, 1U));
  EXPECT_EQ(route("xample."), std::pair(1U, 0U));
  EXPECT_EQ(route("."), std::pair(1U, 0U));
  ForwardBench few(ForwardBench::pools({"example."}));
  dns::Name name;
  ASSERT_TRUE(name.parse(wire_name("com.")));
  EXPECT_FALSE(few.service.route(name));
}

}  // namespace
