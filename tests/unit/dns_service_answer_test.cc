// Every kind of answer, from a small unsigned zone. Signed ones: dns_service_root_test and tests/differential.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/unit/dns_test_support.h"

namespace {

using namespace gl;
using test::any_starts_with;
using test::Ask;
using test::Parsed;
using Lines = std::vector<std::string>;
enum : std::uint16_t { A = 1, NS = 2, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28, DS = 43, ANY = 255 };

const std::string kSoa = "example. 60 SOA ns1.example. hostmaster.example. 1 7200 900 1209600 60";

class Answers : public testing::Test {
 protected:
  test::TempFile file_{R"($ORIGIN example.
$TTL 300
@ IN SOA ns1 hostmaster 1 7200 900 1209600 60
@ IN NS ns1
@ IN MX 10 mail
@ IN MX 20 mail.elsewhere.
ns1 IN A 192.0.2.1
mail IN A 192.0.2.2
mail IN AAAA 2001:db8::2
www IN CNAME web
web IN A 192.0.2.3
out IN CNAME www.elsewhere.
loop1 IN CNAME loop2
loop2 IN CNAME loop1
dangling IN CNAME nothing
*.wild IN TXT "wild"
*.walias IN CNAME web
deep.ent IN A 192.0.2.4
sub IN NS ns.sub
sub IN NS ns.other
sub IN NS ns1
ns.sub IN A 192.0.2.5
other IN NS ns.other
ns.other IN A 192.0.2.6
dn IN DNAME web
dn2 IN DNAME long-label-long-label-long-label-long-label-long-label-long-la.long-label-long-label-long-label-long-label-long-label-long-la
below.web IN A 192.0.2.7
)"};
  test::Served served_{{{file_.path(), ""}}};

