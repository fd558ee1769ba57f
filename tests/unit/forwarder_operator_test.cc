// What the operator wants of backends: who is asked then.
#include "tests/unit/forwarder_support.h"

namespace gl::backend::test {
namespace {

using Kind = QueryResult::Kind;

class OperatorWishes : public ForwarderTest {
 protected:
  void SetUp() override {
    settings = settings_for(2);
    forwarder = std::make_unique<Forwarder>(settings, link, nullptr, 256, wishes_);
    pass_ms(0);
  }
  // How many of 20 questions go to each.
  std::array<int, 2> spread() {
    std::array<int, 2> asked{};
    for (int i = 0; i < 20; ++i) {
      const Client client(1, numbered('q', next_++));
      EXPECT_EQ(ask(client).kind, Kind::pending);
      const Sent sent = take_sent();
      ++asked[sent.backend];
      EXPECT_EQ(deliver(sent, reply_to(sent.payload, 1)), Forwarder::ReplyEnd::taken);
    }
    return asked;
  }

  void expect_both_asked() {
    const auto both = spread();
    EXPECT_GT(both[0], 0);
    EXPECT_GT(both[1], 0);
  }

  OperatorState wishes_;
  unsigned next_ = 0;
};

TEST_F(OperatorWishes, NobodyIsAskedWhoIsDown) {
  EXPECT_GT(spread()[0], 0);
  wishes_.down = 1;
  EXPECT_EQ(spread(), (std::array<int, 2>{0, 20}));
  wishes_.down = 3;
  EXPECT_EQ(ask(Client(1, "none")).kind, Kind::failed);
  EXPECT_EQ(forwarder->counters().failed_down.value(), 1U);
  wishes_.down = 0;
  expect_both_asked();
}

TEST_F(OperatorWishes, WhoIsDrainedIsAskedWithoutAnotherOnly) {
  wishes_.drained = 1;
  EXPECT_EQ(spread(), (std::array<int, 2>{0, 20}));
  wishes_.down = 2;
  EXPECT_EQ(spread(), (std::array<int, 2>{20, 0}));
  wishes_.down = 0;
  link.no_way[1] = true;  // nor is one that cannot be reached another
  EXPECT_EQ(spread(), (std::array<int, 2>{20, 0}));
  link.no_way[1] = false;
  wishes_.drained = 3;
  expect_both_asked();
}

TEST_F(OperatorWishes, ASecondTryIsNoReasonEither) {
  wishes_.drained = 1;
  ASSERT_EQ(ask(Client(1, "late")).kind, Kind::pending);
  EXPECT_EQ(take_sent().backend, 1U);
  pass_ms(settings.timeout_ms);
  EXPECT_EQ(take_sent().backend, 1U);
  EXPECT_EQ(forwarder->counters().retried.value(), 1U);
}

TEST_F(OperatorWishes, WhatIsUnderWayIsTaken) {
  ASSERT_EQ(ask(Client(1, "begun")).kind, Kind::pending);
  const Sent sent = take_sent();
  wishes_.down = 3;
  EXPECT_EQ(deliver(sent, reply_to(sent.payload, 9)), Forwarder::ReplyEnd::taken);
}

// What was kept serves nobody who comes later; who has begun to read it gets it again, byte for byte.
TEST_F(OperatorWishes, FlushedAnswersServeNobodyWhoComesLater) {
  settings.serve_s = 60;
  forwarder = std::make_unique<Forwarder>(settings, link, nullptr, 256, wishes_);
  pass_ms(0);
  const Client first(1, "kept");
  ASSERT_TRUE(ask_and_park(first));
  const Sent sent = take_sent();
  ASSERT_EQ(deliver(sent, reply_to(sent.payload, 7)), Forwarder::ReplyEnd::taken);
  EXPECT_EQ(last_byte(resume_and_ask(first)), 7);
  EXPECT_EQ(last_byte(ask(Client(2, "kept"))), 7) << "it is served";
  EXPECT_EQ(forwarder->counters().served.value(), 1U);

  wishes_.flushes = 2;
  EXPECT_EQ(last_byte(ask(Client(3, "kept"))), 7) << "not before the next round";
  pass_ms(1);
  EXPECT_EQ(forwarder->counters().flushed.value(), 2U);
  EXPECT_EQ(last_byte(ask(first)), 7);
  EXPECT_EQ(last_byte(ask(first, true)), 7) << "the rest of what it has begun to read";
  const Client later(4, "kept");
  ASSERT_TRUE(ask_and_park(later));
  const Sent again = take_sent();
  ASSERT_EQ(deliver(again, reply_to(again.payload, 8)), Forwarder::ReplyEnd::taken);
  EXPECT_EQ(last_byte(resume_and_ask(later)), 8);
  EXPECT_EQ(last_byte(ask(Client(5, "kept"))), 8) << "the new one is kept again";
  EXPECT_EQ(last_byte(ask(first, true)), 7);
  pass_ms(1);
  EXPECT_EQ(forwarder->counters().flushed.value(), 2U);
}

}  // namespace
}  // namespace gl::backend::test
