// The odds of a blind spoofer, one who cannot see our SYN-ACK, as docs/protocol.md states them; and that what he
// makes us send to his victim is less than what he spends. Trials are seeded, so a run is as good as another.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <random>

#include "lib/tcp/cookie.h"
#include "lib/tcp/responder.h"
#include "tests/golden/scripted_service.h"

namespace gl::golden {
namespace {

using tcp::Segment;
using tcp::SeqNum;

constexpr std::uint64_t kTrials = 1u << 22;
constexpr std::size_t kQuery = 34;
constexpr std::size_t kAnswer = 4000;
constexpr std::uint64_t kHeaders = 20 + 20;  // IPv4 and TCP
constexpr std::uint64_t kTimestampBytes = 12;
constexpr std::uint64_t kMssBytes = 4;

tcp::CookieKeys some_keys() {
  tcp::CookieKeys keys;
  keys.by_parity[0].fill(0x5a);
  keys.by_parity[1].fill(0xa5);
  return keys;
}

std::uint64_t size_of(const Segment& segment) {
  return kHeaders + (segment.timestamps ? kTimestampBytes : 0) + (segment.mss != 0 ? kMssBytes : 0) +
         segment.payload.size();
}
std::uint64_t size_of(const tcp::Plan& plan) {
  std::uint64_t size = 0;
  for (const tcp::OutSegment& out : std::span(plan.segments).first(plan.count)) {
    size += kHeaders + (out.has_timestamps ? kTimestampBytes : 0) + (out.mss != 0 ? kMssBytes : 0) + out.length;
  }
  return size;
}

struct Tally {
  std::uint64_t with_answer = 0;  // segments that drew bytes of an answer
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  [[nodiscard]] double amplification() const { return static_cast<double>(bytes_out) / static_cast<double>(bytes_in); }
};

// A spoofer's segments: victims, ports and numbers at random, the rest as it serves him best.
class Spoofer {
 public:
  Spoofer() : query_(make_query({ScriptedQuery::Kind::answer, kQuery, kAnswer}, 1, Framing::length_prefix)) {}

  Segment segment(std::uint8_t flags, bool query) {
    Segment segment;
    for (std::uint8_t& byte : segment.flow.bytes) byte = static_cast<std::uint8_t>(random_());
    segment.seq = SeqNum(static_cast<std::uint32_t>(random_()));
    segment.ack = SeqNum(static_cast<std::uint32_t>(random_()));
    segment.flags = flags;
    segment.window = 65535;
    if (query) segment.payload = query_;
    return segment;
  }
  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }

  template <class Make>
  Tally attack(Make make) {
    // No limit on RSTs: the worst case for amplification.
    tcp::Responder responder({.rst_per_second = static_cast<std::uint32_t>(kTrials)});
    ScriptedService service(Framing::length_prefix, kAnswer);
    const tcp::CookieKeys keys = some_keys();
    Tally tally;
    responder.begin_burst(0, keys);
    for (std::uint64_t i = 0; i < kTrials; ++i) {
      const Segment segment = make(*this);
      const tcp::Plan& plan = responder.handle(segment, &service);
      tally.bytes_in += size_of(segment);
      tally.bytes_out += size_of(plan);
      if (plan.count > 0 && plan.segments[0].length > 0) ++tally.with_answer;
    }
    return tally;
  }

