// A stream service whose answers are read, not rendered, behind a prefix of any length: whole exchanges with the
// responder, where the test is the client.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "lib/base/endian.h"
#include "lib/tcp/responder.h"

namespace gl::tcp {
namespace {

std::uint8_t byte_at(std::uint64_t seed, std::uint64_t at) {
  return static_cast<std::uint8_t>((at * 2654435761u + seed * 40503u) >> 7);
}

// A request is `prefix` bytes that say how long it is, and four bytes that say how long its answer is to be. Without a
// prefix the four bytes are all there is.
class ReadService final : public StreamService {
 public:
  explicit ReadService(std::uint8_t prefix) : StreamService(prefix) {}

  Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override {
    const std::size_t at = prefix_consumed ? 0 : prefix_length();
    if (at != 0 && stream.size() == at) return {Framed::Kind::prefix_only};
    if (stream.size() < at + 4) return {};
    return {Framed::Kind::complete, stream.subspan(at, 4), at + 4};
  }
  Answer answer(Bytes request, MutableBytes buffer, const RequestContext&) noexcept override {
    const auto length = load_be<std::uint32_t>(request.data());
    Answer answer{Answer::Kind::answered, length};
    answer.handle = length;
    answer.identity = 7;
    answer.rendered = mixes && length % 2 != 0;
    if (answer.rendered) {
      for (std::uint32_t i = 0; i < length; ++i) buffer[i] = byte_at(length, i);
    }
    return answer;
  }
  std::size_t read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept override {
    ++reads;
    longest_read = std::max(longest_read, out.size());
    const std::size_t count = std::min<std::size_t>(out.size(), answer.length - offset);
    for (std::size_t i = 0; i < count; ++i) out[i] = byte_at(answer.handle, offset + i);
    return gives ? count : 0;
  }
  bool has_idempotent_requests() const noexcept override { return true; }
  std::size_t largest_answer() const noexcept override { return kMaxRenderedAnswer; }

  bool mixes = false;  // odd lengths are rendered
  bool gives = true;
  unsigned reads = 0;
  std::size_t longest_read = 0;
};

struct Kind {
  std::uint8_t prefix;
  bool timestamps;
  std::uint32_t flow_cache;
};

class ServiceStream : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    keys.by_parity[0][0] = 1;
    ResponderSettings settings;
    settings.flow_cache = GetParam().flow_cache;
    responder = std::make_unique<Responder>(settings);
    responder->begin_burst(1000, keys);
    segment.flow.set_v4(client.data(), server.data(), Be16(40000), Be16(80));
    segment.window = 65535;
    segment.mss = 1000;
    if (GetParam().timestamps) segment.timestamps = Timestamps{100, 0};
    segment.flags = kSyn;
    segment.seq = SeqNum(kIsn);
    const Plan& plan = responder->handle(segment, &service);
    ASSERT_EQ(plan.count, 1);
    isn = plan.segments[0].seq;
    if (GetParam().timestamps) segment.timestamps->echo = plan.segments[0].timestamps.value;
    segment.mss = 0;
  }
  void request(std::uint32_t length) {
    if (GetParam().prefix == 2) stream.insert(stream.end(), {0, 4});
    if (GetParam().prefix == 4) stream.insert(stream.end(), {0x80, 0, 0, 4});
    for (int shift = 24; shift >= 0; shift -= 8) stream.push_back(static_cast<std::uint8_t>(length >> shift));
    for (std::uint32_t i = 0; i < length; ++i) expected.push_back(byte_at(length, i));
  }
  // One segment to the server; what comes back is read.
  void send(std::size_t begin, std::size_t end) {
    segment.flags = kAck | kPsh;
    segment.seq = SeqNum(kIsn + 1 + static_cast<std::uint32_t>(begin));
    segment.ack = isn + 1 + static_cast<std::uint32_t>(got.size());
    segment.payload = Bytes(stream).subspan(begin, end - begin);
    if (segment.timestamps) ++segment.timestamps->value;
    responder->begin_burst(now += 10, keys);
    const Plan& plan = responder->handle(segment, &service);
    std::vector<std::uint8_t> room(2000);
    for (std::size_t i = 0; i < plan.count; ++i) {
      const OutSegment& out = plan.segments[i];
      acked = std::max<std::size_t>(acked, out.ack.value() - kIsn - 1);
      if (segment.timestamps && out.has_timestamps) segment.timestamps->echo = out.timestamps.value;
      const Bytes payload = plan.payload(out, room);
      if (payload.size() != out.length || out.seq != isn + 1 + static_cast<std::uint32_t>(got.size())) continue;
      got.insert(got.end(), payload.begin(), payload.end());
    }
  }
  // The client acknowledges what it has, and repeats what was not acknowledged, until all is there.
  void finish() {
    for (int turns = 0; turns < 400 && got.size() < expected.size(); ++turns) {
      const std::size_t before = got.size();
      send(stream.size(), stream.size());
      if (got.size() == before) send(acked, stream.size());
    }
    EXPECT_EQ(got, expected);
  }

