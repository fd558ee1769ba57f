// Floods from addresses that anyone may forge, a million frames each of SYN, ACK, RST and FIN, through the whole
// pipeline: nothing is allocated, no reply is longer than what it answers, RSTs keep to their rate and no RST is
// answered, and an ordinary client is served in the middle of it.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>
#include <cstring>
#include <random>

#include "lib/tcp/fast_open.h"
#include "tests/allocations.h"
#include "tests/unit/pipeline_harness.h"

namespace gl::test {
namespace {

using datapath::Verdict;
using tcp::Flag;

constexpr unsigned kFrames = 1'000'000;  // of each kind
constexpr unsigned kFramesPerMs = 500;   // half a million a second
constexpr std::uint32_t kResetsPerSecond = 1000;
constexpr std::size_t kCapacity = 2048;

// Counts and keeps the last frame; further ones go into one buffer.
struct Sink {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  std::uint64_t resets = 0;
  std::size_t length = 0;
  std::array<std::uint8_t, kCapacity> last{};
  std::array<std::uint8_t, kCapacity> lent{};

  void reply(datapath::Frame& frame) noexcept {
    ++frames;
    bytes += frame.length;
    length = frame.length;
    std::memcpy(last.data(), frame.data, frame.length);
    const std::size_t tcp_at = last[12] == 0x08 ? 34 : 54;
    if ((last[tcp_at + 13] & tcp::kRst) != 0) ++resets;
  }
  [[nodiscard]] bool hand_off(unsigned) noexcept { return false; }
  [[nodiscard]] bool extra(datapath::Frame& frame) noexcept {
    frame.data = lent.data();
    frame.capacity = kCapacity;
    return true;
  }
  void send_extra(datapath::Frame& frame) noexcept { reply(frame); }
};

// What the options of an off-path sender's segment may look like.
constexpr std::array<std::uint8_t, 20> kLinux = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 8, 9, 0, 0, 0, 7, 1, 3, 3, 7};
constexpr std::array<std::uint8_t, 12> kTimestamps = {1, 1, 8, 10, 0, 0, 8, 9, 0, 0, 0, 7};
constexpr std::array<std::uint8_t, 24> kAsks = {2, 4, 5, 180, 4, 2, 8, 10, 0,  0, 8, 9,
                                                0, 0, 0, 7,   1, 3, 3, 7,  34, 2, 1, 1};
constexpr std::array<std::uint8_t, 4> kAsksOnly = {34, 2, 1, 1};
constexpr std::array<std::uint8_t, 32> kHasCookie = {2, 4, 5, 180, 4, 2, 8,  10, 0, 0, 8, 9, 0, 0, 0, 7,
                                                     1, 3, 3, 7,   1, 1, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8};

class Flood : public testing::Test {
 protected:
  Flood() {
    interface_.mac = kOurMac;
    EXPECT_TRUE(interface_.add(kOurs4) && interface_.add(kOurs6) && services_.add(53, service_));
    service_.early = true;
    keys_.by_parity[0].fill(7);
    keys_.by_parity[1].fill(8);
    begin_burst();
  }

  void begin_burst() { responder_.begin_burst(now_ms_, keys_); }

  // Ethernet, IP and TCP without checksums, as if the port had looked at them. Returns the length.
  std::size_t write(bool v6, const std::uint8_t* client, std::uint16_t port, std::uint32_t seq, std::uint32_t ack,
                    std::uint8_t flags, Bytes options, Bytes payload) {
    std::uint8_t* const frame = frame_.data();
    std::memset(frame, 0, 54);
    std::memcpy(frame, kOurMac.bytes.data(), 6);
    std::memcpy(frame + 6, kClientMac.bytes.data(), 6);
    const std::size_t tcp_length = 20 + options.size() + payload.size();
    std::uint8_t* tcp = nullptr;
    if (v6) {
      store_be<std::uint16_t>(frame + 12, 0x86dd);
      store_be<std::uint32_t>(frame + 14, 0x60000000);
      store_be(frame + 18, static_cast<std::uint16_t>(tcp_length));
      frame[20] = 6;
      frame[21] = 64;
      std::memcpy(frame + 22, client, 16);
      std::memcpy(frame + 38, kOurs6.bytes.data(), 16);
      tcp = frame + 54;
    } else {
      store_be<std::uint16_t>(frame + 12, 0x0800);
      frame[14] = 0x45;
      store_be(frame + 16, static_cast<std::uint16_t>(20 + tcp_length));
      frame[22] = 64;
      frame[23] = 6;
      std::memcpy(frame + 26, client, 4);
      std::memcpy(frame + 30, kOurs4.bytes.data(), 4);
      tcp = frame + 34;
    }
    store_be(tcp, port);
    store_be<std::uint16_t>(tcp + 2, 53);
    store_be(tcp + 4, seq);
    store_be(tcp + 8, ack);
    tcp[12] = static_cast<std::uint8_t>((5 + options.size() / 4) << 4);
    tcp[13] = flags;
    store_be<std::uint16_t>(tcp + 14, 65535);
    std::memset(tcp + 16, 0, 4);
    if (!options.empty()) std::memcpy(tcp + 20, options.data(), options.size());
    if (!payload.empty()) std::memcpy(tcp + 20 + options.size(), payload.data(), payload.size());
    return static_cast<std::size_t>(tcp - frame) + tcp_length;
  }

