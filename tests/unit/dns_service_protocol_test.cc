// What surrounds an answer: header, EDNS, limits of a datagram, classes, continuation, silence.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/dns_test_support.h"

namespace {

using namespace gl;
using test::Ask;
using test::Message;
using test::Parsed;
using test::query;
enum : std::uint16_t { A = 1, NS = 2, TXT = 16, ANY = 255 };

std::string zone_text(int serial, const std::string& address) {
  std::string text = "$ORIGIN example.\n$TTL 300\n@ IN SOA ns1 h " + std::to_string(serial) +
                     " 2 3 4 60\n@ IN NS ns1\nns1 IN A 192.0.2.1\nx IN A " + address + "\n";
  for (int i = 0; i < 9; ++i) text += "big IN TXT \"" + std::to_string(i) + std::string(150, 'b') + "\"\n";
  for (int i = 0; i < 9; ++i) {
    const std::string host = "a-rather-long-host-name-" + std::to_string(i);
    text += "mail IN MX 5 " + host + "\n" + host + " IN A 192.0.2.9\n";
    text += "cut IN NS " + host + ".cut\n" + host + ".cut IN A 192.0.2.9\n";
    text += "cut2 IN NS " + host + ".cut\n";
  }
  return text;
}

class Protocol : public testing::Test {
 protected:
  static services::DnsSettings settings() {
    services::DnsSettings s;
    s.nsid = "node1";
    s.version = "goldilocks";
    s.server_id = "me";
    return s;
  }
  test::TempFile file_{zone_text(1, "192.0.2.7")};
  test::Served served_{{{file_.path(), ""}}, settings()};
  const services::DnsCounters& counters() { return served_.service->counters(); }
};

TEST_F(Protocol, HeaderBits) {
  const Parsed p = served_.tcp("x.example.", A, {.flags = 0x0130});  // RD, AD, CD
  EXPECT_EQ(p.flags, 0x8500U);
  EXPECT_EQ(load_be<std::uint16_t>(p.wire.data()), 0x1234);
  EXPECT_EQ(served_.tcp("x.example.", A, {.flags = 0}).flags, 0x8400U);
}

TEST_F(Protocol, ResponsesAndStumpsGetSilence) {
  Message out;
  EXPECT_EQ(served_.raw(query("x.example.", A, {.flags = 0x8100}), true, out).kind, Answer::Kind::silent);
  EXPECT_EQ(served_.raw(query("x.example.", A, {.flags = 0x8100}), false, out).kind, Answer::Kind::silent);
  EXPECT_EQ(counters().ignored_response.value(), 2U);
  for (std::size_t n = 0; n < 12; ++n) {
    EXPECT_EQ(served_.raw(Message(n, 0), true, out).kind, Answer::Kind::silent);
  }
  EXPECT_EQ(counters().ignored_short.value(), 12U);
  EXPECT_EQ(counters().queries_udp.value(), 13U);
}

TEST_F(Protocol, Opcodes) {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    const Parsed p = served_.tcp("x.example.", A, {.flags = static_cast<std::uint16_t>(opcode << 11)});
    EXPECT_EQ(p.rcode(), 4U) << opcode;
    EXPECT_EQ((p.flags >> 11) & 15, opcode);
  }
  EXPECT_EQ(counters().notimp.value(), 15U);
}

// RFC 1995 section 3: the client's SOA is in the authority section. No transfer is given.
TEST_F(Protocol, IxfrIsRefused) {
  Message m = query("example.", 251);
  m[9] = 1;
  const Message soa = {0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0,
                       1,    0,  0, 0, 2, 0, 0, 0, 3, 0, 0, 0,  4, 0, 0, 0, 5};
  m.insert(m.end(), soa.begin(), soa.end());
  EXPECT_EQ(served_.whole(m, false).rcode(), 5U);
  EXPECT_EQ(served_.whole(m, true).rcode(), 5U);
  m.pop_back();
  EXPECT_EQ(served_.whole(m, false).rcode(), 1U);
}

