// The generator's own parts: what it counts by has to be right before its figures mean anything.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <vector>

#include "app/load/checksum.h"
#include "app/load/histogram.h"
#include "app/load/memory.h"
#include "app/load/pacing.h"
#include "app/load/queries.h"
#include "app/load/slots.h"
#include "app/load/sources.h"
#include "app/load/tcp_segments.h"

namespace {

using namespace gl::load;

TEST(LoadSources, NetworkWithoutItsEnds) {
  const auto sources = parse_sources("198.51.100.77/24");
  ASSERT_TRUE(sources.ok()) << sources.error();
  EXPECT_EQ(sources->low, 0xc6336401u);
  EXPECT_EQ(sources->count, 254u);
  EXPECT_FALSE(sources->v6);
}

TEST(LoadSources, RangeAndSingleOfIpv6) {
  const auto range = parse_sources("2001:db8::10-2001:db8::1f");
  ASSERT_TRUE(range.ok()) << range.error();
  EXPECT_EQ(range->count, 16u);
  EXPECT_EQ(range->low, 0x10u);
  const auto one = parse_sources("2001:db8::1");
  ASSERT_TRUE(one.ok()) << one.error();
  EXPECT_EQ(one->count, 1u);
}

TEST(LoadSources, Refuses) {
  for (const char* wrong : {"", "198.51.100.0/33", "198.51.100.0/8", "198.51.100.0/x", "198.51.100.9-198.51.100.1",
                            "198.51.100.1-2001:db8::1", "2001:db8::1-2001:db9::1", "name"}) {
    EXPECT_FALSE(parse_sources(wrong).ok()) << wrong;
  }
}

TEST(LoadDatagram, Parts) {
  const auto queries = render_datagram("0102030405,id=2,answer-id=4,answer=28,ack=00ff");
  ASSERT_TRUE(queries.ok()) << queries.error();
  const Query& q = queries->at(0);
  EXPECT_EQ(q.kind, Query::Kind::datagram);
  EXPECT_EQ(q.message_length, 5);
  EXPECT_EQ(q.message()[1], 2);
  EXPECT_EQ(q.message()[2], 0) << "the number is written later, and is not in the sum";
  EXPECT_EQ(q.id_at, 2);
  EXPECT_EQ(q.answer_id_at, 4);
  EXPECT_EQ(q.answer_length, 28);
  EXPECT_EQ(q.ack_length, 2);
  EXPECT_EQ(q.ack[1], 0xff);
  EXPECT_FALSE(render_datagram("01")->at(0).has_id());
  EXPECT_TRUE(render_datagram("01,answer=3")->at(0).answered);
  EXPECT_FALSE(render_datagram("01,answer=none")->at(0).answered);
}

TEST(LoadDatagram, Refuses) {
  for (const char* wrong : {"", "0", "0g", "01,id=0", "0102,id=1", "0102,id=2", "01,answer-id=1", "01,ack=0", "01,x",
                            "01,", "01,answer=0"}) {
    EXPECT_FALSE(render_datagram(wrong).ok()) << wrong;
  }
  EXPECT_FALSE(render_datagram(std::string(600, '0')).ok());
}

// RFC 1071 section 3's own example.
TEST(LoadChecksum, Example) {
  const std::array<std::uint8_t, 8> bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(fold(sum_bytes(bytes.data(), bytes.size())), gl::host_to_be<std::uint16_t>(0xddf2));
}

TEST(LoadChecksum, AnyLengthHolds) {
  for (std::size_t length = 0; length < 70; ++length) {
    std::vector<std::uint8_t> bytes(length + 2);
    for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + 11);
    const std::size_t at = length % 2 == 0 ? length : length + 1;
    bytes.resize(at + 2);
    const std::uint16_t sum = checksum(sum_bytes(bytes.data(), at));
    std::memcpy(bytes.data() + at, &sum, 2);
    EXPECT_TRUE(checksum_ok(sum_bytes(bytes.data(), bytes.size()))) << length;
    bytes[0] ^= 0x40;
    EXPECT_FALSE(checksum_ok(sum_bytes(bytes.data(), bytes.size()))) << length;
  }
}