  Verdict process(std::size_t length) {
    datapath::Frame frame;
    frame.data = frame_.data();
    frame.length = length;
    frame.capacity = kCapacity;
    frame.ipv4_checksum_good = frame.l4_checksum_good = true;
    ++received_;
    return pipeline_.process(frame, interface_, sink_);
  }

  // An ordinary exchange: the handshake, a query, its answer.
  void serve_one(std::uint16_t port) {
    const std::array<std::uint8_t, 4> client = {198, 51, 100, 7};
    const std::array<std::uint8_t, 7> query = {0, 5, 'h', 'e', 'l', 'l', 'o'};
    ASSERT_EQ(process(write(false, client.data(), port, 99, 0, tcp::kSyn, kLinux, {})), Verdict::tcp_syn_ack);
    const std::uint32_t isn = load_be<std::uint32_t>(sink_.last.data() + 38);
    std::array<std::uint8_t, 12> options = kTimestamps;
    std::memcpy(options.data() + 8, sink_.last.data() + 54 + 8, 4);  // behind the MSS: our TSval
    ASSERT_EQ(process(write(false, client.data(), port, 100, isn + 1, tcp::kAck, options, query)),
              Verdict::tcp_answered);
    ASSERT_EQ(sink_.length, 66u + 7u);
    ASSERT_EQ(std::memcmp(sink_.last.data() + 66, "\0\5olleh", 7), 0);
  }

