// Zones that are read again: what has not changed is the same bytes and is gone on with, however often that happens;
// what has changed is finished from the version in which it was begun, or not at all.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/reload_fixture.h"

namespace gl {
namespace {

using test::kLinger;
using test::Message;
using test::Reloaded;

constexpr std::uint16_t A = 1;
constexpr std::uint16_t NS = 2;
constexpr std::uint16_t CNAME = 5;
constexpr std::uint16_t MX = 15;
constexpr std::uint16_t TXT = 16;
constexpr std::uint16_t DS = 43;
constexpr std::uint16_t ANY = 255;

std::string zone(unsigned serial, const std::string& more = "", const std::string& origin = "example.") {
  return "$ORIGIN " + origin + "\n$TTL 300\n@ SOA ns h " + std::to_string(serial) +
         " 2 3 4 300\n@ NS ns\nns A 192.0.2.1\n" + more;
}
const std::string kHosts = "big TXT \"a\" \"b\"\nother A 192.0.2.9\n";

TEST(Reload, NothingChangedManyTimes) {
  Reloaded server({zone(1, kHosts)});
  const auto first = server.ask("big.example.", TXT);
  const auto* const published = server.published.load();
  for (int i = 0; i < 50; ++i) {
    server.read_again();
    server.pass(3);
    EXPECT_EQ(server.go_on("big.example.", TXT), first.bytes);
    EXPECT_EQ(server.go_on("big.example.", TXT, first.identity), first.bytes);
    EXPECT_EQ(server.ask("big.example.", TXT).identity, first.identity);
  }
  EXPECT_EQ(server.published.load(), published) << "it published what was published already";
  EXPECT_EQ(server.store->loads(), 51U);
  EXPECT_EQ(server.store->generation(), 1U);
}

TEST(Reload, OtherNamesChangeEverySecond) {
  Reloaded server({zone(1, kHosts)});
  const auto big = server.ask("big.example.", TXT);
  for (unsigned serial = 2; serial < 200; ++serial) {
    server.load(zone(serial, kHosts + "n" + std::to_string(serial) + " A 192.0.2.7\n"));
    server.pass(1);
    ASSERT_EQ(server.go_on("big.example.", TXT), big.bytes) << serial;
    ASSERT_EQ(server.go_on("big.example.", TXT, big.identity), big.bytes) << serial;
    ASSERT_EQ(server.ask("big.example.", TXT).identity, big.identity) << serial;
  }
  EXPECT_EQ(server.store->generation(), 199U);
}

TEST(Reload, WhatChangedIsFinishedFromItsOwnVersion) {
  Reloaded server({zone(1, "big TXT \"a\"\n")});
  server.pass(1000);
  const auto old = server.ask("big.example.", TXT);
  server.load(zone(2, "big TXT \"b\"\n"));
  const auto fresh = server.ask("big.example.", TXT);
  EXPECT_NE(fresh.bytes, old.bytes);
  EXPECT_NE(fresh.identity, old.identity);
  EXPECT_EQ(server.go_on("big.example.", TXT, old.identity), old.bytes);
  EXPECT_EQ(server.go_on("big.example.", TXT, fresh.identity), fresh.bytes);
  EXPECT_EQ(server.go_on("big.example.", TXT), std::nullopt) << "nobody knows which of the two was begun";
  server.pass(kLinger - 1);
  EXPECT_EQ(server.go_on("big.example.", TXT, old.identity), old.bytes);
  server.pass(1);
  EXPECT_EQ(server.go_on("big.example.", TXT, old.identity), std::nullopt);
  EXPECT_EQ(server.go_on("big.example.", TXT, fresh.identity), fresh.bytes);
  EXPECT_EQ(server.go_on("big.example.", TXT), fresh.bytes);
}

TEST(Reload, ChangedBack) {
  const std::string a = zone(1, "big TXT \"a\"\n");
  const std::string b = zone(2, "big TXT \"b\"\n");
  Reloaded server({a});
  const auto first = server.ask("big.example.", TXT);
  server.load(b);
  const auto second = server.ask("big.example.", TXT);
  server.load(a);
  EXPECT_EQ(server.ask("big.example.", TXT).bytes, first.bytes);
  EXPECT_EQ(server.go_on("big.example.", TXT), std::nullopt) << "it may have been begun from the second";
  EXPECT_EQ(server.go_on("big.example.", TXT, first.identity).value_or(first.bytes), first.bytes);
  EXPECT_EQ(server.go_on("big.example.", TXT, second.identity), second.bytes);
  EXPECT_EQ(server.go_on("ns.example.", A), server.ask("ns.example.", A).bytes);
  server.pass(kLinger);
  EXPECT_EQ(server.go_on("big.example.", TXT), first.bytes);
}

TEST(Reload, VersionsThatAreKeptAreFewAndSmall) {
  std::string much;
  for (int i = 0; i < 200; ++i)
    much.append("n").append(std::to_string(i)).append(" TXT \"").append(200, 'x').append("\"\n");
  const auto small = [](unsigned serial) {
    return zone(serial, std::string("big TXT ").append(std::to_string(serial)).append("\n"), "small.");
  };
  // Where all that changes is small, several versions of it are kept; a large zone is kept once beside itself.
  Reloaded server({zone(1, much), small(1)});
  const auto* const large = server.published.load()->current->zones()[0].get();
  std::vector<Reloaded::Given> given;
  for (unsigned serial = 2; serial < 12; ++serial) {
    given.push_back(server.ask("big.small.", TXT));
    server.load(small(serial), 1);
    EXPECT_EQ(server.published.load()->current->zones()[0].get(), large) << "it was loaded anew";
  }
  ASSERT_NE(server.published.load()->kept.back(), nullptr);
  for (std::size_t i = given.size() - zone::kMaxKept; i < given.size(); ++i) {
    EXPECT_EQ(server.go_on("big.small.", TXT, given[i].identity), given[i].bytes) << i;
  }
  EXPECT_EQ(server.go_on("big.small.", TXT, given[given.size() - zone::kMaxKept - 1].identity), std::nullopt);
  for (unsigned serial = 2; serial < 5; ++serial) server.load(zone(serial, much));
  EXPECT_NE(server.published.load()->kept[0], nullptr);
  EXPECT_EQ(server.published.load()->kept[1], nullptr) << "more memory than for one version more";
  EXPECT_EQ(server.go_on("n7.example.", TXT), server.ask("n7.example.", TXT).bytes);
}

// The name goes, and the serial stays.
TEST(Reload, NameRemoved) {
  Reloaded server({zone(1, kHosts + "gone A 192.0.2.5\n")});
  const auto there = server.ask("gone.example.", A);
  const auto absent = server.ask("absent.example.", A);
  const auto other = server.ask("other.example.", A);
  server.load(zone(1, kHosts));
  const auto gone = server.ask("gone.example.", A);
  EXPECT_NE(gone.identity, there.identity);
  EXPECT_EQ(server.go_on("gone.example.", A), std::nullopt);
  EXPECT_EQ(server.go_on("gone.example.", A, there.identity), there.bytes);
  EXPECT_EQ(server.go_on("absent.example.", A, absent.identity), absent.bytes);
  EXPECT_EQ(server.go_on("absent.example.", A), absent.bytes) << "both versions are kept and say so";
  EXPECT_EQ(server.ask("other.example.", A).identity, other.identity);
}

TEST(Reload, TypeRemoved) {
  Reloaded server({zone(1, kHosts + "two A 192.0.2.5\ntwo TXT \"t\"\n")});
  const auto txt = server.ask("two.example.", TXT);
  const auto a = server.ask("two.example.", A);
  const auto any = server.ask("two.example.", ANY);
  const auto mx = server.ask("two.example.", MX);
  server.load(zone(1, kHosts + "two A 192.0.2.5\n"));
  EXPECT_EQ(server.ask("two.example.", A).identity, a.identity);
  EXPECT_NE(server.ask("two.example.", TXT).identity, txt.identity);
  EXPECT_NE(server.ask("two.example.", ANY).identity, any.identity);
  EXPECT_EQ(server.go_on("two.example.", ANY, any.identity), any.bytes);
  EXPECT_EQ(server.go_on("two.example.", TXT, txt.identity), txt.bytes);
  EXPECT_EQ(server.go_on("two.example.", MX, mx.identity), mx.bytes);
}

TEST(Reload, Wildcards) {
  const std::string wild = "*.w A 192.0.2.5\na.w TXT \"t\"\n";
  Reloaded server({zone(1, wild + kHosts)});
  const auto at = [&](const std::string& name) { return server.ask(name, A); };
  const auto x = at("x.w.example.");
  // Names elsewhere, and a new serial.
  server.load(zone(2, wild + kHosts + "new A 192.0.2.6\n"));
  EXPECT_EQ(at("x.w.example.").identity, x.identity);
  // A name beside the one that the wildcard stands in for.
  server.load(zone(3, wild + kHosts + "x.w TXT \"u\"\n"));
  EXPECT_NE(at("x.w.example.").bytes, x.bytes);
  EXPECT_EQ(server.go_on("x.w.example.", A), std::nullopt);
  EXPECT_EQ(server.go_on("x.w.example.", A, x.identity), x.bytes);
  // Below it: the name between is there now, and has nothing.
  server.load(zone(3, wild + kHosts + "b.y.w TXT \"u\"\n"));
  EXPECT_EQ(server.go_on("y.w.example.", A), std::nullopt);
  // The wildcard itself goes.
  server.load(zone(3, "a.w TXT \"t\"\n" + kHosts));
  EXPECT_EQ(server.go_on("x.w.example.", A), std::nullopt);
}

TEST(Reload, Negative) {
  Reloaded server({zone(1, kHosts)});
  server.pass(1000);
  const auto absent = server.ask("absent.example.", A);
  const auto no_type = server.ask("other.example.", TXT);
  // Nothing but another answer changes: the same SOA, the same names.
  server.load(zone(1, "big TXT \"c\"\nother A 192.0.2.9\n"));
  server.load(zone(1, "big TXT \"d\"\nother A 192.0.2.9\n"));
  EXPECT_EQ(server.ask("absent.example.", A).identity, absent.identity);
  EXPECT_EQ(server.go_on("absent.example.", A), absent.bytes);
  EXPECT_EQ(server.go_on("other.example.", TXT), no_type.bytes);
  server.load(zone(2, "big TXT \"d\"\nother A 192.0.2.9\n"));
  EXPECT_EQ(server.go_on("absent.example.", A), std::nullopt);
  EXPECT_EQ(server.go_on("absent.example.", A, absent.identity), absent.bytes);
  server.load(zone(2, "big TXT \"d\"\nother A 192.0.2.9\nabsent A 192.0.2.8\n"));
  EXPECT_EQ(server.go_on("absent.example.", A), std::nullopt);
}

TEST(Reload, ReferralsAndAliases) {
  const std::string cut = "sub NS ns.sub\nns.sub A 192.0.2.20\n";
  const std::string alias = "c CNAME t\nt A 192.0.2.21\nd DNAME e\nx.e A 192.0.2.22\n";
  Reloaded server({zone(1, cut + alias)});
  const auto referral = server.ask("www.sub.example.", A);
  const auto c = server.ask("c.example.", A);
  const auto d = server.ask("x.d.example.", A);
  server.load(zone(2, cut + alias + "more A 192.0.2.23\n"));
  server.load(zone(3, cut + alias + "more A 192.0.2.24\nother.sub A 192.0.2.25\n"));
  EXPECT_EQ(server.ask("www.sub.example.", A).identity, referral.identity);
  EXPECT_EQ(server.ask("c.example.", A).identity, c.identity);
  EXPECT_EQ(server.ask("x.d.example.", A).identity, d.identity);
  // The glue, the alias's target and what the DNAME leads to.
  server.load(zone(4, "sub NS ns.sub\nns.sub A 192.0.2.26\nc CNAME t\nt A 192.0.2.27\nd DNAME e\nx.e A 192.0.2.28\n"));
  for (const auto& [name, begun] : {std::pair{"www.sub.example.", referral}, {"c.example.", c}, {"x.d.example.", d}}) {
    EXPECT_NE(server.ask(name, A).bytes, begun.bytes);
    EXPECT_EQ(server.go_on(name, A), std::nullopt);
    EXPECT_EQ(server.go_on(name, A, begun.identity), begun.bytes);
  }
  // The delegation goes: what was below it is ours.
  const auto before = server.ask("www.sub.example.", A);
  server.load(zone(5, "www.sub A 192.0.2.29\n" + alias));
  EXPECT_EQ(server.go_on("www.sub.example.", A), std::nullopt);
  EXPECT_EQ(server.go_on("www.sub.example.", A, before.identity), before.bytes);
}

TEST(Reload, ZoneAddedAndRemoved) {
  const std::string parent = zone(1, "sub NS ns.sub\nsub DS 1 8 2 " + std::string(64, 'A') + "\nns.sub A 192.0.2.20\n");
  const std::string child = zone(1, "www A 192.0.2.30\n", "sub.example.");
  const std::string elsewhere = zone(1, "www A 192.0.2.31\n", "elsewhere.");
  Reloaded server({parent, elsewhere, zone(1, "", "third.")});
  server.pass(1000);
  const auto referral = server.ask("www.sub.example.", A);
  const auto refused = server.ask("www.fourth.", A);
  const auto unmoved = server.ask("www.third.", A);
  const auto away = server.ask("www.elsewhere.", A);
  const auto ds = server.ask("sub.example.", DS);
  server.load(child, 1);
  EXPECT_NE(server.ask("www.sub.example.", A).bytes, referral.bytes);
  EXPECT_EQ(server.go_on("www.sub.example.", A), std::nullopt);
  EXPECT_EQ(server.go_on("www.sub.example.", A, referral.identity), referral.bytes);
  EXPECT_EQ(server.go_on("www.elsewhere.", A), std::nullopt);
  EXPECT_EQ(server.go_on("www.elsewhere.", A, away.identity), away.bytes);
  EXPECT_EQ(server.go_on("www.fourth.", A), refused.bytes);
  EXPECT_EQ(server.ask("www.third.", A).identity, unmoved.identity);
  EXPECT_EQ(server.go_on("sub.example.", DS), ds.bytes);
  // The parent goes: the child is asked for its own DS.
  server.load(zone(1, "", "fourth."), 0);
  EXPECT_EQ(server.go_on("sub.example.", DS), std::nullopt);
  EXPECT_EQ(server.go_on("sub.example.", DS, ds.identity), ds.bytes);
  EXPECT_EQ(server.ask("www.third.", A).identity, unmoved.identity);
}

TEST(Reload, SignedAnew) {
  const auto signed_zone = [](const std::string& signature) {
    const auto sig = [&](const std::string& type) {
      return std::string("RRSIG ") + type + " 8 2 300 20300101000000 20200101000000 1 example. " + signature + "\n";
    };
    return zone(1, "@ NSEC www NS SOA NSEC\n@ " + sig("NSEC") + "@ " + sig("SOA") + "www A 192.0.2.5\nwww " + sig("A") +
                       "www NSEC @ A NSEC\nwww " + sig("NSEC"));
  };
  Reloaded server({signed_zone("AAAA")});
  const auto plain = server.ask("www.example.", A);
  const auto with = server.ask("www.example.", A, true);
  const auto absent = server.ask("zzz.example.", A);
  const auto proof = server.ask("zzz.example.", A, true);
  server.load(signed_zone("BBBB"));
  server.load(signed_zone("CCCC"));
  EXPECT_EQ(server.ask("www.example.", A).identity, plain.identity);
  EXPECT_EQ(server.go_on("www.example.", A), plain.bytes);
  EXPECT_EQ(server.go_on("zzz.example.", A), absent.bytes);
  EXPECT_EQ(server.go_on("www.example.", A, 0, true), std::nullopt);
  EXPECT_EQ(server.go_on("zzz.example.", A, 0, true), std::nullopt);
  EXPECT_NE(server.ask("www.example.", A, true).identity, with.identity);
  EXPECT_NE(server.ask("zzz.example.", A, true).identity, proof.identity);
}

TEST(Reload, ConstantsAreConstant) {
  Reloaded server({zone(1)});
  const Message not_implemented = test::query("example.", A, {.flags = 0x2800});
  const auto first = server.ask(not_implemented);
  server.load(zone(2));
  server.load(zone(3));
  EXPECT_EQ(server.ask(not_implemented).identity, first.identity);
  EXPECT_EQ(server.go_on(not_implemented, 0), first.bytes);
  EXPECT_EQ(server.go_on("version.bind.", 251), server.ask("version.bind.", 251).bytes);
}

// ANY without a block of its own, and which of the RRsets it then is.
TEST(Reload, AnyTooLargeForAMessage) {
  const auto strings = [](char letter, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text.append(" \"").append(250, letter).append("\"");
    return text;
  };
  const std::string large = "l TXT" + strings('x', 150) + "\n";
  const auto rest = [&](int a, int b) {
    std::string text;
    const auto add = [&](const char* type, int number) {
      text.append("l ")
          .append(type)
          .append(" \\# 250 ")
          .append(496, '0')
          .append(std::to_string(1000 + number))
          .append("\n");
    };
    for (int i = 0; i < a; ++i) add("TYPE65300", i);
    for (int i = 0; i < b; ++i) add("TYPE65301", i);
    return text;
  };
  Reloaded server({zone(1, large + rest(90, 91))});
  server.pass(1000);
  const auto any = server.ask("l.example.", ANY);
  const auto first = server.ask("l.example.", 65300);
  server.load(zone(1, large + rest(90, 89)));
  EXPECT_NE(server.ask("l.example.", ANY).bytes, any.bytes);
  EXPECT_EQ(server.go_on("l.example.", ANY), std::nullopt);
  EXPECT_EQ(server.go_on("l.example.", ANY, any.identity), any.bytes);
  EXPECT_EQ(server.go_on("l.example.", 65300), first.bytes);
}

}  // namespace
}  // namespace gl
