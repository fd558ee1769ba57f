// Cookies and limits as the DNS service applies them: over UDP and TCP, with every policy.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "lib/dns/edns.h"
#include "lib/services/dns/admission.h"
#include "tests/unit/dns_test_support.h"

namespace {

using namespace gl;
using services::CookiePolicy;
using test::Message;
using test::Parsed;
using test::query;
enum : std::uint16_t { A = 1, TXT = 16 };

constexpr std::uint32_t kNow = 1559731985;
const Message kFlow = {198, 51, 100, 100, 192, 0, 2, 53, 0x9c, 0x40, 0, 53};
const Message kClientCookie = {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57};

Message option(const Message& cookie) {
  Message wire = {0, dns::kOptionCookie, 0, static_cast<std::uint8_t>(cookie.size())};
  wire.insert(wire.end(), cookie.begin(), cookie.end());
  return wire;
}

std::string zone_text() {
  std::string text = "$ORIGIN example.\n$TTL 300\n@ IN SOA ns1 h 1 2 3 4 60\n@ IN NS ns1\nns1 IN A 192.0.2.1\n";
  for (int i = 0; i < 9; ++i) text += "big IN TXT \"" + std::to_string(i) + std::string(150, 'b') + "\"\n";
  // 512 bytes with an OPT that holds nothing: header, question, TXT record, OPT.
  const std::size_t data = 512 - (12 + 14 + 4) - 12 - 11;
  text += "full IN TXT \"" + std::string(255, 'f') + "\" \"" + std::string(data - 257, 'g') + "\"\n";
  return text;
}

class Admission : public testing::Test {
 protected:
  struct Said {
    Answer::Kind kind;
    Message wire;
    [[nodiscard]] unsigned rcode() const {
      const bool opt = wire.size() > 11 && wire[11] == 1 && opt_at() != 0;
      return (wire[3] & 15U) | (opt ? unsigned{wire[opt_at() + 5]} << 4 : 0U);
    }
    [[nodiscard]] bool truncated() const { return (wire[2] & 2) != 0; }
    [[nodiscard]] std::size_t answers() const { return wire[7]; }
    // Of the OPT, which ends the message; its options are a cookie or nothing here.
    [[nodiscard]] std::size_t opt_at() const {
      for (const std::size_t size : {std::size_t{11}, std::size_t{39}}) {
        const std::size_t at = wire.size() - size;
        if (wire.size() > 12 + size && wire[at] == 0 && wire[at + 1] == 0 && wire[at + 2] == 41) return at;
      }
      return 0;
    }
    [[nodiscard]] Message cookie() const {
      const std::size_t at = opt_at();
      return at != 0 && wire.size() - at == 39 ? Message(wire.end() - 24, wire.end()) : Message{};
    }
  };

  void serve(services::DnsSettings settings) {
    served_ = std::make_unique<test::Served>(std::vector<zone::ZoneSource>{{file_.path(), ""}}, settings);
    served_->service = std::make_unique<services::DnsZoneService>(settings, served_->published, &cookies_);
    served_->service->begin_burst(0);
  }
  void serve(CookiePolicy policy) {
    services::DnsSettings settings;
    settings.admission.cookies = policy;
    serve(settings);
  }
  // Without `cookie` and with `edns` false: no OPT at all.
  Said ask(bool udp, const Message& options, bool edns = true, const std::string& name = "ns1.example.",
           std::uint16_t type = A, std::uint16_t payload = 1232) {
    const Message request = query(name, type, {.edns = edns, .payload = payload, .options = options});
    Message out(kMaxRenderedAnswer);
    RequestContext context;
    context.flow = flow_;
    const Answer answer = udp ? served_->service->answer_datagram(request, out, context)
                              : served_->service->answer(request, out, context);
    const std::size_t begin = udp ? 0 : 2;
    if (answer.kind != Answer::Kind::answered) return {answer.kind, {}};
    EXPECT_LE(answer.length, udp ? std::max<std::size_t>(payload, 512) : served_->service->largest_answer());
    return {answer.kind, Message(out.begin() + static_cast<std::ptrdiff_t>(begin),
                                 out.begin() + static_cast<std::ptrdiff_t>(answer.length))};
  }
  void at(std::uint32_t time) {
    cookies_.unix_time = time;
    served_->service->begin_burst(0);
  }
  const services::AdmissionCounters& counters() { return served_->service->admission().counters(); }

