// The TCP sender of soft state: slow start, congestion avoidance, and what is sent again when.
#include <gtest/gtest.h>

#include <vector>

#include "lib/tcp/soft_state/send_window.h"

namespace gl::tcp {
namespace {

constexpr std::uint32_t kMss = 1000;

class SendWindowTest : public ::testing::Test {
 protected:
  void SetUp() override { window.begin(0, 0); }

  void send_new(std::uint32_t segments) {
    for (std::uint32_t i = 0; i < segments; ++i) window.sent({window.nxt(), window.nxt() + kMss});
  }
  void acknowledge(std::uint32_t off, std::vector<Range> sacked = {}) {
    window.acknowledge(off, sacked, off <= window.una(), kMss);
  }
  void dupacks(unsigned count) {
    for (unsigned i = 0; i < count; ++i) acknowledge(window.una());
  }
  // Sends again what counts as lost, as far as the congestion window allows.
  std::vector<Range> resend() {
    std::vector<Range> sent;
    while (window.budget(kMss) >= kMss) {
      const Range lost = window.next_lost(kMss);
      if (lost.empty()) break;
      window.sent(lost);
      sent.push_back(lost);
    }
    return sent;
  }

  SendWindow window;
};

// ---- RFC 6928, RFC 5681 section 3.1 ----

TEST_F(SendWindowTest, BeginsWithTenSegments) {
  EXPECT_EQ(window.budget(kMss), 10 * kMss);
  send_new(10);
  EXPECT_EQ(window.budget(kMss), 0u);
  EXPECT_TRUE(window.in_flight());
}

TEST_F(SendWindowTest, SlowStartAddsWhatIsAcknowledged) {
  send_new(10);
  acknowledge(2 * kMss);
  EXPECT_EQ(window.cwnd(), 12);
  EXPECT_EQ(window.budget(kMss), 4 * kMss);
  send_new(4);
  acknowledge(14 * kMss);
  EXPECT_EQ(window.cwnd(), 24);
  EXPECT_FALSE(window.in_flight());
}

TEST_F(SendWindowTest, SlowStartEndsAtTheLargestWindow) {
  for (std::uint32_t i = 0; i < 2000; ++i) {
    send_new(1);
    acknowledge(window.nxt());
  }
  EXPECT_EQ(window.cwnd(), kLargestCwnd);
}

TEST_F(SendWindowTest, CongestionAvoidanceAddsOneSegmentARoundTrip) {
  send_new(10);
  dupacks(3);
  (void)resend();
  acknowledge(10 * kMss);  // recovered
  ASSERT_EQ(window.recovery(), SendWindow::Recovery::none);
  const std::uint16_t cwnd = window.cwnd();
  for (std::uint16_t round = 1; round <= 3; ++round) {
    const auto before = static_cast<std::uint16_t>(cwnd + round - 1);
    for (std::uint16_t i = 0; i < before; ++i) {
      EXPECT_EQ(window.cwnd(), before);
      send_new(1);
      acknowledge(window.nxt());
    }
    EXPECT_EQ(window.cwnd(), before + 1);
  }
}

// ---- RFC 5681 section 3.2, RFC 3042 ----

TEST_F(SendWindowTest, TwoDuplicatesLetOneNewSegmentOutEach) {
  send_new(10);
  dupacks(1);
  EXPECT_TRUE(window.next_lost(kMss).empty());
  EXPECT_EQ(window.budget(kMss), kMss);
  send_new(1);
  dupacks(1);
  EXPECT_TRUE(window.next_lost(kMss).empty());
  EXPECT_EQ(window.budget(kMss), kMss);
}

TEST_F(SendWindowTest, TheThirdDuplicateResendsTheFirstSegmentOnce) {
  send_new(10);
  dupacks(3);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::fast);
  EXPECT_LE(window.cwnd(), 5);  // at most half of what was on its way
  EXPECT_GE(window.cwnd(), 2);
  EXPECT_EQ(resend(), (std::vector<Range>{{0, kMss}}));
  dupacks(1);
  EXPECT_EQ(resend(), std::vector<Range>{});
}

TEST_F(SendWindowTest, TheFirstSegmentGoesOutAgainWhateverThePipeHolds) {
  send_new(4);
  dupacks(3);
  EXPECT_GE(window.budget(kMss), kMss);
  EXPECT_EQ(resend(), (std::vector<Range>{{0, kMss}}));
}

// There is no timer here: what was sent again is lost too when more duplicates come than segments were on their way.
TEST_F(SendWindowTest, DuplicatesThatGoOnResendTheFirstSegmentOnceMore) {
  send_new(10);
  dupacks(3);
  ASSERT_EQ(resend().size(), 1u);
  unsigned more = 0;
  while (resend().empty() && more < 100) ++more, dupacks(1);
  EXPECT_EQ(more, 10u + kDuplicateThreshold);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::fast);
}