  static constexpr std::uint32_t kIsn = 0xfffffff0;
  const std::array<std::uint8_t, 4> client{192, 0, 2, 1};
  const std::array<std::uint8_t, 4> server{192, 0, 2, 53};
  CookieKeys keys;
  ReadService service{GetParam().prefix};
  std::unique_ptr<Responder> responder;
  Segment segment;
  SeqNum isn;
  std::uint64_t now = 1000;
  std::size_t acked = 0;  // of our stream
  std::vector<std::uint8_t> stream;
  std::vector<std::uint8_t> expected;
  std::vector<std::uint8_t> got;
};

TEST_P(ServiceStream, ReadsWhatGoesOutAndNoMore) {
  request(50'000);
  send(0, stream.size());
  finish();
  EXPECT_GT(service.reads, 40u);
  EXPECT_LE(service.longest_read, 1000u) << "no whole answer is asked for";
}

TEST_P(ServiceStream, AnswersBesideEachOther) {
  for (const std::uint32_t length : {10u, 3000u, 1u, 999u, 1000u}) request(length);
  send(0, stream.size());
  finish();
}

TEST_P(ServiceStream, SomeRenderedAndSomeRead) {
  service.mixes = true;
  for (const std::uint32_t length : {11u, 3000u, 1u, 2001u, 12u, 7u}) request(length);
  send(0, stream.size());
  finish();
}

TEST_P(ServiceStream, OneAfterTheOther) {
  for (const std::uint32_t length : {500u, 20'000u, 1500u}) {
    const std::size_t begin = stream.size();
    if (!GetParam().timestamps && GetParam().flow_cache == 0 && begin != 0) break;  // one segment a connection
    request(length);
    send(begin, stream.size());
    finish();
  }
}

TEST_P(ServiceStream, ThePrefixComesAlone) {
  if (GetParam().prefix == 0 || (!GetParam().timestamps && GetParam().flow_cache == 0)) return;
  request(100);
  send(0, GetParam().prefix);
  EXPECT_EQ(acked, GetParam().prefix);
  EXPECT_TRUE(got.empty());
  send(GetParam().prefix, stream.size());
  finish();
}

TEST_P(ServiceStream, WhoGivesNoBytesLosesTheSegmentAlone) {
  request(5000);
  service.gives = false;
  send(0, stream.size());
  EXPECT_TRUE(got.empty());
  service.gives = true;
  for (int i = 0; i < 20 && got.size() < expected.size(); ++i) {
    responder->begin_burst(now += 1000, keys);
    send(0, stream.size());
  }
  EXPECT_EQ(got, expected);
}

TEST_P(ServiceStream, TooLongForALedgerIsNotBegun) {
  request(kMaxRenderedAnswer + 1);
  send(0, stream.size());
  send(0, stream.size());
  EXPECT_TRUE(got.empty());
  EXPECT_EQ(service.reads, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ServiceStream,
                         testing::Values(Kind{0, true, 0}, Kind{2, true, 0}, Kind{4, true, 0}, Kind{0, true, 16},
                                         Kind{2, true, 16}, Kind{4, true, 16}, Kind{0, false, 16}, Kind{4, false, 16},
                                         Kind{4, false, 0}, Kind{0, false, 0}),
                         [](const auto& kind) {
                           return "Prefix" + std::to_string(kind.param.prefix) +
                                  (kind.param.timestamps ? "Timestamps" : "Plain") +
                                  (kind.param.flow_cache != 0 ? "Cache" : "");
                         });

}  // namespace
}  // namespace gl::tcp
