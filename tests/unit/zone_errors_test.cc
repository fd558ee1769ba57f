// What a zone file may have wrong: each gives one line `FILE:LINE: reason`, and no zone.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/unit/dns_test_support.h"

namespace {

using namespace gl;
using test::TempFile;

const std::string kHead =
    "$ORIGIN example.\n"                               // 1
    "$TTL 300\n"                                       // 2
    "@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"  // 3
    "@ IN NS ns1\n"                                    // 4
    "ns1 IN A 192.0.2.1\n";                            // 5

struct Case {
  const char* name;
  std::string text;
  int line;  // 0: the file as a whole
  std::string reason;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class ZoneError : public testing::TestWithParam<Case> {};

TEST_P(ZoneError, NamesFileLineAndReason) {
  const TempFile file(GetParam().text);
  const auto loaded = zone::load_zones(std::vector<zone::ZoneSource>{{file.path(), ""}});
  ASSERT_FALSE(loaded.ok());
  const std::string& error = loaded.error();
  const std::string line = GetParam().line == 0 ? "" : std::to_string(GetParam().line) + ":";
  EXPECT_TRUE(error.starts_with(file.path() + ":" + line + " ")) << error;
  EXPECT_NE(error.find(GetParam().reason), std::string::npos) << error;
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(
    Files, ZoneError,
    testing::Values(Case{"empty", "", 0, "no SOA"}, Case{"only_comments", "; nothing\n\n", 0, "no SOA"},
                    Case{"no_soa", "$ORIGIN example.\n$TTL 5\n@ IN NS ns1\n", 0, "no SOA"},
                    Case{"no_ns", "$ORIGIN example.\n@ 5 IN SOA a b 1 2 3 4 5\nns1 5 IN A 192.0.2.1\n", 2,
                         "no NS record at example."},
                    Case{"syntax", kHead + "x IN A not-an-address\n", 6, "invalid address character"},
                    Case{"unknown_type", kHead + "x IN NONSENSE 1\n", 6, ""},
                    Case{"missing_data", kHead + "x IN MX 10\n", 6, ""},
                    Case{"second_soa", kHead + "@ IN SOA ns1 hostmaster 2 7200 900 1209600 60\n", 6,
                         "a second SOA; the first is on line 3"},
                    Case{"soa_elsewhere", kHead + "sub IN SOA ns1 hostmaster 1 7200 900 1209600 60\n", 6, "second SOA"},
                    Case{"outside", kHead + "www.example.org. IN A 192.0.2.2\n", 6,
                         "www.example.org. is outside the zone example."},
                    Case{"outside_by_letters", kHead + "notexample. IN A 192.0.2.2\n", 6, "outside the zone"},
                    Case{"class_chaos", kHead + "x CH TXT \"x\"\n", 6, "or a class that is not IN"},
                    Case{"cname_and_a", kHead + "x IN A 192.0.2.1\nx IN CNAME ns1\n", 7,
                         "CNAME and other data (A) at x.example."},
                    Case{"cname_at_apex", kHead + "@ IN CNAME ns1\n", 6, "CNAME and other data"},
                    Case{"two_cnames", kHead + "x IN CNAME a\nx IN CNAME b\n", 7, "more than one CNAME at x.example."},
                    Case{"two_dnames", kHead + "x IN DNAME a\nx IN DNAME b\n", 7, "more than one DNAME"},
                    Case{"no_name_in_data", kHead + "x IN CNAME \\# 0\n", 6, ""},
                    Case{"half_a_soa", "$ORIGIN e.\n@ 5 IN SOA \\# 3 016100\n@ 5 IN NS a\n", 2, ""},
                    Case{"mx_without_host", kHead + "x IN MX \\# 2 000a\n", 6, ""},
                    Case{"iterations", kHead + "@ IN NSEC3PARAM 1 0 151 -\n", 6, "more than 150 NSEC3 iterations"},
                    Case{"include_nothing", kHead + "$INCLUDE other.zone\n", 6, "$INCLUDE other.zone: No such file"},
                    Case{"include_outside", kHead + "$INCLUDE /etc/passwd\n", 6, "only files in the zone's folder"},
                    Case{"meta_type", kHead + "x IN TYPE255 \\# 0\n", 6, "not a type that a zone can hold"}),
    [](const auto& tested) { return tested.param.name; });

zone::ZoneSource source(const TempFile& file, const std::string& origin = "") {
  return {file.path(), origin};
}

TEST(ZoneLoad, MissingFileAndDirectory) {
  const auto missing = zone::load_zones(std::vector<zone::ZoneSource>{{"/nonexistent/zone", ""}});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error(), "/nonexistent/zone: No such file or directory");
  const auto folder = zone::load_zones(std::vector<zone::ZoneSource>{{"/tmp", ""}});
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error(), "/tmp: is a directory");
}

TEST(ZoneLoad, OriginGivenFromOutside) {
  const TempFile relative(
      "@ 300 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.1\n");
  const auto loaded = zone::load_zones(std::vector{source(relative, "Example.ORG")});
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  ASSERT_EQ(loaded->snapshot->list().size(), 1U);
  EXPECT_EQ(loaded->snapshot->list()[0].records, 3U);
  const TempFile other(kHead);
  const auto differs = zone::load_zones(std::vector{source(other, "example.org.")});
  ASSERT_FALSE(differs.ok());
  EXPECT_EQ(differs.error(), other.path() + ":3: the SOA is at example., not at example.org.");
  const auto bad = zone::load_zones(std::vector{source(other, "a..b")});
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error(), other.path() + ": origin 'a..b' is not a domain name");
}

