// TCP clients whose queries wait for a backend, as whole frames: with timestamps and without, the
// column's way, and Fast Open.
#include "tests/unit/forward_pipeline.h"

namespace gl::test {
namespace {

constexpr std::uint32_t kPart = 64;  // where a part of an answer may end

using Ends = std::vector<std::string_view>;

constexpr unsigned kFin = 1, kSyn = 2, kPsh = 8, kAck = 16;
constexpr std::uint32_t kIsn = 1000;
const Buffer kMss = {2, 4, 5, 180};

Buffer framed(const Buffer& message) {
  Buffer stream;
  put16(stream, static_cast<unsigned>(message.size()));
  return stream + message;
}

struct TcpWay : Way {
  bool timestamps = false;
};

struct ForwardedTcp : ::testing::TestWithParam<TcpWay> {
  const TcpWay way = GetParam();
  std::unique_ptr<ForwardPipeline> core;
  const Buffer query = query_for("a", 0x1234);
  const Buffer stream = framed(query);
  Tcp client;
  std::uint32_t echo = 0;

  void SetUp() override { make({}); }
  void make(const tcp::ResponderSettings& tcp, std::size_t frame_bytes = 1518) {
    auto settings = backend::test::settings_for(1);
    settings.serve_s = 60;
    core = std::make_unique<ForwardPipeline>(way, tcp, settings, frame_bytes);
  }
  // The client's segment from `client` on.
  Buffer segment(unsigned flags, const Buffer& payload = {}, const Buffer& options = {}) {
    client.flags = flags;
    client.options = (flags & kSyn) != 0 ? kMss + options : options;
    if (way.timestamps) {
      client.options = client.options + Buffer{1, 1, 8, 10};
      put32(client.options, 5000);
      put32(client.options, echo);
    }
    return tcp_to_us(way, client, payload);
  }
  [[nodiscard]] Heard heard(std::size_t i = 0) const {
    return i < core->out.sent.size() ? segment_of(way, core->out.sent[i].bytes) : Heard{};
  }
  void take_syn_ack(const Heard& syn_ack) {
    EXPECT_EQ(syn_ack.flags, kSyn | kAck);
    EXPECT_EQ(syn_ack.ack, kIsn + 1);
    EXPECT_EQ(syn_ack.stamp != 0, way.timestamps);
    client.seq = kIsn + 1;
    client.ack = syn_ack.seq + 1;
    echo = syn_ack.stamp;
  }
  void open() {
    client.seq = kIsn;
    client.ack = 0;
    echo = 0;
    EXPECT_EQ(core->give(segment(kSyn)), "tcp_syn_ack");
    take_syn_ack(heard());
  }
  // One segment with the answer, at the client's place and with its ACK.
  void expect_answer(const Heard& answer, std::uint8_t last, bool fin) const {
    EXPECT_EQ(answer.seq, client.ack);
    EXPECT_EQ(answer.ack, client.seq + stream.size());
    EXPECT_EQ(answer.payload, framed(reply_to(query, last)));
    EXPECT_EQ(answer.flags, kAck | kPsh | (fin ? kFin : 0));
  }
};

TEST_P(ForwardedTcp, WaitsIsRepeatedAndIsAnsweredOnce) {
  open();
  const Buffer asks = segment(kAck | kPsh, stream);
  EXPECT_EQ(core->give(asks), "tcp_suspended");
  EXPECT_TRUE(core->out.sent.empty()) << "no ACK: the client goes on repeating";
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(core->give(asks), "tcp_drop_waiting");
    EXPECT_TRUE(core->out.sent.empty());
  }
  ASSERT_EQ(core->link.sent.size(), 1u);
  EXPECT_TRUE(core->resume_frame().empty());
  EXPECT_EQ(core->backend_answers(7), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"tcp_answered"}));
  ASSERT_EQ(core->out.sent.size(), 1u);
  const Buffer answer = core->out.sent[0].bytes;
  expect_answer(heard(), 7, !way.timestamps);
  EXPECT_TRUE(core->resume_frame().empty());
  // A repetition that crossed it gets the same frame.
  EXPECT_EQ(core->give(asks), "tcp_answered");
  ASSERT_EQ(core->out.sent.size(), 1u);
  EXPECT_EQ(core->out.sent[0].bytes, answer);
  EXPECT_TRUE(core->link.sent.empty());
}

