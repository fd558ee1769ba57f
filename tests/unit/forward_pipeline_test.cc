// Datagrams that wait for a backend, as whole frames; and every verdict of the way there and back.
#include "tests/unit/forward_pipeline.h"

namespace gl::test {
namespace {

using Ends = std::vector<std::string_view>;

struct ForwardedUdp : ::testing::TestWithParam<Way> {
  const Way way = GetParam();
  backend::ForwardSettings settings = backend::test::settings_for(1);
  std::unique_ptr<ForwardPipeline> core;
  const Buffer query = query_for("a", 0x1234);

  void make(std::size_t frame_bytes = 1518) {
    core = std::make_unique<ForwardPipeline>(way, tcp::ResponderSettings{}, settings, frame_bytes);
  }
};

TEST_P(ForwardedUdp, WaitsIsRepeatedAndIsAnsweredOnce) {
  make();
  EXPECT_EQ(core->give(udp_to_us(way, query)), "udp_suspended");
  EXPECT_EQ(core->give(udp_to_us(way, query)), "drop_udp_waiting");
  EXPECT_EQ(core->give(udp_to_us(way, query_for("a", 0x4321))), "udp_suspended") << "the same question, another ID";
  EXPECT_TRUE(core->out.sent.empty());
  EXPECT_TRUE(core->resume_frame().empty());
  ASSERT_EQ(core->link.sent.size(), 1u);
  EXPECT_EQ(core->backend_answers(7), "backend_reply_taken");
  EXPECT_TRUE(core->out.sent.empty());
  EXPECT_EQ(core->resume_frame(), Ends({"udp_reply", "udp_reply"}));
  ASSERT_EQ(core->out.sent.size(), 2u);
  EXPECT_EQ(datagram_of(way, core->out.sent[0].bytes), reply_to(query, 7));
  EXPECT_EQ(datagram_of(way, core->out.sent[1].bytes), reply_to(query_for("a", 0x4321), 7));
  EXPECT_TRUE(core->resume_frame().empty());
}

TEST_P(ForwardedUdp, RepliesThatAnswerNothing) {
  make();
  EXPECT_EQ(core->give(udp_to_us(way, query)), "udp_suspended");
  const auto sent = core->asked();
  const Buffer reply = reply_to(sent.payload, 7);
  EXPECT_EQ(core->give(reply_to_us(way, reply, sent.port, 54)), "drop_backend_wrong") << "its port";
  EXPECT_EQ(core->give(reply_to_us(way, reply, sent.port + 1u)), "drop_backend_wrong") << "our port";
  EXPECT_EQ(core->give(frame_to_us(way, 17, udp(reply, 53, sent.port), 6)), "drop_backend_wrong") << "its address";
  EXPECT_EQ(core->give(reply_to_us(way, reply_to(query_for("b", sent.id()), 7), sent.port)), "drop_backend_wrong");
  EXPECT_EQ(core->give(reply_to_us(way, first_of(reply, 11), sent.port)), "drop_backend_malformed");
  EXPECT_EQ(core->give(reply_to_us(way, sent.payload, sent.port)), "drop_backend_malformed") << "a query";
  EXPECT_TRUE(core->resume_frame().empty());
  EXPECT_EQ(core->give(reply_to_us(way, reply, sent.port)), "backend_reply_taken");
  EXPECT_EQ(core->give(reply_to_us(way, reply, sent.port)), "drop_backend_late") << "twice";
  EXPECT_EQ(core->resume_frame(), Ends({"udp_reply"}));
}

// A reply that answers the question and has no end: another try is made, and who waits goes on waiting.
TEST_P(ForwardedUdp, ABrokenReplyIsNoAnswer) {
  make();
  EXPECT_EQ(core->give(udp_to_us(way, query)), "udp_suspended");
  const auto sent = core->asked();
  Buffer reply = reply_to(sent.payload, 7);
  reply.pop_back();
  EXPECT_EQ(core->give(reply_to_us(way, reply, sent.port)), "drop_backend_malformed");
  EXPECT_TRUE(core->resume_frame().empty());
  EXPECT_EQ(core->backend_answers(8), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"udp_reply"}));
  EXPECT_EQ(datagram_of(way, core->out.sent.at(0).bytes), reply_to(query, 8));
}