TEST_F(SendWindowTest, APartialAcknowledgementGivesTheNextHoleItsTime) {
  send_new(10);
  dupacks(3);
  (void)resend();
  acknowledge(4 * kMss);
  ASSERT_EQ(resend(), (std::vector<Range>{{4 * kMss, 5 * kMss}}));
  dupacks(6 + kDuplicateThreshold - 1);
  EXPECT_TRUE(resend().empty());
  dupacks(1);
  EXPECT_EQ(resend(), (std::vector<Range>{{4 * kMss, 5 * kMss}}));
}

TEST_F(SendWindowTest, NothingOnItsWayIsNeverLost) {
  dupacks(5);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
  send_new(2);
  acknowledge(2 * kMss);
  dupacks(5);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
}

TEST_F(SendWindowTest, RecoveryEndsWhenAllThatWasSentBeforeHasArrived) {
  send_new(10);
  dupacks(3);
  (void)resend();
  const std::uint16_t ssthresh = window.cwnd();
  acknowledge(10 * kMss);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
  EXPECT_EQ(window.cwnd(), ssthresh);
  EXPECT_EQ(window.dupacks(), 0);
  EXPECT_TRUE(window.next_lost(kMss).empty());
}

// ---- RFC 6582: recovery without SACK ----

TEST_F(SendWindowTest, APartialAcknowledgementShowsTheNextHole) {
  send_new(10);
  dupacks(3);
  (void)resend();
  acknowledge(3 * kMss);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::fast);
  EXPECT_EQ(resend(), (std::vector<Range>{{3 * kMss, 4 * kMss}}));
  acknowledge(7 * kMss);
  EXPECT_EQ(resend(), (std::vector<Range>{{7 * kMss, 8 * kMss}}));
  acknowledge(10 * kMss);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
}

// ---- RFC 6675: recovery with SACK ----

TEST_F(SendWindowTest, HolesBelowTheHighestSackedByteAreLost) {
  send_new(10);
  acknowledge(0, {{kMss, 2 * kMss}});
  acknowledge(0, {{3 * kMss, 4 * kMss}, {kMss, 2 * kMss}});
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
  acknowledge(0, {{5 * kMss, 9 * kMss}, {3 * kMss, 4 * kMss}, {kMss, 2 * kMss}});
  ASSERT_EQ(window.recovery(), SendWindow::Recovery::fast);
  std::vector<Range> sent = resend();
  ASSERT_FALSE(sent.empty());
  // They arrive one by one, and each lets another one out.
  for (std::uint32_t hole = 2; hole <= 4; hole += 2) {
    acknowledge(hole * kMss, {{5 * kMss, 9 * kMss}});
    for (const Range& range : resend()) sent.push_back(range);
  }
  EXPECT_EQ(sent, (std::vector<Range>{{0, kMss}, {2 * kMss, 3 * kMss}, {4 * kMss, 5 * kMss}}));
  acknowledge(10 * kMss);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
}

TEST_F(SendWindowTest, AHoleLongerThanASegmentGoesInSegments) {
  send_new(10);
  acknowledge(0, {{3 * kMss, 10 * kMss}});
  ASSERT_EQ(window.recovery(), SendWindow::Recovery::fast);
  EXPECT_EQ(window.next_lost(kMss), (Range{0, kMss}));
  window.sent(window.next_lost(kMss));
  EXPECT_EQ(window.next_lost(kMss), (Range{kMss, 2 * kMss}));
}

TEST_F(SendWindowTest, OneBlockOfMoreThanTwoSegmentsIsEnough) {
  send_new(10);
  acknowledge(0, {{kMss, 3 * kMss}});
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
  acknowledge(0, {{kMss, 3 * kMss + 1}});
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::fast);
}

TEST_F(SendWindowTest, WhatSackReportsIsNotOnItsWay) {
  send_new(10);
  acknowledge(0, {{9 * kMss, 10 * kMss}});
  EXPECT_EQ(window.budget(kMss), kMss);
}

TEST_F(SendWindowTest, ADuplicateWithoutNewsIsNoSignOfALoss) {
  send_new(10);
  acknowledge(4 * kMss);
  for (int i = 0; i < 5; ++i) acknowledge(4 * kMss, {{0, kMss}});  // D-SACK, RFC 2883
  EXPECT_EQ(window.dupacks(), 0);
  for (int i = 0; i < 5; ++i) acknowledge(4 * kMss, {{5 * kMss, 6 * kMss}});
  EXPECT_EQ(window.dupacks(), 1);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
}