TEST(LoadHistogram, QuantilesWithinAClass) {
  Histogram histogram;
  for (std::uint64_t v = 1; v <= 100000; ++v) histogram.add(v);
  EXPECT_NEAR(histogram.quantile_us(0.5, 1e6), 50000, 50000 * 0.07);
  EXPECT_NEAR(histogram.quantile_us(0.99, 1e6), 99000, 99000 * 0.07);
  EXPECT_EQ(Histogram().quantile_us(0.5, 1e6), 0);
}

TEST(LoadSlots, EachTupleFindsItsSlotAndNoOther) {
  Options options;
  options.connections = 1024;
  options.sources = *parse_sources("198.51.100.1-198.51.100.2");
  SlotTable slots(options);
  Slot& s = slots[7];
  s.state = State::asked;
  std::vector<std::uint32_t> seen;
  for (int turn = 0; turn < 64; ++turn) {
    const std::uint32_t index = slots.source_low(s) - options.sources.low;
    EXPECT_EQ(slots.find(index, SlotTable::port(s)), &s);
    EXPECT_EQ(slots.find(index, static_cast<std::uint16_t>(SlotTable::port(s) + 1)), nullptr);
    for (const std::uint32_t tuple : seen) EXPECT_NE(tuple, s.tuple);
    seen.push_back(s.tuple);
    slots.next_tuple(s);
  }
  EXPECT_EQ(s.tuple, 7u);  // after all 65536 tuples / 1024 slots it begins anew
}

TEST(LoadPacer, KeepsTheRate) {
  Pacer pacer(1000, 1000000, 0);  // one every 1000 cycles
  int started = 0;
  for (std::uint64_t now = 0; now < 100000; now += 10) started += pacer.take(now) ? 1 : 0;
  EXPECT_EQ(started, 100);
}

// What "the memory is the same" rests on: what is touched is seen, to the page; what is only allocated is not.
TEST(LoadMemory, CountsWhatIsTouched) {
  keep_pages_small();
  constexpr std::size_t kSize = 32u << 20;
  constexpr std::size_t kTouched = 8u << 20;
  const Memory before = read_memory();
  void* const block = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(block, MAP_FAILED);
  const Memory allocated = read_memory();
  for (std::size_t i = 0; i < kTouched; i += 4096) static_cast<volatile char*>(block)[i] = 1;
  const Memory touched = read_memory();
  munmap(block, kSize);
  EXPECT_GT(before.own_kib, 0);
  EXPECT_GE(before.resident_kib, before.own_kib);
  EXPECT_NEAR(static_cast<double>(allocated.own_kib - before.own_kib), 0, 64);
#ifdef __SANITIZE_ADDRESS__
  constexpr std::int64_t kShadowKib =
      kTouched / 1024 / 8;  // AddressSanitizer's own, of which it may touch all or nothing
#else
  constexpr std::int64_t kShadowKib = 0;
#endif
  EXPECT_GE(touched.own_kib - allocated.own_kib, std::int64_t{kTouched / 1024} - 64);
  EXPECT_LE(touched.own_kib - allocated.own_kib, std::int64_t{kTouched / 1024} + kShadowKib + 64);
}

TEST(LoadSegments, TimestampIsFoundAndNothingIsReadPastTheEnd) {
  const std::array<std::uint8_t, 12> options{2, 4, 5, 180, 8, 10, 1, 2, 3, 4, 0, 0};
  EXPECT_EQ(find_timestamp(options.data(), options.size()), std::nullopt);  // cut short
  const std::array<std::uint8_t, 16> whole{1, 2, 4, 5, 180, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 0};
  EXPECT_EQ(find_timestamp(whole.data(), whole.size()), 0x01020304u);
}

}  // namespace