// A reply of which a packet socket keeps the beginning: its client is told to come over TCP.
TEST_P(ForwardedUdp, ALongReplyCutShort) {
  make();
  EXPECT_EQ(core->give(udp_to_us(way, query)), "udp_suspended");
  const auto sent = core->asked();
  const Buffer whole = reply_to_us(way, reply_to(sent.payload, 7, 0x8180, 3000), sent.port);
  if (way.v6) {  // nobody puts its fragments together before us
    EXPECT_EQ(core->give(first_of(whole, 1400)), "drop_ipv6_length");
    return;
  }
  const std::size_t dns = 14 + 20 + 8;
  EXPECT_EQ(core->give(first_of(whole, dns - 1)), "drop_udp_length") << "not even a UDP header";
  EXPECT_EQ(core->give(first_of(whole, dns + 11)), "drop_backend_malformed") << "not even a DNS header";
  EXPECT_EQ(core->give(first_of(whole, dns + 14)), "drop_backend_wrong") << "without the question";
  EXPECT_EQ(core->give(first_of(reply_to_us(way, reply_to(sent.payload, 7, 0x8180, 3000), 53), 1400)),
            "drop_udp_length")
      << "to a service";
  Buffer fragment = whole;
  fragment[14 + 6] = 0x20;
  fragment[14 + 10] ^= 0x20;
  EXPECT_EQ(core->give(first_of(fragment, 1400)), "drop_ipv4_length") << "cut shorter than a fragment";
  EXPECT_TRUE(core->resume_frame().empty());
  EXPECT_EQ(core->give(first_of(whole, 1400)), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"udp_reply"}));
  const Buffer told = datagram_of(way, core->out.sent.at(0).bytes);
  ASSERT_GT(told.size(), 12U);
  EXPECT_EQ(told[2] & 2, 2) << "TC";
  EXPECT_EQ(told[3] & 15, 0);
  EXPECT_EQ(get16(told, 4) + get16(told, 6), 1u) << "the question, and no record";
  EXPECT_EQ(core->forwarder.counters(0).cut_short.value(), 1U);
}

TEST_P(ForwardedUdp, SilenceEndsInServfail) {
  make();
  EXPECT_EQ(core->give(udp_to_us(way, query)), "udp_suspended");
  for (unsigned i = 0; i < settings.tries; ++i) {
    EXPECT_TRUE(core->resume_frame().empty());
    core->pass_ms(settings.timeout_ms + 1);
  }
  EXPECT_EQ(core->resume_frame(), Ends({"udp_reply"}));
  const Buffer told = datagram_of(way, core->out.sent.at(0).bytes);
  ASSERT_GE(told.size(), 12u);
  EXPECT_EQ(get16(told, 0), 0x1234u);
  EXPECT_EQ(told[3] & 0xf, 2);
}

TEST_P(ForwardedUdp, RepliesOfAnotherCoresQuestions) {
  make();
  core->two_cores();
  const Buffer reply = reply_to(query, 7);
  EXPECT_EQ(core->give(reply_to_us(way, reply, 2001)), "backend_handed_off");
  EXPECT_EQ(core->out.handed_to, std::vector<unsigned>({1}));
  core->out.takes = false;
  EXPECT_EQ(core->give(reply_to_us(way, reply, 2001)), "drop_handoff_full");
  EXPECT_EQ(core->give(reply_to_us(way, reply, 2000)), "drop_backend_late") << "it would be ours";
  EXPECT_EQ(core->give(reply_to_us(way, reply, 2001, 54)), "drop_backend_late") << "no backend's port";
}

// The question is on its way all the same: who repeats it in a frame that fits is answered.
TEST_P(ForwardedUdp, AFrameLongerThanASlotDoesNotWait) {
  const Buffer fits = udp_to_us(way, query);
  make(fits.size());
  EXPECT_EQ(core->give(udp_to_us(way, query_for("a", 0x1234, 0, 1, 200))), "drop_udp_waiting");
  EXPECT_EQ(core->give(fits), "udp_suspended");
  EXPECT_FALSE(core->link.sent.empty());
  while (!core->link.sent.empty()) EXPECT_EQ(core->backend_answers(7), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"udp_reply"}));
  EXPECT_EQ(datagram_of(way, core->out.sent.at(0).bytes), reply_to(query, 7));
}

TEST_P(ForwardedUdp, NamesThatNobodyServesAreNotForwarded) {
  settings.pools[0].suffix = {1, 'z', 0};
  make();
  EXPECT_EQ(core->give(udp_to_us(way, query)), "udp_reply");
  EXPECT_TRUE(core->link.sent.empty());
  EXPECT_EQ(datagram_of(way, core->out.sent.at(0).bytes).at(3) & 0xf, 5) << "REFUSED";
}

INSTANTIATE_TEST_SUITE_P(Ways, ForwardedUdp,
                         ::testing::Values(Way{}, Way{.v6 = true}, Way{.tagged = true},
                                           Way{.v6 = true, .tagged = true}));

}  // namespace
}  // namespace gl::test
