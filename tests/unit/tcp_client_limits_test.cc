// So many SYN-ACKs and answers a second for a network of clients; who is let pass, and what comes again.
#include <gtest/gtest.h>

#include "lib/tcp/fast_open.h"
#include "lib/tcp/responder.h"

namespace gl::tcp {
namespace {

constexpr unsigned kRate = 5;

class Echo final : public StreamService {
 public:
  Echo() : StreamService(0) {}
  Framed next_request(Bytes stream, bool) const noexcept override {
    return {Framed::Kind::complete, stream, stream.size()};
  }
  Answer answer(Bytes request, MutableBytes out, const RequestContext&) noexcept override {
    std::copy(request.begin(), request.end(), out.begin());
    return {Answer::Kind::answered, request.size()};
  }
  bool has_idempotent_requests() const noexcept override { return true; }
  std::size_t largest_answer() const noexcept override { return 64; }
};

struct ClientLimitsTest : testing::Test {
  ClientLimitsTest() { keys.by_parity[0].fill(1), keys.by_parity[1].fill(2); }

  Segment syn(std::array<std::uint8_t, 4> client) {
    constexpr std::array<std::uint8_t, 4> kServer = {203, 0, 113, 1};
    Segment segment;
    segment.flow = FlowKey::v4(client.data(), kServer.data(), Be16(++port), Be16(53));
    segment.seq = SeqNum(1000);
    segment.flags = kSyn;
    segment.window = 65535;
    segment.mss = 1460;
    return segment;
  }
  Segment query(std::array<std::uint8_t, 4> client) {
    Segment segment = syn(client);
    segment.fast_open = {wire::FastOpen::Kind::cookie, make_fast_open_cookie(keys, segment.flow)};
    segment.payload = Bytes(question);
    return segment;
  }
  Outcome give(Responder& responder, const Segment& segment) {
    responder.begin_burst(now_ms, keys);
    return responder.handle(segment, &service).outcome;
  }
  template <class Make>
  unsigned count(Responder& responder, Outcome wanted, unsigned tries, Make make) {
    unsigned found = 0;
    for (unsigned i = 0; i < tries; ++i) found += give(responder, make()) == wanted ? 1u : 0u;
    return found;
  }

  CookieKeys keys;
  Echo service;
  const std::array<std::uint8_t, 30> question{};
  std::uint16_t port = 1024;
  std::uint64_t now_ms = 1000;
};

TEST_F(ClientLimitsTest, SynAcks) {
  Responder responder(ResponderSettings{.syn_rate = kRate});
  const auto abuser = [&] { return syn({192, 0, 2, 1}); };
  EXPECT_EQ(count(responder, Outcome::syn_ack, 100, abuser), kRate);
  EXPECT_EQ(count(responder, Outcome::drop_syn_limited, 100, abuser), 100u);
  EXPECT_EQ(give(responder, syn({192, 0, 2, 2})), Outcome::syn_ack);
  EXPECT_EQ(give(responder, query({192, 0, 2, 1})), Outcome::syn_answered);  // it has shown that it is there
  Segment forged = query({192, 0, 2, 1});
  forged.fast_open.cookie ^= 1;
  EXPECT_EQ(give(responder, forged), Outcome::drop_syn_limited);
  now_ms += 1000;
  EXPECT_EQ(give(responder, abuser()), Outcome::syn_ack);
}

TEST_F(ClientLimitsTest, Answers) {
  Responder responder(ResponderSettings{.answer_rate = kRate});
  const auto abuser = [&] { return query({192, 0, 2, 1}); };
  EXPECT_EQ(count(responder, Outcome::syn_answered, 100, abuser), kRate);
  EXPECT_EQ(count(responder, Outcome::drop_answer_limited, 100, abuser), 100u);
  EXPECT_EQ(give(responder, query({192, 0, 2, 2})), Outcome::syn_answered);
  EXPECT_EQ(give(responder, syn({192, 0, 2, 1})), Outcome::syn_ack);  // a connection may begin
  Segment waited = abuser();
  waited.resumed = true;
  EXPECT_EQ(give(responder, waited), Outcome::syn_answered);
  Segment ack = abuser();
  ack.payload = {};
  ack.flags = kAck;
  EXPECT_NE(give(responder, ack), Outcome::drop_answer_limited);
  now_ms += 2000;
  EXPECT_EQ(give(responder, abuser()), Outcome::syn_answered);
}

TEST_F(ClientLimitsTest, AllowedNetworksHaveNone) {
  Responder responder(
      ResponderSettings{.syn_rate = 1, .answer_rate = 1, .limit_allow = {*parse_network("192.0.2.0/28")}});
  EXPECT_EQ(count(responder, Outcome::syn_ack, 50, [&] { return syn({192, 0, 2, 1}); }), 50u);
  EXPECT_EQ(count(responder, Outcome::syn_answered, 50, [&] { return query({192, 0, 2, 1}); }), 50u);
  EXPECT_EQ(count(responder, Outcome::syn_ack, 50, [&] { return syn({192, 0, 2, 16}); }), 1u);
}

}  // namespace
}  // namespace gl::tcp
