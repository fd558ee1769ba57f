#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "lib/dns/edns.h"
#include "lib/dns/message.h"

namespace {

using namespace gl;
using namespace gl::dns;
using Wire = std::vector<std::uint8_t>;

TEST(Cursor, ReadsAndFailsForGood) {
  const Wire data{1, 2, 3, 4, 5, 6, 7};
  Cursor c(data);
  EXPECT_EQ(c.u8(), 1);
  EXPECT_EQ(c.u16(), 0x0203);
  EXPECT_EQ(c.u32(), 0x04050607U);
  EXPECT_TRUE(c.done());
  EXPECT_EQ(c.u8(), 0);
  EXPECT_FALSE(c.ok());
  EXPECT_FALSE(c.done());
  EXPECT_EQ(c.left(), 0U);
  EXPECT_TRUE(c.bytes(0).empty());
  EXPECT_FALSE(Cursor(data, 8).ok());
  EXPECT_TRUE(Cursor(data, 7).done());
}

TEST(Cursor, SkipsNames) {
  const Wire plain{3, 'c', 'o', 'm', 0, 9};
  Cursor a(plain);
  a.skip_name();
  EXPECT_EQ(a.at(), 5U);
  const Wire pointer{1, 'a', 0xc0, 12, 9};
  Cursor b(pointer);
  b.skip_name();
  EXPECT_EQ(b.at(), 4U);
  const Wire cut{3, 'c', 'o'};
  Cursor c(cut);
  c.skip_name();
  EXPECT_FALSE(c.ok());
  EXPECT_FALSE(c.malformed());
  const Wire bad{0x40, 0};
  Cursor d(bad);
  d.skip_name();
  EXPECT_TRUE(d.malformed());
  Wire longer;
  for (int i = 0; i < 128; ++i) longer.insert(longer.end(), {1, 'a'});
  longer.push_back(0);
  Cursor e(longer);
  e.skip_name();
  EXPECT_TRUE(e.malformed());
}

TEST(Question, EveryTruncationIsRefused) {
  Wire m(12, 0);
  const Wire rest{3, 'C', 'o', 'm', 0, 0, 1, 0, 1};
  m.insert(m.end(), rest.begin(), rest.end());
  Question q;
  ASSERT_TRUE(parse_question(m, q));
  EXPECT_EQ(q.type, 1);
  EXPECT_EQ(q.rr_class, 1);
  EXPECT_EQ(q.end, m.size());
  for (std::size_t n = 0; n < m.size(); ++n) EXPECT_FALSE(parse_question(Bytes(m).first(n), q)) << n;
}

Wire opt(std::uint16_t payload, std::uint32_t ttl, const Wire& options) {
  Wire r{0, 0, 41};
  for (const unsigned v : {unsigned{payload}, ttl >> 16, ttl & 0xffff, static_cast<unsigned>(options.size())}) {
    r.push_back(static_cast<std::uint8_t>(v >> 8));
    r.push_back(static_cast<std::uint8_t>(v));
  }
  r.insert(r.end(), options.begin(), options.end());
  return r;
}

TEST(Edns, ReadsItsFields) {
  Edns e;
  ASSERT_TRUE(parse_additional(opt(4096, 0x00008000, {0, 3, 0, 0, 0xff, 0xff, 0, 2, 1, 2}), 0, 1, e));
  EXPECT_TRUE(e.present);
  EXPECT_TRUE(e.dnssec_ok);
  EXPECT_TRUE(e.nsid);
  EXPECT_EQ(e.payload, 4096);
  EXPECT_EQ(e.version, 0);
  Edns v;
  ASSERT_TRUE(parse_additional(opt(512, 0x00010000, {}), 0, 1, v));
  EXPECT_EQ(v.version, 1);
  EXPECT_FALSE(v.dnssec_ok);
  Edns none;
  EXPECT_TRUE(parse_additional({}, 0, 0, none));
  EXPECT_FALSE(none.present);
}

TEST(Edns, RefusesTheMalformed) {
  Edns e;
  const Wire good = opt(512, 0, {0, 3, 0, 0});
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(parse_additional(Bytes(good).first(n), 0, 1, e = {})) << n;
  }
  Wire two = good;
  two.insert(two.end(), good.begin(), good.end());
  EXPECT_FALSE(parse_additional(two, 0, 2, e = {}));
  EXPECT_FALSE(parse_additional(two, 0, 1, e = {}));  // bytes behind the last record
  EXPECT_FALSE(parse_additional(good, 0, 2, e = {}));
  EXPECT_FALSE(parse_additional(opt(512, 0, {0, 3, 0}), 0, 1, e = {}));
  EXPECT_FALSE(parse_additional(opt(512, 0, {0, 3, 0, 5, 1}), 0, 1, e = {}));
  Wire owned = good;
  owned.insert(owned.begin(), {1, 'a'});
  EXPECT_FALSE(parse_additional(owned, 0, 1, e = {}));
}

TEST(Edns, OtherRecordsArePassedOver) {
  Wire m{0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4};
  const Wire o = opt(512, 0, {});
  m.insert(m.end(), o.begin(), o.end());
  Edns e;
  EXPECT_TRUE(parse_additional(m, 0, 2, e));
  EXPECT_TRUE(e.present);
}

TEST(Edns, WritesWhatItReads) {
  Wire out(opt_size({"me"}));
  write_opt(out.data(), 1232, Rcode::badvers, true, {"me"});
  EXPECT_EQ(out, opt(1232, 0x01008000, {0, 3, 0, 2, 'm', 'e'}));
  Wire plain(opt_size({}));
  write_opt(plain.data(), 1232, Rcode::noerror, false, {});
  EXPECT_EQ(plain, opt(1232, 0, {}));
}

// Whatever comes in: no step leaves the span (the sanitizer build watches), and parsing ends.
TEST(Hostile, RandomBytes) {
  std::mt19937 random(2);
  for (int round = 0; round < 50000; ++round) {
    Wire m(random() % 60);
    for (auto& b : m) b = static_cast<std::uint8_t>(random() % 4 == 0 ? random() : random() % 5);
    Question q;
    Edns e;
    if (parse_question(m, q)) {
      EXPECT_LE(q.end, m.size());
    }
    const bool ok =
        parse_additional(m, std::min<std::size_t>(12, m.size()), static_cast<std::uint16_t>(random() % 4), e);
    if (ok && m.size() > 12) {
      EXPECT_TRUE(e.present || m.size() >= 23);
    }
  }
}

}  // namespace