// The client has read the beginning: exactly those bytes go on, TTLs included, though they have run on since.
TEST_P(ForwardedTcp, TheRestIsOfTheSameAnswer) {
  open();
  EXPECT_EQ(core->give(segment(kAck | kPsh, stream)), "tcp_suspended");
  const auto sent = core->asked();
  EXPECT_EQ(core->give(reply_to_us(way, reply_to(sent.payload, 7, 0x8180, 1000), sent.port)), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"tcp_answered"}));
  const Heard answer = heard();
  EXPECT_EQ(answer.payload, framed(reply_to(query, 7, 0x8180, 1000)));
  core->pass_ms(3000);
  client.ack += kPart;
  if (way.timestamps) echo = answer.stamp;
  EXPECT_EQ(core->give(segment(kAck | kPsh, stream)), "tcp_continued");
  const Heard rest = heard();
  EXPECT_EQ(rest.seq, client.ack);
  EXPECT_EQ(rest.payload, Buffer(answer.payload.begin() + kPart, answer.payload.end()));
}

// Its client has no more to say: an ACK of that would cover the query, which could then never be repeated.
TEST_P(ForwardedTcp, AFinBehindWhatWaitsIsNotAcknowledged) {
  open();
  const Buffer asks = segment(kAck | kPsh, stream);
  EXPECT_EQ(core->give(asks), "tcp_suspended");
  const std::uint32_t seq = client.seq;
  client.seq += static_cast<std::uint32_t>(stream.size());
  (void)core->give(segment(kAck | kFin));
  EXPECT_TRUE(core->out.sent.empty());
  client.seq = seq;
  EXPECT_EQ(core->backend_answers(7), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"tcp_answered"}));
  expect_answer(heard(), 7, !way.timestamps);
}

TEST_P(ForwardedTcp, SilenceEndsInServfail) {
  open();
  EXPECT_EQ(core->give(segment(kAck | kPsh, stream)), "tcp_suspended");
  core->pass_ms(801);
  EXPECT_TRUE(core->resume_frame().empty()) << "a second try";
  core->pass_ms(801);
  EXPECT_EQ(core->resume_frame(), Ends({"tcp_answered"}));
  const Buffer told = heard().payload;
  ASSERT_GE(told.size(), 14u);
  EXPECT_EQ(get16(told, 2), 0x1234u);
  EXPECT_EQ(told[5] & 0xf, 2);
}

// Each answer goes out when it is there, not when the client's delayed ACK says that the one before has arrived.
TEST_P(ForwardedTcp, PipelinedAnswersDoNotWaitForAnAck) {
  make({.flow_cache = 16});
  open();
  EXPECT_EQ(core->give(segment(kAck | kPsh, stream)), "tcp_suspended");
  const Buffer second = query_for("b", 0x2345);
  const Buffer third = query_for("c", 0x3456);
  client.seq += static_cast<std::uint32_t>(stream.size());
  (void)core->give(segment(kAck | kPsh, framed(second) + framed(third)));
  ASSERT_EQ(core->link.sent.size(), 3u) << "all are asked at once";
  std::uint32_t place = client.ack;
  const std::array<Buffer, 3> queries = {query, second, third};
  for (unsigned i = 0; i < queries.size(); ++i) {
    EXPECT_EQ(core->backend_answers(static_cast<std::uint8_t>(i)), "backend_reply_taken");
    ASSERT_FALSE(core->resume_frame().empty()) << i;
    ASSERT_EQ(core->out.sent.size(), 1u) << i;
    EXPECT_EQ(heard().seq, place);
    EXPECT_EQ(heard().payload, framed(reply_to(queries[i], static_cast<std::uint8_t>(i))));
    place += static_cast<std::uint32_t>(heard().payload.size());
  }
  EXPECT_TRUE(core->resume_frame().empty());
}

// It is answered at a later repetition; the question was asked at the first.
TEST_P(ForwardedTcp, AFrameLongerThanASlotDoesNotWait) {
  make({}, 60);
  open();
  const Buffer asks = segment(kAck | kPsh, stream);
  ASSERT_GT(asks.size(), 60u);
  EXPECT_EQ(core->give(asks), "tcp_drop_waiting");
  EXPECT_EQ(core->give(asks), "tcp_drop_waiting");
  ASSERT_EQ(core->link.sent.size(), 1u);
  EXPECT_EQ(core->backend_answers(7), "backend_reply_taken");
  EXPECT_TRUE(core->resume_frame().empty());
  EXPECT_EQ(core->give(asks), "tcp_answered");
  expect_answer(heard(), 7, !way.timestamps);
}