  dns::CookieSecrets secrets_{
      {0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f, 0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf}};
  dns::CookiePublication cookies_{&secrets_, kNow};
  Message flow_ = kFlow;
  test::TempFile file_{zone_text()};
  std::unique_ptr<test::Served> served_;
};

TEST_F(Admission, TheCookieOfRfc9018) {
  serve(CookiePolicy::on);
  const Message wanted = {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57, 1,    0,    0,    0,
                          0x5c, 0xf7, 0x9f, 0x11, 0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80};
  const Said said = ask(true, option(kClientCookie));
  EXPECT_EQ(said.rcode(), 0U);
  EXPECT_EQ(said.answers(), 1U);
  EXPECT_EQ(said.cookie(), wanted);
  EXPECT_EQ(ask(true, option(wanted)).cookie(), wanted) << "within half an hour it stays";
  EXPECT_EQ(counters().cookie_client_only.value(), 1U);
  EXPECT_EQ(counters().cookie_valid.value(), 1U);
  flow_[3] = 101;
  EXPECT_NE(ask(true, option(wanted)).cookie(), wanted);
  EXPECT_EQ(counters().cookie_invalid.value(), 1U);
}

TEST_F(Admission, NobodyGetsACookieWhoSentNone) {
  serve(CookiePolicy::on);
  for (const bool udp : {true, false}) {
    EXPECT_EQ(ask(udp, {}).wire.size(), ask(udp, {}, false).wire.size() + 11);
  }
}

TEST_F(Admission, OffPassesThemOver) {
  serve(CookiePolicy::off);
  for (const bool udp : {true, false}) {
    for (const Message& cookie : {kClientCookie, Message(3, 1), Message(24, 1)}) {
      EXPECT_EQ(ask(udp, option(cookie)).wire, ask(udp, {}).wire);
    }
  }
}

TEST_F(Admission, WrongLengthsAreFormerrAndTheFirstOptionCounts) {
  serve(CookiePolicy::require_over_udp);
  for (const bool udp : {true, false}) {
    const Message good = ask(udp, option(kClientCookie)).cookie();
    ASSERT_EQ(good.size(), 24U);
    for (const std::size_t length : {0U, 7U, 9U, 15U, 41U}) {
      const Said said = ask(udp, option(Message(length, 1)));
      EXPECT_EQ(said.rcode(), 1U) << length;
      EXPECT_EQ(said.answers(), 0U);
      EXPECT_TRUE(said.cookie().empty());
    }
    Message both = option(good);
    const Message bad = option(Message(3, 1));
    both.insert(both.end(), bad.begin(), bad.end());
    EXPECT_EQ(ask(udp, both).rcode(), 0U);
    Message other = bad;
    const Message behind = option(good);
    other.insert(other.end(), behind.begin(), behind.end());
    EXPECT_EQ(ask(udp, other).rcode(), 1U);
  }
}

TEST_F(Admission, RequiredOverUdpAlone) {
  serve(CookiePolicy::require_over_udp);
  const Said refused = ask(true, option(kClientCookie));
  EXPECT_EQ(refused.rcode(), 23U);
  EXPECT_EQ(refused.answers(), 0U);
  EXPECT_FALSE(refused.truncated());
  const Said good = ask(true, option(refused.cookie()));
  EXPECT_EQ(good.rcode(), 0U);
  EXPECT_EQ(good.answers(), 1U);
  for (const bool edns : {true, false}) {
    const Said none = ask(true, {}, edns);
    EXPECT_TRUE(none.truncated());
    EXPECT_EQ(none.answers(), 0U);
    EXPECT_EQ(ask(false, {}, edns).answers(), 1U);
  }
  EXPECT_EQ(ask(false, option(kClientCookie)).answers(), 1U);
  EXPECT_EQ(counters().cookie_required.value(), 3U);
  EXPECT_EQ(served_->service->counters().badcookie.value(), 1U);
}

TEST_F(Admission, ACookieCountsTowardTheLimit) {
  serve(CookiePolicy::on);
  const Said bare = ask(true, {}, true, "full.example.", TXT, 512);
  ASSERT_EQ(bare.wire.size(), 512U) << "the zone's text is of that length";
  EXPECT_FALSE(bare.truncated());
  const Said cut = ask(true, option(kClientCookie), true, "full.example.", TXT, 512);
  EXPECT_TRUE(cut.truncated());
  EXPECT_EQ(cut.cookie().size(), 24U);
  EXPECT_FALSE(ask(true, option(kClientCookie), true, "full.example.", TXT, 540).truncated());
  EXPECT_TRUE(ask(true, option(kClientCookie), true, "full.example.", TXT, 539).truncated());
}

// With --udp=tc no answer is longer than its question.
TEST_F(Admission, TruncatedAnswersNeverGrow) {
  services::DnsSettings settings;
  settings.udp_truncate_all = true;
  serve(settings);
  for (const std::size_t length : {8U, 16U, 24U, 40U}) {
    const Message options = option(Message(length, 1));
    const Message request = query("ns1.example.", A, {.edns = true, .options = options});
    const Said said = ask(true, options);
    EXPECT_LE(said.wire.size(), request.size()) << length;
    EXPECT_EQ(said.cookie().size(), length >= 24 ? 24U : 0U) << length;
  }
}

// An answer over TCP that is rendered again for a lost segment has the cookie that it had.
TEST_F(Admission, OverTcpTheTimeIsRoundedDown) {
  serve(CookiePolicy::on);
  constexpr std::uint32_t kRound = kNow / 512 * 512;
  at(kRound);
  const Message first = ask(false, option(kClientCookie)).wire;
  at(kRound + 511);
  EXPECT_EQ(ask(false, option(kClientCookie)).wire, first);
  const Message over_udp = ask(true, option(kClientCookie)).cookie();
  at(kRound + 512);
  const Message later = ask(false, option(kClientCookie)).wire;
  EXPECT_NE(later, first);
  EXPECT_EQ(later.size(), first.size());
  EXPECT_TRUE(std::equal(first.begin(), first.end() - 16, later.begin())) << "more than the server cookie has changed";
  // Good for UDP, and the other way.
  EXPECT_EQ(ask(true, option(Message(first.end() - 24, first.end()))).cookie(), Message(first.end() - 24, first.end()));
  EXPECT_EQ(ask(false, option(over_udp)).cookie(), over_udp);
  const Message request = query("ns1.example.", A, {.edns = true, .options = option(kClientCookie)});
  Message out(kMaxRenderedAnswer);
  RequestContext again;
  again.flow = flow_;
  again.continuation = true;
  EXPECT_EQ(served_->service->answer(request, out, again).kind, Answer::Kind::answered);
}

TEST_F(Admission, RenewedAndRotated) {
  serve(CookiePolicy::require_over_udp);
  const Message first = ask(true, option(kClientCookie)).cookie();
  at(kNow + 1801);
  const Said renewed = ask(true, option(first));
  EXPECT_EQ(renewed.rcode(), 0U);
  EXPECT_NE(renewed.cookie(), first);
  at(kNow + 3601);
  EXPECT_EQ(ask(true, option(first)).rcode(), 23U);
  at(kNow);
  secrets_.other = secrets_.current;
  secrets_.has_other = true;
  secrets_.current.fill(1);
  EXPECT_EQ(ask(true, option(first)).rcode(), 0U);
  EXPECT_NE(ask(true, option(first)).cookie(), first);
  secrets_.has_other = false;
  EXPECT_EQ(ask(true, option(first)).rcode(), 23U);
}

services::DnsSettings limited(std::uint32_t slip) {
  services::DnsSettings settings;
  settings.admission.rate_limit = 10;
  settings.admission.rate_slip = slip;
  settings.admission.rate_allow = {*parse_network("203.0.113.0/24")};
  return settings;
}

TEST_F(Admission, AboveTheRateNothingOrTc) {
  for (const std::uint32_t slip : {0U, 1U, 2U, 10U}) {
    serve(limited(slip));
    unsigned answered = 0;
    unsigned cut = 0;
    constexpr unsigned kTries = 20000;
    for (unsigned i = 0; i < kTries; ++i) {
      const Said said = ask(true, {});
      if (said.kind != Answer::Kind::answered) continue;
      said.truncated() ? ++cut : ++answered;
      EXPECT_EQ(said.answers(), said.truncated() ? 0U : 1U);
    }
    EXPECT_NEAR(answered, 10, 1) << slip;
    const double wanted = slip == 0 ? 0 : (1.0 * kTries - answered) / slip;
    EXPECT_NEAR(cut, wanted, slip < 2 ? 0.5 : 0.1 * wanted) << slip;
    EXPECT_EQ(counters().rate_slipped.value(), cut);
    EXPECT_EQ(counters().rate_dropped.value(), kTries - answered - cut);
    // Somebody else's answers all come, and over TCP the abuser's.
    flow_[0] = 192;
    for (int i = 0; i < 9; ++i) EXPECT_EQ(ask(true, {}).answers(), 1U);
    flow_ = kFlow;
    for (int i = 0; i < 100; ++i) EXPECT_EQ(ask(false, {}).answers(), 1U);
  }
}

TEST_F(Admission, ExemptByCookieAndByNetwork) {
  serve(limited(0));
  const Message good = ask(true, option(kClientCookie)).cookie();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(ask(true, option(good)).answers(), 1U);
  unsigned answered = 0;
  for (int i = 0; i < 1000; ++i) answered += ask(true, option(kClientCookie)).kind == Answer::Kind::answered ? 1U : 0U;
  EXPECT_NEAR(answered, 9, 1) << "what a valid cookie drew counts for nobody";
  flow_ = {203, 0, 113, 7, 192, 0, 2, 53, 0x9c, 0x40, 0, 53};
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(ask(true, {}).answers(), 1U);
}

}  // namespace