  Parsed ask(const std::string& name, std::uint16_t type) { return served_.tcp(name, type); }
};

TEST_F(Answers, ExactWithTheClientsLetterCase) {
  const Parsed p = ask("WeB.eXample.", A);
  EXPECT_EQ(p.rcode(), 0U);
  EXPECT_TRUE(p.aa());
  EXPECT_EQ(p.answer(), Lines{"WeB.eXample. 300 A 192.0.2.3"});
  EXPECT_TRUE(p.authority().empty());
  EXPECT_EQ(p.wire[5], 1);
}

TEST_F(Answers, MailWithAddresses) {
  const Parsed p = ask("example.", MX);
  EXPECT_EQ(p.answer(), (Lines{"example. 300 MX 10 mail.example.", "example. 300 MX 20 mail.elsewhere."}));
  EXPECT_EQ(p.additional(), (Lines{"mail.example. 300 A 192.0.2.2", "mail.example. 300 AAAA 2001:db8::2"}));
}

TEST_F(Answers, NoDataAndNoName) {
  for (const char* name : {"web.example.", "ent.example.", "example."}) {
    const Parsed p = ask(name, DS);
    EXPECT_EQ(p.rcode(), 0U) << name;
    EXPECT_TRUE(p.aa());
    EXPECT_TRUE(p.answer().empty());
    EXPECT_EQ(p.authority(), Lines{kSoa});
  }
  for (const char* name : {"no.example.", "a.b.c.no.example.", "no.ent.example.", "no.web.example."}) {
    const Parsed p = ask(name, A);
    EXPECT_EQ(p.rcode(), 3U) << name;
    EXPECT_EQ(p.authority(), Lines{kSoa});
  }
}

TEST_F(Answers, Aliases) {
  EXPECT_EQ(ask("www.example.", A).answer(),
            (Lines{"www.example. 300 CNAME web.example.", "web.example. 300 A 192.0.2.3"}));
  EXPECT_EQ(ask("www.example.", CNAME).answer(), Lines{"www.example. 300 CNAME web.example."});
  EXPECT_EQ(ask("out.example.", A).answer(), Lines{"out.example. 300 CNAME www.elsewhere."});
  EXPECT_EQ(ask("loop1.example.", A).answer(),
            (Lines{"loop1.example. 300 CNAME loop2.example.", "loop2.example. 300 CNAME loop1.example."}));
  const Parsed nodata = ask("www.example.", MX);
  EXPECT_EQ(nodata.rcode(), 0U);
  EXPECT_EQ(nodata.authority(), Lines{kSoa});
  const Parsed dangling = ask("dangling.example.", A);  // RFC 6604
  EXPECT_EQ(dangling.rcode(), 3U);
  EXPECT_EQ(dangling.answer().size(), 1U);
  EXPECT_EQ(dangling.authority(), Lines{kSoa});
}

// RFC 6672 section 3.2: the same DNAME may be met again; only a circle, or a name that grows, ends the chain.
TEST(Aliases, ADnameTwice) {
  test::Served served{{{std::string(TEST_DATA) + "/zones/dname_twice.zone", ""}}};
  const Parsed p = served.tcp("y.d.d.test.", A);
  EXPECT_EQ(p.rcode(), 0U);
  EXPECT_EQ(p.answer(), (Lines{"d.d.test. 3600 DNAME t.d.test.", "y.d.d.test. 3600 CNAME y.t.d.test.",
                               "y.t.d.test. 3600 CNAME z.d.d.test.", "z.d.d.test. 3600 CNAME z.t.d.test.",
                               "z.t.d.test. 3600 A 192.0.2.3"}));
  const Parsed up = served.tcp("x.up.up.d.test.", A);
  EXPECT_EQ(up.rcode(), 3U);
  EXPECT_EQ(up.answer().size(), 3U);
  EXPECT_TRUE(any_starts_with(up.authority(), "d.test. 60 SOA"));
}

// RFC 4592 section 4.1: a zone may begin at a name whose first label is `*`.
TEST(Aliases, AZoneAtAnAsterisk) {
  test::Served served{{{std::string(TEST_DATA) + "/zones/star_apex.zone", ""}}};
  EXPECT_TRUE(any_starts_with(served.tcp("*.w.test.", SOA).answer(), "*.w.test. 3600 SOA"));
  EXPECT_EQ(served.tcp("a.*.w.test.", A).rcode(), 3U);
  EXPECT_EQ(served.tcp("a.w.test.", A).rcode(), 5U);
}

// RFC 5155 section 4.1.2: an NSEC3PARAM with flags is passed over.
TEST(Denial, AnNsec3paramWithFlagsIsNone) {
  test::Served served{{{std::string(TEST_DATA) + "/zones/nsec3param_flag1.zone", ""}}};
  const Parsed p = served.tcp("nx.n.test.", A, {.edns = true, .dnssec = true});
  EXPECT_EQ(p.rcode(), 3U);
  EXPECT_EQ(std::count_if(p.authority().begin(), p.authority().end(),
                          [](const std::string& r) { return r.find(" 60 NSEC3 1 ") != std::string::npos; }),
            2);
}

// RFC 6604 section 3: the rcode is that of the chain's end, whether it fits or not.
TEST(Aliases, TheEndOfAChainThatIsCut) {
  std::string text = "$ORIGIN c.\n$TTL 5\n@ IN SOA a b 1 2 3 4 5\n@ IN NS a\n";
  for (int i = 0; i < 30; ++i) {
    text.append("n").append(std::to_string(i)).append(".a-label-that-takes-some-room.another CNAME n");
    text.append(std::to_string(i + 1)).append(".a-label-that-takes-some-room.another\n");
  }
  const test::TempFile file(text);
  test::Served served{{{file.path(), ""}}};
  const std::string name = "n0.a-label-that-takes-some-room.another.c.";
  const Parsed over_tcp = served.tcp(name, A);
  EXPECT_EQ(over_tcp.rcode(), 3U);
  EXPECT_EQ(over_tcp.answer().size(), 30U);
  const Parsed over_udp = served.udp(name, A);
  EXPECT_TRUE(over_udp.tc());
  EXPECT_EQ(over_udp.rcode(), 3U);
}

TEST_F(Answers, AChainHasAnEnd) {
  std::string text = "$ORIGIN c.\n$TTL 5\n@ IN SOA a b 1 2 3 4 5\n@ IN NS a\n";
  for (int i = 0; i < 70; ++i)
    text.append("n").append(std::to_string(i)).append(" IN CNAME n").append(std::to_string(i + 1)).append("\n");
  text += "n70 IN A 192.0.2.1\n";
  const test::TempFile file(text);
  test::Served served{{{file.path(), ""}}};
  const Parsed p = served.tcp("n0.c.", A);
  EXPECT_EQ(p.rcode(), 0U);
  EXPECT_EQ(p.answer().size(), zone::kMaxAliases);
  EXPECT_EQ(served.tcp("n16.c.", A).answer().size(), 55U);
}

TEST_F(Answers, Wildcards) {
  EXPECT_EQ(ask("a.b.wild.example.", TXT).answer(), Lines{"a.b.wild.example. 300 TXT \"wild\""});
  EXPECT_EQ(ask("x.wild.example.", A).authority(), Lines{kSoa});
  EXPECT_EQ(ask("x.wild.example.", A).rcode(), 0U);
  EXPECT_EQ(ask("x.walias.example.", A).answer(),
            (Lines{"x.walias.example. 300 CNAME web.example.", "web.example. 300 A 192.0.2.3"}));
  EXPECT_EQ(ask("wild.example.", TXT).authority(), Lines{kSoa});
}

TEST_F(Answers, Delegation) {
  for (const char* name : {"sub.example.", "a.b.sub.example.", "ns.sub.example."}) {
    const Parsed p = ask(name, A);
    EXPECT_EQ(p.rcode(), 0U);
    EXPECT_FALSE(p.aa());
    EXPECT_TRUE(p.answer().empty());
    EXPECT_EQ(p.authority(), (Lines{"sub.example. 300 NS ns.sub.example.", "sub.example. 300 NS ns.other.example.",
                                    "sub.example. 300 NS ns1.example."}));
    EXPECT_EQ(p.additional(), (Lines{"ns.sub.example. 300 A 192.0.2.5", "ns.other.example. 300 A 192.0.2.6",
                                     "ns1.example. 300 A 192.0.2.1"}));
  }
  const Parsed ds = ask("sub.example.", DS);  // the parent's to answer
  EXPECT_TRUE(ds.aa());
  EXPECT_EQ(ds.authority(), Lines{kSoa});
  EXPECT_FALSE(ask("x.sub.example.", DS).aa());
}

TEST_F(Answers, Redirection) {
  EXPECT_EQ(ask("below.dn.example.", A).answer(),
            (Lines{"dn.example. 300 DNAME web.example.", "below.dn.example. 300 CNAME below.web.example.",
                   "below.web.example. 300 A 192.0.2.7"}));
  EXPECT_EQ(ask("dn.example.", A).authority(), Lines{kSoa});
  const std::string l63(63, 'x');
  EXPECT_EQ(ask(l63 + "." + l63 + ".a.dn2.example.", A).rcode(), 6U);  // YXDOMAIN
}

TEST_F(Answers, Any) {
  const Parsed p = ask("example.", ANY);
  EXPECT_EQ(p.answer().size(), 4U);
  EXPECT_EQ(ask("ent.example.", ANY).authority(), Lines{kSoa});
  EXPECT_EQ(ask("web.example.", ANY).answer(), Lines{"web.example. 300 A 192.0.2.3"});
  services::DnsSettings minimal;
  minimal.udp_minimal_any = true;
  test::Served served({{file_.path(), ""}}, minimal);
  EXPECT_EQ(served.udp("example.", ANY).answer(), Lines{"example. 300 NS ns1.example."});
  EXPECT_EQ(served.tcp("example.", ANY).answer().size(), 4U);
}

TEST_F(Answers, NotOurs) {
  EXPECT_EQ(ask("elsewhere.", A).rcode(), 5U);
  EXPECT_EQ(ask(".", NS).rcode(), 5U);
  EXPECT_EQ(ask("example.", 252).rcode(), 5U);  // AXFR
  EXPECT_EQ(ask("example.", 251).rcode(), 5U);
}

TEST_F(Answers, NearestZoneWins) {
  const test::TempFile child("$ORIGIN sub.example.\n$TTL 5\n@ IN SOA ns h 2 2 3 4 5\n@ IN NS ns\nns IN A 192.0.2.5\n");
  test::Served served{{{file_.path(), ""}, {child.path(), ""}}};
  EXPECT_EQ(served.tcp("ns.sub.example.", A).answer(), Lines{"ns.sub.example. 5 A 192.0.2.5"});
  EXPECT_TRUE(served.tcp("sub.example.", NS).aa());
  EXPECT_EQ(served.tcp("sub.example.", DS).authority(), Lines{kSoa});
  EXPECT_TRUE(any_starts_with(served.tcp("x.sub.example.", A).authority(), "sub.example. 5 SOA"));
  test::Served alone{{{child.path(), ""}}};  // without the parent the child says what it knows
  EXPECT_TRUE(any_starts_with(alone.tcp("sub.example.", DS).authority(), "sub.example. 5 SOA"));
}

// Behind some 11 KB of aliases and their signatures the compression pointers of a large set would reach too far (RFC
// 1035 4.1.4: 14 bits). The aliases are an answer all the same: the resolver asks again from the last one.
TEST_F(Answers, AliasesTooLongForWhatFollows) {
  const std::string below = "." + std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c');
  std::string text = "$ORIGIN example.\n$TTL 5\n@ IN SOA ns h 1 2 3 4 5\n@ IN NS ns\n";
  for (int i = 10; i < 24; ++i) {
    const std::string owner = "n" + std::to_string(i) + below;
    text += owner + " IN CNAME n" + std::to_string(i + 1) + below + "\n";
    text += owner + " IN RRSIG CNAME 8 5 5 20361231000000 20260101000000 1 example. " + std::string(800, 'A') + "\n";
  }
  for (int i = 100; i < 400; ++i) {
    const std::string n = std::to_string(i / 2);
    text += "n24" + below + " IN MX 1 " + (i % 2 == 0 ? "m" : "w.m") + n + "." + std::string(40, 'q') + n + ".test.\n";
  }
  const test::TempFile file(text);
  test::Served served{{{file.path(), ""}}};
  EXPECT_EQ(served.tcp("n24" + below + ".example.", MX, {.dnssec = true}).answer().size(), 300U);
  EXPECT_EQ(served.tcp("n10" + below + ".example.", MX).answer().size(), 14U + 300U);
  const Parsed p = served.tcp("n10" + below + ".example.", MX, {.dnssec = true});
  EXPECT_EQ(p.rcode(), 0U);
  EXPECT_EQ(p.answer().size(), 28U);
}

}  // namespace
