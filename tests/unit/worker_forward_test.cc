// The poll loop with a name server behind: a client's frame in, a question out of the other port, its reply in, the
// answer out; and no buffer is lost, whatever happens.
#include "tests/unit/worker_forward_fixture.h"

namespace gl::worker {
namespace {

TEST_F(WorkerForward, AQuestionOutAndItsAnswerBack) {
  make(1);
  give(0, udp_to_us(kWay, query));
  EXPECT_EQ(poll(), 1u);
  EXPECT_TRUE(sent(0).empty());
  EXPECT_EQ(in_use(*pool), 1u) << "the question, in its ring: who waits has no buffer";
  const Question asked = question();
  EXPECT_EQ(poll(), 0u);
  give(1, reply_to_us(kWay, reply_to(asked.message, 7), asked.from));
  EXPECT_EQ(poll(), 2u) << "the reply, and the frame that waited";
  EXPECT_EQ(answer(), reply_to(query, 7));
  EXPECT_TRUE(sent(1).empty());
  EXPECT_EQ(cores[0]->count(Verdict::udp_suspended), 1u);
  EXPECT_EQ(cores[0]->count(Verdict::backend_reply_taken), 1u);
  EXPECT_EQ(cores[0]->count(Verdict::udp_reply), 1u);
  EXPECT_EQ(cores[0]->context.counters.resumed.value(), 1u);
  EXPECT_EQ(cores[0]->context.counters.sent.value(), 2u);
}

// Says nothing when it is asked, and answers when its time has come.
class Later final : public Service, public DatagramService {
 public:
  Later() : DatagramService({}) {}
  std::string_view name() const noexcept override { return "later"; }
  void begin_burst(std::uint64_t now_ms) noexcept override { now = now_ms; }
  void read_counters(CounterReader&) const override {}
  void receive(const Datagram& datagram, DatagramSink&) noexcept override {
    peer = Peer(datagram);
    deadline = now + 3;
  }
  bool has_deadlines() const noexcept override { return true; }
  std::uint64_t next_deadline() const noexcept override { return deadline; }
  void on_time(std::uint64_t, DatagramSender& sender) noexcept override {
    deadline = kNever;
    const MutableBytes out = sender.room(peer);
    ASSERT_GE(out.size(), 1400u);
    std::fill_n(out.begin(), 5, std::uint8_t{'L'});
    sender.send(peer, 53, 5);
  }
  Peer peer;
  std::uint64_t now = 0;
  std::uint64_t deadline = kNever;
};

TEST_F(WorkerForward, ADeadlinePassesWithoutFrames) {
  for (const Way& way : {Way{}, Way{.tagged = true}}) {
    if (cores.empty()) make(1);
    WorkerContext& context = cores[0]->context;
    auto later = std::make_unique<Later>();
    const std::uint16_t port = way.tagged ? 7001 : 7000;
    ASSERT_TRUE(context.services.add_datagram({port, port}, *later) &&
                context.services.add(static_cast<Service&>(*later)));
    context.own_services.push_back(std::move(later));
    give(0, frame_to_us(way, 17, udp({1, 2, 3}, 40000, port), 6));
    EXPECT_EQ(poll(), 1u);
    EXPECT_TRUE(sent(0).empty());
    std::vector<Buffer> frames;
    for (unsigned i = 0; i < 1000 && frames.empty(); ++i) {
      rte_delay_us_block(1000);
      poll();
      frames = sent(0);
    }
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(datagram_of(way, frames[0]), Buffer(5, 'L'));
    EXPECT_EQ(context.counters.timed_datagrams.value(), way.tagged ? 2u : 1u);
  }
}

TEST_F(WorkerForward, SilenceEndsInServfail) {
  settings.timeout_ms = 5;
  settings.tries = 1;
  make(1);
  give(0, udp_to_us(kWay, query));
  EXPECT_EQ(poll(), 1u);
  EXPECT_FALSE(question().message.empty());
  std::vector<Buffer> frames;
  for (unsigned i = 0; i < 1000 && frames.empty(); ++i) {
    rte_delay_us_block(1000);
    poll();
    frames = sent(0);
  }
  ASSERT_EQ(frames.size(), 1u);
  const Buffer told = datagram_of(kWay, frames[0]);
  ASSERT_GE(told.size(), 12u);
  EXPECT_EQ(get16(told, 0), 0x1234u);
  EXPECT_EQ(told[3] & 0xf, 2);
}

TEST_F(WorkerForward, AFrameOfSeveralBuffersIsDropped) {
  make(1);
  rte_mbuf* const head = mbuf_of(*pool, udp_to_us(kWay, query));
  ASSERT_EQ(rte_pktmbuf_chain(head, mbuf_of(*pool, Buffer(100, 1))), 0);
  give(0, head);
  EXPECT_EQ(poll(), 1u);
  EXPECT_EQ(cores[0]->count(Verdict::drop_chained), 1u);
  EXPECT_EQ(cores[0]->context.counters.verdict_sum(), 1u);
  EXPECT_TRUE(sent(0).empty());
  EXPECT_TRUE(sent(1).empty());
}

// Who waited finds no buffer: it is counted, and its repetition is answered.
TEST_F(WorkerForward, NoBufferForWhoWaited) {
  settings.serve_s = 60;
  make(1);
  give(0, udp_to_us(kWay, query));
  poll();
  const Question asked = question();
  give(1, reply_to_us(kWay, reply_to(asked.message, 7), asked.from));
  rte_mbuf* const repeated = mbuf_of(*pool, udp_to_us(kWay, query));
  std::vector<rte_mbuf*> all;
  while (rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool->get())) all.push_back(mbuf);
  // The reply's own buffer would do: it is kept away as well.
  rte_mbuf* const held = [&] {
    void* first = nullptr;
    EXPECT_EQ(rte_ring_dequeue(ports[1].ins[0], &first), 0);
    return static_cast<rte_mbuf*>(first);
  }();
  rte_mbuf_refcnt_update(held, 1);
  give(1, held);
  EXPECT_EQ(poll(), 2u);
  EXPECT_EQ(cores[0]->count(Verdict::drop_no_buffer), 1u);
  EXPECT_TRUE(sent(0).empty());
  rte_pktmbuf_free(held);
  rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
  give(0, repeated);
  EXPECT_EQ(poll(), 1u);
  EXPECT_EQ(answer(), reply_to(query, 7));
}

TEST_F(WorkerForward, NoBufferForTheQuestion) {
  make(1);
  rte_mbuf* const asks = mbuf_of(*pool, udp_to_us(kWay, query));
  std::vector<rte_mbuf*> all;
  while (rte_mbuf* const mbuf = rte_pktmbuf_alloc(pool->get())) all.push_back(mbuf);
  give(0, asks);
  EXPECT_EQ(poll(), 1u);
  EXPECT_TRUE(sent(1).empty());
  rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
  EXPECT_EQ(cores[0]->context.forwarder->counters(0).no_buffer.value(), 1u);
  EXPECT_EQ(answer().at(3) & 0xf, 2) << "SERVFAIL, in the buffer of the query";
}

// Both cores on this thread: the reply comes to the one that did not ask.
TEST_F(WorkerForward, AReplyThatComesToAnotherCore) {
  make(2);
  for (unsigned asking = 0; asking < 2; ++asking) {
    const unsigned other = 1 - asking;
    const Buffer asks = query_for(asking == 0 ? "a" : "b", 0x1234);
    give(0, udp_to_us(kWay, asks), asking);
    EXPECT_EQ(poll(asking), 1u);
    const Question asked = question(asking);
    EXPECT_EQ(asked.from % 2, asking);
    give(1, reply_to_us(kWay, reply_to(asked.message, 7), asked.from), other);
    EXPECT_EQ(poll(other), 1u);
    EXPECT_EQ(cores[other]->count(Verdict::backend_handed_off), 1u);
    EXPECT_TRUE(sent(0, other).empty());
    EXPECT_EQ(poll(asking), 2u) << "the reply handed over, and the frame that waited";
    EXPECT_EQ(answer(asking), reply_to(asks, 7));
    EXPECT_EQ(cores[asking]->context.counters.resumed.value(), 2u);
  }
}

TEST_F(WorkerForward, AFullRingBetweenTwoCores) {
  make(2);
  const Buffer reply = reply_to(query, 7);
  std::uint64_t given = 0;
  while (cores[0]->count(Verdict::drop_handoff_full) == 0) {
    give(1, reply_to_us(kWay, reply, 2001));
    EXPECT_EQ(poll(0), 1u);
    ASSERT_LE(++given, 2 * Handoff::kCapacity);
  }
  EXPECT_EQ(cores[0]->count(Verdict::backend_handed_off), given - 1);
  while (poll(1) != 0) {
  }
  EXPECT_EQ(cores[1]->count(Verdict::drop_backend_late), given - 1);
}

}  // namespace
}  // namespace gl::worker