  struct Shape {
    Bytes options;
    Bytes payload;
  };
  // kFrames of these flags, the shapes in turn, sources and numbers at random; half of them IPv6.
  void flood(const char* name, std::uint8_t flags, std::initializer_list<Shape> shapes) {
    std::uint64_t in = 0, out = 0, resets = 0, longest_excess = 0;
    const std::uint64_t began_ms = now_ms_;
    const std::uint64_t allocated = allocations_so_far();
    const std::size_t heap = mallinfo2().uordblks;
    for (unsigned i = 0; i < kFrames; ++i) {
      if (i % kFramesPerMs == 0) ++now_ms_, begin_burst();
      const Shape& shape = shapes.begin()[i / 2 % shapes.size()];
      std::array<std::uint8_t, 16> client = {0x20};
      store_be(client.data() + 4, random_());
      client[0] = static_cast<std::uint8_t>(i % 2 != 0 ? 0x20 : 1 + random_() % 120);
      const std::uint32_t ports = static_cast<std::uint32_t>(random_());
      const std::size_t length =
          write(i % 2 != 0, client.data(), static_cast<std::uint16_t>(ports | 1), static_cast<std::uint32_t>(random_()),
                static_cast<std::uint32_t>(random_()), flags, shape.options, shape.payload);
      const std::uint64_t sent_before = sink_.bytes;
      const std::uint64_t resets_before = sink_.resets;
      (void)process(length);
      const std::uint64_t sent = sink_.bytes - sent_before;
      if (sent > length) longest_excess = std::max(longest_excess, sent - length);
      in += length;
      out += sent;
      resets += sink_.resets - resets_before;
      if (i % 100'000 == 50'000) serve_one(static_cast<std::uint16_t>(2000 + i / 100'000));
      if (HasFatalFailure()) return;
    }
    EXPECT_EQ(allocations_so_far(), allocated);
    EXPECT_EQ(mallinfo2().uordblks, heap);
    EXPECT_EQ(longest_excess, 0u) << "a reply was longer than what it answers";
    const std::uint64_t elapsed_ms = now_ms_ - began_ms;
    EXPECT_LE(resets, kResetsPerSecond + kResetsPerSecond * elapsed_ms / 1000);
    if ((flags & tcp::kRst) != 0) {
      EXPECT_EQ(out, 0u);
    }
    EXPECT_EQ(counters_.verdict_sum(), received_);
    std::printf("%s: %.1f MB in, %.1f MB out (%.2f), %llu RSTs in %.1f s\n", name, static_cast<double>(in) / 1e6,
                static_cast<double>(out) / 1e6, static_cast<double>(out) / static_cast<double>(in),
                static_cast<unsigned long long>(resets), static_cast<double>(elapsed_ms) / 1e3);
    resets_ = resets;
  }

  datapath::Interface interface_;
  Reverser service_;
  Registry services_;
  tcp::CookieKeys keys_;
  tcp::Responder responder_{tcp::ResponderSettings{.rst_per_second = kResetsPerSecond, .flow_cache = 64}};
  datapath::CoreCounters counters_;
  datapath::Pipeline pipeline_{services_, responder_, counters_};
  Sink sink_;
  std::array<std::uint8_t, kCapacity> frame_{};
  std::mt19937_64 random_{20260101};
  std::uint64_t now_ms_ = 1000;
  std::uint64_t received_ = 0;
  std::uint64_t resets_ = 0;
  const std::array<std::uint8_t, 7> query_ = {0, 5, 'h', 'e', 'l', 'l', 'o'};
};

TEST_F(Flood, Syn) {
  flood("SYN", tcp::kSyn,
        {{}, {kLinux, {}}, {kTimestamps, {}}, {kAsks, {}}, {kAsksOnly, {}}, {kHasCookie, query_}, {{}, query_}});
  EXPECT_EQ(resets_, 0u);
}

TEST_F(Flood, Ack) {
  flood("ACK", tcp::kAck, {{}, {kTimestamps, {}}, {kTimestamps, query_}, {{}, query_}});
  EXPECT_GT(resets_, kResetsPerSecond);
}

TEST_F(Flood, Reset) {
  flood("RST", tcp::kRst, {{}, {kTimestamps, {}}});
  flood("RST+ACK", tcp::kRst | tcp::kAck, {{}, {kTimestamps, {}}, {kTimestamps, query_}});
}

TEST_F(Flood, Fin) {
  flood("FIN", tcp::kFin | tcp::kAck, {{}, {kTimestamps, {}}, {kTimestamps, query_}, {{}, query_}});
  flood("FIN without ACK", tcp::kFin, {{}, {kTimestamps, {}}});
}

// Who has shown where it is may ask in its SYN as often as it likes: each is answered, and nothing is allocated.
TEST_F(Flood, EarlyQueries) {
  const std::array<std::uint8_t, 4> client = {198, 51, 100, 7};
  std::array<std::uint8_t, 32> options = kHasCookie;
  const tcp::FlowKey flow = tcp::FlowKey::v4(client.data(), kOurs4.bytes.data(), Be16(4000), Be16(53));
  store_be(options.data() + 24, tcp::make_fast_open_cookie(keys_, flow));
  const std::uint64_t allocated = allocations_so_far();
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    if (i % kFramesPerMs == 0) ++now_ms_, begin_burst();
    ASSERT_EQ(process(write(false, client.data(), 4000, i, 0, tcp::kSyn, options, query_)), Verdict::tcp_syn_answered);
  }
  EXPECT_EQ(allocations_so_far(), allocated);
}

// A port where nothing listens is one more way to draw RSTs.
TEST_F(Flood, ClosedPort) {
  services_ = {};
  ASSERT_TRUE(services_.add(54, service_));
  std::uint64_t resets = 0;
  const std::uint64_t allocated = allocations_so_far();
  for (unsigned i = 0; i < kFrames; ++i) {
    if (i % kFramesPerMs == 0) ++now_ms_, begin_burst();
    std::array<std::uint8_t, 16> client = {0x20};
    store_be(client.data() + 4, random_());
    const auto number = static_cast<std::uint32_t>(random_());
    const std::uint64_t before = sink_.bytes;
    const std::size_t length = write(true, client.data(), static_cast<std::uint16_t>(number | 1), number, number,
                                     i % 2 != 0 ? tcp::kSyn : tcp::kAck, {}, {});
    (void)process(length);
    ASSERT_LE(sink_.bytes - before, length);
    resets = sink_.resets;
  }
  EXPECT_EQ(allocations_so_far(), allocated);
  EXPECT_LE(resets, kResetsPerSecond + kResetsPerSecond * (kFrames / kFramesPerMs) / 1000 + 1);
  EXPECT_GT(resets, kResetsPerSecond);
}

}  // namespace
}  // namespace gl::test