// RFC 8906 section 8.2: what is not implemented has no RD to repeat.
TEST_F(Protocol, NotimpHasNoRd) {
  Message m = query("x.example.", A);
  m[2] = 0x79;  // opcode 15, RD
  const Parsed p = served_.whole(m, true);
  EXPECT_EQ(p.rcode(), 4U);
  EXPECT_EQ(p.wire[2] & 1, 0);
  EXPECT_EQ(p.wire[2] & 0x78, 0x78);
}

TEST_F(Protocol, FormErr) {
  const Message good = query("x.example.", A, {.edns = true});
  Message out;
  for (std::size_t n = 12; n < good.size(); ++n) {
    ASSERT_EQ(served_.raw(Message(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)), true, out).kind,
              Answer::Kind::answered);
    EXPECT_EQ(out[3] & 15, 1) << n;
  }
  Message trailing = good;
  trailing.push_back(0);
  EXPECT_EQ(served_.whole(trailing, true).rcode(), 1U);
  for (const std::size_t count : {5U, 7U, 9U}) {  // questions, answers, authorities
    Message m = good;
    m[count] = static_cast<std::uint8_t>(m[count] + 1);
    EXPECT_EQ(served_.whole(m, true).rcode(), 1U);
  }
  EXPECT_GT(counters().formerr.value(), 4U);
  EXPECT_EQ(counters().noerror.value(), 0U);
}

TEST_F(Protocol, EdnsVersionAndOptions) {
  const Parsed bad = served_.udp("x.example.", A, {.edns = true, .version = 1});
  EXPECT_EQ(bad.rcode(), 0U);
  EXPECT_TRUE(bad.answer().empty());
  ASSERT_GE(bad.wire.size(), 11U);
  EXPECT_EQ(bad.wire[bad.wire.size() - 6], 1);  // BADVERS = 16: upper bits of the rcode
  EXPECT_EQ(counters().badvers.value(), 1U);
  const Parsed none = served_.udp("x.example.", A);
  EXPECT_EQ(none.wire[11], 0);  // no OPT unasked
  const Parsed nsid = served_.udp("x.example.", A, {.dnssec = true, .options = {0, 3, 0, 0, 0xfd, 0xe9, 0, 1, 9}});
  const Message expected{0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 9, 0, 3, 0, 5, 'n', 'o', 'd', 'e', '1'};
  EXPECT_TRUE(std::equal(expected.rbegin(), expected.rend(), nsid.wire.rbegin()));
}

TEST_F(Protocol, DatagramLimits) {
  EXPECT_FALSE(served_.tcp("big.example.", TXT).tc());
  EXPECT_EQ(served_.tcp("big.example.", TXT).answer().size(), 9U);
  for (const std::uint16_t payload : std::array<std::uint16_t, 6>{0, 100, 512, 1000, 1232, 4096}) {
    const Parsed p = served_.udp("big.example.", TXT, {.edns = true, .payload = payload});
    EXPECT_TRUE(p.tc());
    EXPECT_TRUE(p.answer().empty());
    EXPECT_EQ(p.wire.size(), 12 + 13 + 4 + 11U);  // header, question, OPT
  }
  EXPECT_TRUE(served_.udp("big.example.", TXT).tc());
  EXPECT_EQ(counters().truncated.value(), 7U);
}

TEST_F(Protocol, OptionalAddressesAreLeftOutFirst) {
  const Parsed whole = served_.tcp("mail.example.", 15);
  EXPECT_EQ(whole.additional().size(), 9U);
  ASSERT_GT(whole.wire.size(), 512U);
  const Parsed p = served_.udp("mail.example.", 15);
  EXPECT_FALSE(p.tc());
  EXPECT_LE(p.wire.size(), 512U);
  EXPECT_GT(p.wire.size(), 512U - 16);  // as many as fit
  EXPECT_EQ(p.answer(), whole.answer());
  EXPECT_LT(p.additional().size(), 9U);
  EXPECT_TRUE(std::equal(p.additional().begin(), p.additional().end(), whole.additional().begin()));
}

TEST_F(Protocol, GlueHasToBeThere) {
  EXPECT_TRUE(served_.udp("x.cut.example.", A).tc());  // RFC 9471
  EXPECT_FALSE(served_.udp("x.cut.example.", A, {.edns = true}).tc());
  const Parsed sibling = served_.udp("x.cut2.example.", A);
  EXPECT_FALSE(sibling.tc());
  EXPECT_EQ(sibling.authority().size(), 9U);
  EXPECT_LT(sibling.additional().size(), 9U);
}

