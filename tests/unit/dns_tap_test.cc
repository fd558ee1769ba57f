// The ring of dnstap's messages, and what a core tells through it.
#include "lib/dns/tap.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace gl {
namespace {

using dns::Tap;
using dns::TapRecord;
using dns::TapTransport;
using dns::TapType;

std::vector<std::uint8_t> query(std::size_t size, std::uint8_t fill = 0) {
  return std::vector<std::uint8_t>(size, static_cast<std::uint8_t>(fill & 0x7f));
}

TEST(SpscBytes, KeepsOrderAndBytesAroundItsEnd) {
  SpscBytes ring(256);
  for (std::size_t i = 1; i < 1000; ++i) {
    const std::size_t length = 1 + i % 90;
    const MutableBytes room = ring.reserve(length);
    ASSERT_EQ(room.size(), length);
    std::iota(room.begin(), room.end(), static_cast<std::uint8_t>(i));
    ring.commit();
    const Bytes front = ring.front();
    ASSERT_EQ(front.size(), length);
    for (std::size_t j = 0; j < length; ++j) ASSERT_EQ(front[j], static_cast<std::uint8_t>(i + j));
    ring.pop();
    ASSERT_TRUE(ring.front().empty());
  }
}

TEST(SpscBytes, RefusesWhatDoesNotFit) {
  SpscBytes ring(128);
  EXPECT_TRUE(ring.reserve(128).empty());
  ASSERT_EQ(ring.reserve(100).size(), 100u);
  ring.commit();
  EXPECT_TRUE(ring.reserve(17).empty());
  ASSERT_EQ(ring.reserve(8).size(), 8u);
  ring.commit();
  EXPECT_TRUE(ring.reserve(1).empty());
  ring.pop();
  EXPECT_EQ(ring.reserve(1).size(), 1u);
}

TEST(SpscBytes, BetweenTwoThreads) {
  SpscBytes ring(1024);
  constexpr std::uint32_t kCount = 100'000;
  std::thread writer([&] {
    for (std::uint32_t i = 0; i < kCount;) {
      const MutableBytes room = ring.reserve(4 + i % 60);
      if (room.empty()) {
        std::this_thread::yield();
        continue;
      }
      store_be(room.data(), i++);
      ring.commit();
    }
  });
  for (std::uint32_t i = 0; i < kCount;) {
    const Bytes front = ring.front();
    if (front.empty()) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(front.size(), 4 + i % 60);
    ASSERT_EQ(load_be<std::uint32_t>(front.data()), i++);
    ring.pop();
  }
  writer.join();
}

struct Told {
  TapRecord record;
  std::vector<std::uint8_t> bytes;
};
std::vector<Told> all(Tap& tap) {
  std::vector<Told> told;
  TapRecord record;
  for (Bytes bytes = tap.next(record); !bytes.empty(); bytes = tap.next(record)) {
    told.push_back({record, {bytes.begin(), bytes.end()}});
    tap.done();
  }
  return told;
}

const dns::TapFlow kFlow(std::vector<std::uint8_t>{192, 0, 2, 1}, std::vector<std::uint8_t>{192, 0, 2, 53}, 1025, 53);

TEST(Tap, TellsOneInSoManyWithItsResponse) {
  Tap tap(3, 1 << 16);
  for (int i = 0; i < 9; ++i) tap.exchange({TapTransport::udp, kFlow.bytes(), query(20), query(30)});
  const auto told = all(tap);
  ASSERT_EQ(told.size(), 6u);
  EXPECT_EQ(told[0].record.type, TapType::auth_query);
  EXPECT_EQ(told[1].record.type, TapType::auth_response);
  EXPECT_EQ(told[1].record.query_cycles, told[0].record.cycles);
  EXPECT_EQ(told[0].record.flow_length, 12);
  EXPECT_EQ(tap.told(), 6u);
}

TEST(Tap, PassesOverWhatIsNoQuery) {
  Tap tap(1, 1 << 16);
  std::vector<std::uint8_t> response = query(12);
  response[2] = 0x80;
  tap.exchange({TapTransport::udp, kFlow.bytes(), response, {}});
  tap.exchange({TapTransport::udp, kFlow.bytes(), query(11), {}});
  EXPECT_TRUE(all(tap).empty());
}

TEST(Tap, OverAStreamARequestIsToldOnce) {
  Tap tap(1, 1 << 16);
  for (int i = 0; i < 4; ++i) tap.exchange({TapTransport::tcp, kFlow.bytes(), query(20), query(30)}, 77);
  tap.exchange({TapTransport::tcp, kFlow.bytes(), query(20), query(30)}, 78);
  EXPECT_EQ(all(tap).size(), 4u);
}

TEST(Tap, AnAnswerThatWasWaitedFor) {
  Tap tap(2, 1 << 16);
  for (std::uint32_t position : {1u, 2u}) {
    for (int i = 0; i < 3; ++i) tap.client_query(TapTransport::tcp, kFlow.bytes(), position, query(20));
  }
  const std::vector<std::uint8_t> two{0, 2, 'a', 'b', 0, 1, 'c'};
  for (std::uint32_t position : {1u, 2u, 2u}) {
    tap.client_response(TapTransport::tcp, kFlow.bytes(), position, two, true);
  }
  const auto told = all(tap);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0].record.type, TapType::client_query);
  EXPECT_EQ(told[1].bytes, (std::vector<std::uint8_t>{'a', 'b'}));
  EXPECT_EQ(told[2].bytes, (std::vector<std::uint8_t>{'c'}));
  EXPECT_EQ(told[2].record.query_cycles, told[0].record.cycles);
}

TEST(Tap, ADatagramWithTheSameIdIsAnotherQuery) {
  Tap tap(1, 1 << 16);
  for (int i = 0; i < 2; ++i) {
    tap.client_query(TapTransport::udp, kFlow.bytes(), 5, query(20));
    tap.client_response(TapTransport::udp, kFlow.bytes(), 5, query(30), false);
  }
  EXPECT_EQ(all(tap).size(), 4u);
}

TEST(Tap, CountsWhatFindsNoRoom) {
  Tap tap(1, 1024);
  for (int i = 0; i < 10; ++i) tap.exchange({TapTransport::udp, kFlow.bytes(), query(100), query(200)});
  EXPECT_GT(tap.dropped(), 0u);
  EXPECT_EQ(tap.told() + tap.dropped(), 20u);
  EXPECT_EQ(all(tap).size(), tap.told());
}

}  // namespace
}  // namespace gl
