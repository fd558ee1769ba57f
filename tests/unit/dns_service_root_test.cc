// The real root zone: signed with NSEC, as published on 2020-10-19.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/unit/dns_test_support.h"

namespace {

using namespace gl;
using test::any_starts_with;
using test::Parsed;
using test::Served;
enum : std::uint16_t { A = 1, NS = 2, SOA = 6, TXT = 16, DS = 43, DNSKEY = 48, ANY = 255 };

class RootZone : public testing::Test {
 protected:
  static void SetUpTestSuite() { served_ = new Served({{std::string(TEST_DATA) + "/root.zone", ""}}); }
  static void TearDownTestSuite() { delete served_; }
  static Parsed dnssec(const std::string& name, std::uint16_t type) {
    return served_->tcp(name, type, {.dnssec = true});
  }
  static Served* served_;
};
Served* RootZone::served_ = nullptr;

TEST_F(RootZone, Itself) {
  const auto list = served_->snapshot->list();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].origin, ".");
  EXPECT_EQ(list[0].serial, 2020101902U);
  EXPECT_EQ(list[0].records, 21591U);
  const Parsed soa = dnssec(".", SOA);
  ASSERT_EQ(soa.answer().size(), 2U);
  EXPECT_EQ(soa.answer()[0],
            ". 86400 SOA a.root-servers.net. nstld.verisign-grs.com. 2020101902 1800 900 604800 86400");
  EXPECT_TRUE(soa.answer()[1].starts_with(". 86400 RRSIG SOA"));
}

TEST_F(RootZone, Priming) {
  const Parsed p = served_->udp(".", NS, {.edns = true});
  EXPECT_FALSE(p.tc());
  EXPECT_EQ(p.answer().size(), 13U);
  EXPECT_EQ(p.additional().size(), 26U);
  EXPECT_EQ(p.wire.size(), 811U);  // compressed as well as the root servers do it
}

TEST_F(RootZone, AnyIsWholeOverTcpAndTruncatedOverUdp) {
  EXPECT_TRUE(served_->udp(".", ANY, {.edns = true}).tc());
  const Parsed p = served_->tcp(".", ANY);
  EXPECT_FALSE(p.tc());
  // SOA, 13 NS, NSEC, 2 DNSKEY, and a signature of each set
  EXPECT_EQ(p.answer().size(), 1U + 13U + 1U + 2U + 4U);
}

TEST_F(RootZone, ReferralsSignedAndUnsigned) {
  const Parsed com = dnssec("www.Example.COM.", A);
  EXPECT_FALSE(com.aa());
  EXPECT_TRUE(any_starts_with(com.authority(), "COM. 172800 NS") || any_starts_with(com.authority(), "com. 172800 NS"));
  EXPECT_EQ(com.authority().size(), 13U + 2U);  // DS and its signature
  EXPECT_EQ(com.additional().size(), 26U);
  const Parsed plain = served_->tcp("www.example.com.", A);
  EXPECT_EQ(plain.authority().size(), 13U);
  const Parsed unsigned_cut = dnssec("x.ae.", A);  // no DS in this zone: NSEC and its signature
  EXPECT_TRUE(any_starts_with(unsigned_cut.authority(), "ae. 86400 NSEC"));
  EXPECT_FALSE(any_starts_with(unsigned_cut.authority(), "ae. 86400 DS"));
}

TEST_F(RootZone, Denials) {
  const Parsed p = dnssec("a.b.nosuchtld.", A);
  EXPECT_EQ(p.rcode(), 3U);
  EXPECT_TRUE(p.aa());
  ASSERT_EQ(p.authority().size(), 6U);  // SOA, the name's NSEC, the wildcard's NSEC, each signed
  EXPECT_TRUE(any_starts_with(p.authority(), ". 86400 NSEC aaa."));
  EXPECT_TRUE(any_starts_with(p.authority(), "norton. 86400 NSEC now."));
  const Parsed before = dnssec("0.", A);  // before the first name: one NSEC covers name and wildcard
  EXPECT_EQ(before.authority().size(), 4U);
  const Parsed nodata = dnssec(".", TXT);
  EXPECT_EQ(nodata.rcode(), 0U);
  EXPECT_EQ(nodata.authority().size(), 4U);
}

TEST_F(RootZone, DsIsTheParents) {
  const Parsed com = dnssec("com.", DS);
  EXPECT_TRUE(com.aa());
  ASSERT_EQ(com.answer().size(), 2U);
  const Parsed none = dnssec("ae.", DS);
  EXPECT_TRUE(none.aa());
  EXPECT_TRUE(none.answer().empty());
  EXPECT_TRUE(any_starts_with(none.authority(), "ae. 86400 NSEC"));
}

// Every name of the zone, a few types: the answer is readable, bounded, and the same over both transports.
TEST_F(RootZone, EveryName) {
  FILE* file = std::fopen((std::string(TEST_DATA) + "/root.zone").c_str(), "r");
  ASSERT_NE(file, nullptr);
  char line[4096];
  std::string last;
  std::size_t names = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    const std::string owner(line, std::string_view(line).find_first_of("\t "));
    if (owner == last) continue;
    last = owner;
    ++names;
    for (const std::uint16_t type : {A, NS, DS}) {
      const Parsed tcp = dnssec(owner, type);
      ASSERT_EQ(tcp.rcode(), 0U) << owner;
      ASSERT_FALSE(tcp.answer().empty() && tcp.authority().empty()) << owner;
      const Parsed udp = served_->udp(owner, type, {.dnssec = true, .payload = 4096});
      if (!udp.tc()) {
        ASSERT_EQ(udp.answer(), tcp.answer()) << owner;
      }
    }
  }
  std::fclose(file);
  EXPECT_GT(names, 5000U);
}

}  // namespace