TEST_F(Protocol, TruncateAll) {
  services::DnsSettings all = settings();
  all.udp_truncate_all = true;
  test::Served served({{file_.path(), ""}}, all);
  EXPECT_TRUE(served.udp("x.example.", A).tc());
  EXPECT_TRUE(served.udp("elsewhere.", A, {.edns = true}).tc());
  EXPECT_FALSE(served.tcp("x.example.", A).tc());
  EXPECT_EQ(served.udp("x.example.", A, {.flags = 0x0800}).rcode(), 4U);
}

// No amplification at all: the identifier is not told over UDP then.
TEST_F(Protocol, TruncateAllIsNeverLongerThanTheQuestion) {
  services::DnsSettings all = settings();
  all.udp_truncate_all = true;
  all.nsid = std::string(255, 'n');
  test::Served served({{file_.path(), ""}}, all);
  const Ask asked{.edns = true, .options = {0, 3, 0, 0}};
  EXPECT_LE(served.udp("x.example.", A, asked).wire.size(), test::query("x.example.", A, asked).size());
  EXPECT_GT(served.tcp("x.example.", A, asked).wire.size(), 255U);
}

// A question of 255 bytes and an identifier of as many do not fit 512 together: the identifier gives way.
TEST_F(Protocol, LongQuestionAndLongIdentifier) {
  services::DnsSettings longest = settings();
  longest.nsid = std::string(255, 'n');
  test::Served served({{file_.path(), ""}}, longest);
  const std::string label(63, 'a');
  const std::string name = label + "." + label + "." + label + "." + std::string(53, 'a') + ".example.";
  const Parsed answer = served.udp(name, A, {.edns = true, .payload = 512, .options = {0, 3, 0, 0}});
  EXPECT_TRUE(answer.tc() || !answer.authority().empty() || !answer.answer().empty());
  EXPECT_LE(answer.wire.size(), 512U);
}

// RFC 7828: over TCP an empty option is answered with what the server promises, over UDP it is passed over.
TEST_F(Protocol, TcpKeepalive) {
  const Ask asked{.edns = true, .options = {0, 11, 0, 0}};
  services::DnsSettings promising = settings();
  promising.tcp_keepalive = 18000;
  test::Served served({{file_.path(), ""}}, promising);
  const Message option = {0, 11, 0, 2, 0x46, 0x50};
  const Parsed kept = served.tcp("x.example.", A, asked);
  EXPECT_EQ(kept.rcode(), 0U);
  ASSERT_GT(kept.wire.size(), option.size());
  EXPECT_TRUE(std::equal(option.rbegin(), option.rend(), kept.wire.rbegin()));
  EXPECT_EQ(served.udp("x.example.", A, asked).wire.size() + option.size(), kept.wire.size());
  EXPECT_EQ(served.tcp("x.example.", A, {.edns = true}).wire.size() + option.size(), kept.wire.size());
  // Behind the NSID, which stands first whatever the client's order was.
  const Parsed both = served.tcp("x.example.", A, {.edns = true, .options = {0, 11, 0, 0, 0, 3, 0, 0}});
  EXPECT_TRUE(std::equal(option.rbegin(), option.rend(), both.wire.rbegin()));
  EXPECT_EQ(both.wire.size(), kept.wire.size() + 4 + promising.nsid.size());
  // A value is the server's to give.
  const Ask wrong{.edns = true, .options = {0, 11, 0, 2, 0, 9}};
  EXPECT_EQ(served.tcp("x.example.", A, wrong).rcode(), 1U);
  EXPECT_EQ(served.udp("x.example.", A, wrong).rcode(), 0U);
  // Without a promise the option is one of those that are not known.
  EXPECT_EQ(served_.tcp("x.example.", A, asked).wire.size(), kept.wire.size() - option.size());
}