TEST(ZoneLoad, SameZoneTwice) {
  const TempFile a(kHead);
  const TempFile b(kHead);
  const auto loaded = zone::load_zones(std::vector{source(a), source(b)});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error(), b.path() + ": the zone example. is already in " + a.path());
}

TEST(ZoneLoad, TellsAboutItself) {
  const TempFile file(kHead);
  const auto loaded = zone::load_zones(std::vector{source(file)});
  ASSERT_TRUE(loaded.ok());
  const auto list = loaded->snapshot->list();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].origin, "example.");
  EXPECT_EQ(list[0].path, file.path());
  EXPECT_EQ(list[0].serial, 1U);
  EXPECT_EQ(list[0].records, 3U);
  EXPECT_TRUE(loaded->warnings.empty());
}

// A set that fits no message costs that set, not the zone.
TEST(ZoneLoad, ASetThatFitsNoMessage) {
  std::string text = kHead;
  for (int i = 0; i < 400; ++i) {
    text += "big IN TXT \"" + std::to_string(i) + std::string(200, 'x') + "\"\n";
  }
  text += "ok IN A 192.0.2.7\n";
  const TempFile file(text);
  test::Served served{{{file.path(), ""}}};
  ASSERT_EQ(served.warnings.size(), 1u);
  EXPECT_EQ(served.warnings[0], file.path() + ":6: TXT of big.example. fits no DNS message");
  EXPECT_EQ(served.tcp("big.example.", 16).rcode(), 2u);
  const test::Parsed datagram = served.udp("big.example.", 16, {.edns = true, .payload = 1232});
  EXPECT_TRUE(datagram.tc());
  EXPECT_EQ(served.tcp("big.example.", 1).rcode(), 0u);
  EXPECT_EQ(served.tcp("ok.example.", 1).answer().size(), 1u);
  // Read again it is as it was; smaller it is answered.
  const auto again = zone::load_zones(std::vector{source(file)}, served.snapshot.get());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->snapshot->generation(), served.snapshot->generation());
  std::ofstream(file.path()) << kHead << "big IN TXT \"small\"\n";
  const auto smaller = zone::load_zones(std::vector{source(file)}, served.snapshot.get());
  ASSERT_TRUE(smaller.ok());
  EXPECT_NE(smaller->snapshot->generation(), served.snapshot->generation());
}

TEST(ZoneLoad, NsAndDnameAtAWildcardAreServed) {
  const TempFile file(kHead + "*.x IN NS ns1\n*.y IN DNAME ns1\n");
  const auto loaded = zone::load_zones(std::vector{source(file)});
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  ASSERT_EQ(loaded->warnings.size(), 2u);
  EXPECT_EQ(loaded->warnings[0].path, file.path());
  EXPECT_EQ(loaded->warnings[0].origin, "example.");
  EXPECT_EQ(loaded->warnings[0].text, file.path() + ":6: NS at a wildcard stands in for no name (RFC 4592 4)");
  EXPECT_EQ(loaded->warnings[1].text, file.path() + ":7: DNAME at a wildcard stands in for no name (RFC 4592 4)");
}

TEST(ZoneLoad, WarnsOfWhatIsOdd) {
  const TempFile file(kHead +
                      "sub IN NS ns.sub\n"               // 6: no glue
                      "sub IN TXT \"hidden\"\n"          // 7
                      "x 60 IN A 192.0.2.1\n"            // 8
                      "x 90 IN A 192.0.2.2\n"            // 9: other TTL
                      "below.sub IN TXT \"hidden\"\n");  // 10
  const auto loaded = zone::load_zones(std::vector{source(file)});
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  const auto has = [&](const std::string& line) {
    return std::ranges::any_of(loaded->warnings, [&](const zone::ZoneWarning& warning) {
      return warning.text.starts_with(file.path() + ":" + line);
    });
  };
  EXPECT_TRUE(has("6: no glue for ns.sub.example."));
  EXPECT_TRUE(has("9: TTLs of the A records of x.example. differ"));
  EXPECT_TRUE(has("10: TXT of below.sub.example. is hidden by the delegation at sub.example."));
}

TEST(ZoneLoad, DuplicatesAndTheEndOfATransferAreMerged) {
  const TempFile file(kHead +
                      "x IN NS Target\nx IN NS tARGET\nx IN A 192.0.2.1\nX IN A 192.0.2.1\n"
                      "@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n");
  const auto loaded = zone::load_zones(std::vector{source(file)});
  ASSERT_TRUE(loaded.ok()) << loaded.error();
  EXPECT_EQ(loaded->snapshot->list()[0].records, 5U);
}

TEST(ZoneLoad, NothingAtAllIsFine) {
  const auto loaded = zone::load_zones({});
  ASSERT_TRUE(loaded.ok());
  EXPECT_TRUE(loaded->snapshot->list().empty());
}

}  // namespace