TEST_F(SendWindowTest, BlocksThatAreNoneOfOursAreIgnored) {
  send_new(4);
  acknowledge(0, {{5 * kMss, 6 * kMss}, {3 * kMss, 5 * kMss}, {2 * kMss, kMss}, {0, 4 * kMss}});
  EXPECT_EQ(window.dupacks(), 0);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
}

TEST_F(SendWindowTest, MoreHolesThanCanBeNotedAreSeenLater) {
  send_new(20);
  for (std::uint32_t at = 1; at < 19; at += 2) acknowledge(0, {{at * kMss, (at + 1) * kMss}});
  ASSERT_EQ(window.recovery(), SendWindow::Recovery::fast);
  std::vector<Range> sent;
  for (int round = 0; round < 20; ++round) {
    for (const Range& range : resend()) sent.push_back(range);
    if (sent.empty()) break;
    // The client has now everything up to the end of the last one, and tells of the block behind.
    const std::uint32_t end = sent.back().end + kMss;
    acknowledge(std::min(end, window.nxt()), {{end + kMss, end + 2 * kMss}});
    if (window.recovery() == SendWindow::Recovery::none) break;
  }
  EXPECT_EQ(sent.front(), (Range{0, kMss}));
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
}

// ---- The client's timer ----

TEST_F(SendWindowTest, ATimeoutSendsEverythingAgain) {
  send_new(4);
  window.time_out(kMss);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::timeout);
  EXPECT_EQ(resend(), (std::vector<Range>{{0, kMss}, {kMss, 2 * kMss}, {2 * kMss, 3 * kMss}, {3 * kMss, 4 * kMss}}));
  window.time_out(kMss);
  EXPECT_EQ(resend().size(), 4u);
}

TEST_F(SendWindowTest, ATimeoutLeavesOutWhatSackReports) {
  send_new(4);
  acknowledge(0, {{kMss, 2 * kMss}});
  window.time_out(kMss);
  EXPECT_EQ(resend(), (std::vector<Range>{{0, kMss}, {2 * kMss, 3 * kMss}, {3 * kMss, 4 * kMss}}));
}

TEST_F(SendWindowTest, ATimeoutIsNeverMoreThanTenSegmentsNorLessThanTwo) {
  for (std::uint32_t i = 0; i < 60; ++i) {
    send_new(1);
    acknowledge(window.nxt());
  }
  const std::uint32_t una = window.una();
  send_new(60);
  window.time_out(kMss);
  EXPECT_EQ(window.cwnd(), kInitialWindow);
  EXPECT_EQ(resend().size(), 10u);
  acknowledge(una + 60 * kMss);
  send_new(1);
  window.time_out(kMss);
  EXPECT_EQ(window.cwnd(), 2);
}

TEST_F(SendWindowTest, AfterATimeoutAcknowledgementsPullTheRest) {
  for (std::uint32_t i = 0; i < 10; ++i) {
    send_new(1);
    acknowledge(window.nxt());
  }
  const std::uint32_t una = window.una();
  send_new(20);
  window.time_out(kMss);
  ASSERT_EQ(resend().size(), 10u);
  acknowledge(una + 10 * kMss);
  EXPECT_EQ(resend().size(), 10u);
  acknowledge(una + 20 * kMss);
  EXPECT_EQ(window.recovery(), SendWindow::Recovery::none);
}

TEST_F(SendWindowTest, TheHeadIsSentOnceMore) {
  send_new(10);
  window.resend_head();  // nothing was lost yet
  EXPECT_TRUE(window.next_lost(kMss).empty());
  dupacks(3);
  EXPECT_EQ(resend(), (std::vector<Range>{{0, kMss}}));
  window.resend_head();
  EXPECT_EQ(resend(), (std::vector<Range>{{0, kMss}}));
}

// ---- Limits ----

TEST_F(SendWindowTest, AnAcknowledgementBeyondWhatWasSentMovesBothEnds) {
  window.begin(100, 100);
  acknowledge(5000);
  EXPECT_EQ(window.una(), 5000u);
  EXPECT_EQ(window.nxt(), 5000u);
}

TEST_F(SendWindowTest, AnOldAcknowledgementMovesNothing) {
  send_new(5);
  acknowledge(3 * kMss);
  window.acknowledge(kMss, {}, false, kMss);
  EXPECT_EQ(window.una(), 3 * kMss);
  EXPECT_EQ(window.dupacks(), 0);
}

TEST_F(SendWindowTest, DuplicatesAreCountedWithoutEnd) {
  send_new(10);
  dupacks(1000);
  EXPECT_LE(window.budget(kMss), 10 * kMss);
  EXPECT_EQ(resend(), (std::vector<Range>{{0, kMss}}));
}

}  // namespace
}  // namespace gl::tcp