// The column's way: the ACK at once and once only, the FIN behind the answer.
TEST_P(ForwardedTcp, Immediate) {
  make({.immediate = true});
  if (way.timestamps) {  // which this way has no use for
    EXPECT_EQ(core->give(segment(kSyn)), "tcp_syn_ack");
    EXPECT_EQ(heard().stamp, 0u);
    return;
  }
  open();
  const Buffer asks = segment(kAck | kPsh, stream);
  EXPECT_EQ(core->give(asks), "tcp_suspended");
  ASSERT_EQ(core->out.sent.size(), 1u);
  const Heard ack = heard();
  EXPECT_EQ(ack.flags, kAck);
  EXPECT_EQ(ack.seq, client.ack);
  EXPECT_EQ(ack.ack, client.seq + stream.size());
  EXPECT_TRUE(ack.payload.empty());
  EXPECT_EQ(core->give(asks), "tcp_drop_waiting");
  EXPECT_TRUE(core->out.sent.empty());
  EXPECT_EQ(core->backend_answers(7), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"tcp_answered"}));
  ASSERT_EQ(core->out.sent.size(), 2u);
  expect_answer(heard(0), 7, false);
  const Heard fin = heard(1);
  EXPECT_EQ(fin.flags, kFin | kAck);
  EXPECT_EQ(fin.seq, client.ack + heard(0).payload.size());
  EXPECT_TRUE(fin.payload.empty());
}

// What the SYN brings cannot wait: it begins the question, and the same query behind the handshake finds its answer.
TEST_P(ForwardedTcp, FastOpen) {
  client.seq = kIsn;
  EXPECT_EQ(core->give(segment(kSyn, {}, {34, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})), "tcp_syn_ack_cookie");
  const Buffer cookie = heard().cookie;
  ASSERT_EQ(cookie.size(), 8u);
  const Buffer option = Buffer{1, 1, 34, 10} + cookie;
  client.from = 40001;
  EXPECT_EQ(core->give(segment(kSyn, stream, option)), "tcp_syn_ack");
  ASSERT_EQ(core->out.sent.size(), 1u);
  ASSERT_EQ(core->link.sent.size(), 1u);
  take_syn_ack(heard());
  EXPECT_EQ(core->backend_answers(7), "backend_reply_taken");
  EXPECT_TRUE(core->resume_frame().empty()) << "nobody waited";
  EXPECT_EQ(core->give(segment(kAck | kPsh, stream)), "tcp_answered");
  expect_answer(heard(), 7, !way.timestamps);
  // Another who comes while it serves is answered with the SYN-ACK.
  client.from = 40002;
  client.seq = kIsn;
  client.ack = 0;
  echo = 0;
  EXPECT_EQ(core->give(segment(kSyn, stream, option)), "tcp_syn_answered");
  ASSERT_EQ(core->out.sent.size(), 2u);
  EXPECT_EQ(heard(0).flags, kSyn | kAck);
  EXPECT_EQ(heard(1).payload, framed(reply_to(query, 7)));
  EXPECT_EQ(heard(1).seq, heard(0).seq + 1);
}

// Several queries of one segment: all are asked at once, and answered together when the last answer is there.
TEST_P(ForwardedTcp, TwoQueriesInOneSegment) {
  open();
  const Buffer second = query_for("b", 0x4321);
  EXPECT_EQ(core->give(segment(kAck | kPsh, stream + framed(second))), "tcp_suspended");
  ASSERT_EQ(core->link.sent.size(), 2u);
  EXPECT_EQ(core->backend_answers(7), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"tcp_suspended"})) << "it waits for the second";
  EXPECT_TRUE(core->out.sent.empty());
  EXPECT_EQ(core->backend_answers(8), "backend_reply_taken");
  EXPECT_EQ(core->resume_frame(), Ends({"tcp_answered"}));
  EXPECT_EQ(heard().payload, framed(reply_to(query, 7)) + framed(reply_to(second, 8)));
}

INSTANTIATE_TEST_SUITE_P(Ways, ForwardedTcp,
                         ::testing::Values(TcpWay{}, TcpWay{{}, true}, TcpWay{{.v6 = true}, false},
                                           TcpWay{{.v6 = true}, true}, TcpWay{{.tagged = true}, true},
                                           TcpWay{{.v6 = true, .tagged = true}, false}));

}  // namespace
}  // namespace gl::test