 private:
  ByteString query_;
  std::mt19937_64 random_{20261121};
};

// `count` hits where `expected` are due: within five standard deviations of a binomial with small odds.
void expect_about(std::uint64_t count, double expected) {
  EXPECT_NEAR(static_cast<double>(count), expected, 5 * std::sqrt(expected));
}

// 16 cookies (MSS class and parity) of a flow, each with 2^17 + 1 acknowledgements behind it, of 2^32 numbers.
constexpr double kPassOdds = 16.0 * (tcp::kOffsetLimit + 1) / 4294967296.0;

void expect_pass_odds(bool bind_client_isn) {
  Spoofer spoofer;
  const tcp::CookieKeys keys = some_keys();
  std::uint64_t passed = 0;
  for (std::uint64_t i = 0; i < kTrials; ++i) {
    const Segment s = spoofer.segment(tcp::kAck, false);
    passed += check_ack(keys, s.flow, s.ack, bind_client_isn ? std::optional(s.seq) : std::nullopt).has_value();
  }
  expect_about(passed, kPassOdds * static_cast<double>(kTrials));
  EXPECT_NEAR(kPassOdds, 1.0 / 2048, 1e-8);
}

TEST(Spoofing, ARandomAcknowledgementPassesOnceInTwoToTheEleventh) {
  expect_pass_odds(false);
  expect_pass_odds(true);
}

// Of the 2^32 acknowledgements, 16 x answer length lie inside the answer: answer length / 2^28.
constexpr double kAnswerOdds = static_cast<double>(kAnswer) / (1u << 28);

// A client without timestamps asks for the rest of an answer only from where a part of it may end: a segment of its
// class, or a multiple of 64 bytes of one.
double places_a_class() {
  std::uint32_t places = 0;
  for (const std::uint16_t mss : tcp::kMssClasses) {
    const std::uint32_t segment = std::min<std::uint32_t>(mss, tcp::ResponderSettings{}.mss_v6);
    for (std::uint32_t off = 0; off < kAnswer; ++off) places += off % segment % 64 == 0 ? 1u : 0u;
  }
  return static_cast<double>(places) / static_cast<double>(tcp::kMssClasses.size());
}

TEST(Spoofing, AQueryWithoutTimestampsDrawsAnAnswerByItsPlacesInTwoToTheTwentyEighth) {
  Spoofer spoofer;
  const Tally tally = spoofer.attack([](Spoofer& s) { return s.segment(tcp::kAck | tcp::kPsh, true); });
  expect_about(tally.with_answer, places_a_class() / (1u << 28) * static_cast<double>(kTrials));
  EXPECT_LT(tally.amplification(), 0.05);
}

// He chooses the ledger that makes his query a repeated one, whatever part of the answer his guess "acknowledges".
TEST(Spoofing, AQueryWithTheBestLedgerDrawsAnAnswerNoMoreOften) {
  Spoofer spoofer;
  const Tally tally = spoofer.attack([](Spoofer& s) {
    Segment segment = s.segment(tcp::kAck | tcp::kPsh, true);
    const auto next = static_cast<std::uint16_t>((segment.seq.value() + kQuery) & tcp::kNextMask);
    segment.timestamps = {s.number(), tcp::Ledger{s.number() & tcp::kOffsetMask, next, false, false}.encode(0)};
    return segment;
  });
  const double without_option = places_a_class() / (1u << 28);
  expect_about(tally.with_answer, (kAnswerOdds + without_option) * static_cast<double>(kTrials));
  EXPECT_LT(tally.amplification(), 0.5);  // nearly all of it RSTs, which are limited outside this test
}

// No ledger of ours, so the option may be left out (RFC 7323 section 3.2): the odds are those of a query without.
TEST(Spoofing, AQueryWithARandomLedgerDrawsAnAnswerAsOneWithoutTimestamps) {
  Spoofer spoofer;
  const Tally tally = spoofer.attack([](Spoofer& s) {
    Segment segment = s.segment(tcp::kAck | tcp::kPsh, true);
    segment.timestamps = {s.number(), s.number()};
    return segment;
  });
  expect_about(tally.with_answer, places_a_class() / (1u << 28) * static_cast<double>(kTrials));
  EXPECT_LT(tally.amplification(), 0.5);
}

TEST(Spoofing, ControlSegmentsAreAnsweredByNoMoreThanTheySpend) {
  Spoofer spoofer;
  const auto plain = [&spoofer](std::uint8_t flags) {
    return spoofer.attack([flags](Spoofer& s) { return s.segment(flags, false); }).amplification();
  };
  EXPECT_LT(plain(tcp::kAck), 0.01);
  EXPECT_LE(plain(tcp::kFin | tcp::kAck), 1.0);  // a client without timestamps gets an ACK for its FIN
  EXPECT_EQ(plain(tcp::kRst), 0.0);
}

TEST(Spoofing, ASynIsAnsweredBySynAckOfItsOwnSize) {
  Spoofer spoofer;
  const Tally tally = spoofer.attack([](Spoofer& s) {
    Segment segment = s.segment(tcp::kSyn, false);
    segment.mss = 1460;
    segment.timestamps = {s.number(), 0};
    return segment;
  });
  EXPECT_EQ(tally.bytes_out, tally.bytes_in);
}

}  // namespace
}  // namespace gl::golden