TEST_F(Protocol, Classes) {
  EXPECT_EQ(served_.tcp("version.bind.", TXT, {.rr_class = 3}).answer().size(), 1U);
  const Parsed id = served_.tcp("ID.server.", TXT, {.rr_class = 3});
  ASSERT_EQ(id.answer().size(), 1U);
  EXPECT_NE(id.answer()[0].find("\"me\""), std::string::npos);
  EXPECT_EQ(served_.tcp("hostname.bind.", ANY, {.rr_class = 3}).answer().size(), 1U);
  EXPECT_EQ(served_.tcp("version.server.", A, {.rr_class = 3}).rcode(), 5U);
  EXPECT_EQ(served_.tcp("authors.bind.", TXT, {.rr_class = 3}).rcode(), 5U);
  EXPECT_EQ(served_.tcp("x.example.", A, {.rr_class = 4}).rcode(), 5U);
  const Parsed any = served_.tcp("x.example.", A, {.rr_class = 255});
  EXPECT_EQ(any.answer().size(), 1U);
  EXPECT_FALSE(any.aa());
  test::Served silent{{{file_.path(), ""}}};
  EXPECT_EQ(silent.tcp("version.bind.", TXT, {.rr_class = 3}).rcode(), 5U);
}

TEST_F(Protocol, NothingPublished) {
  served_.published = nullptr;
  served_.service->begin_burst(0);
  EXPECT_EQ(served_.tcp("x.example.", A).rcode(), 5U);
  EXPECT_GE(served_.service->largest_answer(), 512U);
}

TEST_F(Protocol, ContinuationOnlyWhereTheBytesAreTheSame) {
  const test::TempFile later(zone_text(1, "192.0.2.8"));
  const auto loaded = zone::load_zones(std::vector<zone::ZoneSource>{{later.path(), ""}}, served_.snapshot.get());
  ASSERT_TRUE(loaded.ok());
  Message first;
  ASSERT_EQ(served_.raw(query("x.example.", A), false, first).kind, Answer::Kind::answered);
  Message again;
  EXPECT_EQ(served_.raw(query("x.example.", A), false, again, true).kind, Answer::Kind::answered);
  EXPECT_EQ(first, again);

  zone::PublishedZones swapped{loaded->snapshot.get(), {served_.snapshot.get()}, 1};
  served_.published = &swapped;
  served_.service->begin_burst(1);
  EXPECT_EQ(served_.raw(query("x.example.", A), false, again, true).kind, Answer::Kind::unrepeatable);
  EXPECT_EQ(served_.raw(query("ns1.example.", A), false, again, true).kind, Answer::Kind::answered);
  EXPECT_EQ(served_.raw(query("x.example.", A), false, again).kind, Answer::Kind::answered);
  EXPECT_NE(first, again);
  // Versions that are gone: only what has not changed can go on.
  swapped.kept = {};
  EXPECT_EQ(served_.raw(query("x.example.", A), false, again, true).kind, Answer::Kind::unrepeatable);
  EXPECT_EQ(served_.raw(query("ns1.example.", A), false, again, true).kind, Answer::Kind::answered);
  EXPECT_EQ(counters().continued.value(), 3U);
  EXPECT_EQ(counters().unrepeatable.value(), 2U);
}

// Whatever comes in, what goes out is a message of the right size, the same each time, and ldns can read it.
TEST_F(Protocol, HostileMessages) {
  std::mt19937 random(4);
  const Message good = query("x.big.example.", TXT, {.dnssec = true, .options = {0, 3, 0, 0}});
  for (int round = 0; round < 20000; ++round) {
    Message m = good;
    m.resize(random() % (good.size() + 3));
    for (unsigned i = 0; i < random() % 4 && !m.empty(); ++i)
      m[random() % m.size()] = static_cast<std::uint8_t>(random());
    for (const bool udp : {false, true}) {
      Message a;
      Message b;
      const Answer reply = served_.raw(m, udp, a);
      ASSERT_EQ(served_.raw(m, udp, b).kind, reply.kind);
      ASSERT_EQ(a, b);
      if (reply.kind != Answer::Kind::answered) continue;
      ASSERT_TRUE(test::parse(a).readable);
      if (udp) {
        ASSERT_LE(a.size(), 1232U);
      }
    }
  }
}

}  // namespace
