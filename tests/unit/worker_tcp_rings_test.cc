// Jobs for the TCP helper: each goes round once, none is lost, two threads at once.
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>

#include "lib/base/endian.h"
#include "lib/worker/tcp_rings.h"

namespace gl::worker {
namespace {

using backend::TcpJob;

TEST(SpscRing, HoldsWhatItPromisesAndKeepsOrder) {
  for (const unsigned capacity : {1u, 2u, 3u, 7u, 8u, 32u, 100u}) {
    dpdk::SpscRing<int> ring(capacity);
    std::vector<int> values(capacity);
    for (int& value : values) ASSERT_TRUE(ring.push(&value)) << capacity;
    for (int& value : values) ASSERT_EQ(ring.pop(), &value) << capacity;
    EXPECT_EQ(ring.pop(), nullptr);
  }
}

TEST(SpscRing, RefusesWhenFullAndPopsInBursts) {
  dpdk::SpscRing<int> ring(3);
  int value = 0;
  for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(ring.push(&value));
  EXPECT_FALSE(ring.push(&value));
  int* out[8] = {};
  EXPECT_EQ(ring.pop_burst(out, 2), 2u);
  EXPECT_EQ(ring.pop_burst(out, 8), 1u);
  EXPECT_EQ(ring.pop_burst(out, 8), 0u);
}

TEST(TcpRings, EveryJobIsItsOwnAndTheyEnd) {
  TcpRings rings(4);
  std::set<TcpJob*> jobs;
  while (TcpJob* const job = rings.take()) {
    ASSERT_LE(jobs.size(), 4u);
    EXPECT_TRUE(jobs.insert(job).second);
    std::memset(job->reply.get(), 1, TcpJob::kMaxReply);
    rings.submit(job);
  }
  EXPECT_EQ(jobs.size(), 4u);
  EXPECT_EQ(rings.completed(), nullptr);
  while (TcpJob* const job = rings.next()) rings.done(job);
  EXPECT_EQ(rings.next(), nullptr);
  EXPECT_EQ(rings.take(), nullptr) << "a job that came back is free only after give_back()";
  while (TcpJob* const job = rings.completed()) rings.give_back(job);
  EXPECT_NE(rings.take(), nullptr);
}

TEST(TcpRings, TwoThreads) {
  constexpr std::uint32_t kQuestions = 20000;
  TcpRings rings;
  std::thread helper([&] {
    for (std::uint32_t done = 0; done < kQuestions;) {
      TcpJob* const job = rings.next();
      if (job == nullptr) {
        std::this_thread::yield();
        continue;
      }
      store_be<std::uint32_t>(job->reply.get(), job->token);
      job->reply_length = 4;
      job->result = TcpJob::Result::answered;
      rings.done(job);
      ++done;
    }
  });
  std::uint32_t sent = 0, answered = 0;
  while (answered < kQuestions) {
    if (TcpJob* const job = sent < kQuestions ? rings.take() : nullptr; job != nullptr) {
      job->token = sent++;
      rings.submit(job);
    }
    TcpJob* const job = rings.completed();
    if (job == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(job->token, answered++);
    ASSERT_EQ(load_be<std::uint32_t>(job->reply.get()), job->token);
    rings.give_back(job);
  }
  helper.join();
}

}  // namespace
}  // namespace gl::worker
