// The answer that each client gets of a kept reply, and the answers of our own.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/render_fixture.h"

namespace {

using namespace gl;
using namespace gl::backend;
using namespace gl::test;
using dns::Rcode;

TEST_F(Render, HeaderAndQuestionOfTheClient) {
  keep(reply());
  EXPECT_EQ(render(ask()), told());
  EXPECT_FALSE(rendered_.truncated);
  EXPECT_EQ(render(ask({}, 0x0000)), told({}, 0x8480));
  keep(reply({}, 0x8490 | 0x0120));  // AD is the backend's to say, RD and CD are not
  EXPECT_EQ(render(ask({}, 0x0000)), told({}, 0x84a0));
}

TEST_F(Render, OptOnlyForWhoHasOne) {
  const Message cookie = option(10, Message(16, 1));
  keep(reply({opt({.payload = 4096, .dnssec = true}, cookie)}));
  EXPECT_EQ(render(ask()), told());
  EXPECT_EQ(render(ask({opt({})})), told({opt({.payload = 1232}, cookie)}));
  EXPECT_EQ(render(ask({opt({.dnssec = true})})), told({opt({.payload = 1232, .dnssec = true}, cookie)}));
  keep(reply());  // a backend without EDNS
  EXPECT_EQ(render(ask({opt({})})), told({opt({.payload = 1232})}));
}

TEST_F(Render, KeepaliveIsOurs) {
  settings_.tcp_keepalive = 300;
  const Message cookie = option(10, Message(16, 1));
  const Message ours = option(11, {1, 44});
  keep(reply({opt({}, joined(option(11, {9, 9}), cookie))}));
  const Message client = ask({opt({}, option(11, {}))});
  EXPECT_EQ(render(client), told({opt({}, cookie)}));
  how_.stream = true;
  EXPECT_EQ(render(client), told({opt({}, joined(cookie, ours))}));
  EXPECT_EQ(render(ask({opt({})})), told({opt({}, cookie)}));
  settings_.tcp_keepalive = 0;
  EXPECT_EQ(render(client), told({opt({}, cookie)}));
}

TEST_F(Render, AnswerToOurSubnetStaysHere) {
  const Message subnet = option(8, {0, 1, 24, 24, 192, 0, 2});
  const Message cookie = option(10, Message(16, 1));
  keep(reply({opt({}, joined(subnet, cookie))}));
  EXPECT_EQ(render(ask({opt({})})), told({opt({}, joined(subnet, cookie))}));
  how_.subnet_added = true;
  EXPECT_EQ(render(ask({opt({})})), told({opt({}, cookie)}));
}

TEST_F(Render, ExtendedRcodes) {
  keep(message(1, 0x8007, {.questions = {kQuestion}, .additionals = {opt({.extended_rcode = 1})}}));  // BADCOOKIE
  EXPECT_EQ(render(ask({opt({})})), without_records({opt({.extended_rcode = 1})}, 0x8117));
  EXPECT_EQ(render(ask()), without_records({}, 0x8112));
}

TEST_F(Render, Ttls) {
  const Message soa = record(pointer_to(16), 6, 5, joined(joined({0}, {0}), Message(20, 0)));
  const Message odd = record(pointer_to(12), 1, 0x80000005U, {1, 2, 3, 4});
  const auto with_ttls = [&](std::uint16_t id, const Message& q, std::uint16_t flags, std::uint32_t a, std::uint32_t s,
                             std::uint32_t o, std::uint32_t g, const Parts& last) {
    Message authority = soa;
    const std::array<std::uint8_t, 4> ttl{0, 0, 0, static_cast<std::uint8_t>(s)};
    std::copy(ttl.begin(), ttl.end(), authority.begin() + 6);
    Parts additionals{record(pointer_to(12), 1, o, {1, 2, 3, 4}), address(g)};
    additionals.insert(additionals.end(), last.begin(), last.end());
    return message(id, flags,
                   {.questions = {q}, .answers = {address(a)}, .authorities = {authority}, .additionals = additionals});
  };
  const Message end = opt({.dnssec = true});
  keep(with_ttls(1, kQuestion, 0x8480, 300, 5, 0x80000005U, 0, {end}));
  const Message client = ask({end});
  EXPECT_EQ(render(client), with_ttls(0x1234, kAsked, 0x8590, 300, 5, 0x80000005U, 0, {end}));
  how_.age_s = 4;
  EXPECT_EQ(render(client), with_ttls(0x1234, kAsked, 0x8590, 296, 1, 0, 0, {end}));
  how_.age_s = 5;
  EXPECT_EQ(render(client), with_ttls(0x1234, kAsked, 0x8590, 295, 0, 0, 0, {end}));
  how_.age_s = 0xffffffffU;
  EXPECT_EQ(render(client), with_ttls(0x1234, kAsked, 0x8590, 0, 0, 0, 0, {end}));
}

TEST_F(Render, BackendWithoutAQuestion) {
  keep(message(1, 0x8001, {}));
  EXPECT_EQ(render(ask()), without_records({}, 0x8111));
}

TEST_F(Render, Verbatim) {
  const Message full = reply({opt({}, option(12, Message(7, 0))), tsig()});
  keep(full, true);
  how_.age_s = 7;
  Message expected = full;
  expected[0] = 0x12;
  expected[1] = 0x34;
  EXPECT_EQ(render(ask({opt({}), tsig()})), expected);
  Parts many(60, address());
  keep(message(1, 0x8480, {.questions = {kQuestion}, .answers = many, .additionals = {tsig()}}), true);
  EXPECT_EQ(render(ask({tsig()})), without_records({}, 0x8790));
  EXPECT_TRUE(rendered_.truncated);
}

TEST_F(Render, Transfers) {
  const auto framed = [](const Message& m) {
    Message f;
    put16(f, static_cast<unsigned>(m.size()));
    return joined(f, m);
  };
  const Message zone = question("example.", 252);
  const Message asked = question("eXAMPLE.", 252);
  const auto both = [&](std::uint16_t id, const Message& q, const Parts& last) {
    return joined(framed(message(id, 0x8400, {.questions = {q}, .answers = {address()}})),
                  framed(message(id, 0x8400, {.answers = {address()}, .additionals = last})));
  };
  const Message wire = both(0x5555, zone, {tsig()});
  into_.resize(wire.size());
  ASSERT_EQ(keep_transfer(wire, into_, kept_), ReplyFault::none);
  how_.stream = true;
  how_.age_s = 9;
  EXPECT_EQ(render(message(0x1234, 0, {.questions = {asked}})), both(0x1234, asked, {tsig()}));
  // What is signed keeps the letters that were signed.
  EXPECT_EQ(render(message(0x1234, 0, {.questions = {asked}, .additionals = {tsig()}})), both(0x1234, zone, {tsig()}));
  EXPECT_TRUE(render(message(0x1234, 0, {.questions = {asked}}), wire.size() - 1).empty());
  how_.stream = false;
  EXPECT_EQ(render(message(0x1234, 0, {.questions = {asked}})), message(0x1234, 0x8600, {.questions = {asked}}));
}

TEST_F(Render, OwnErrors) {
  settings_.tcp_keepalive = 300;
  const auto error = [this](const Message& client, Rcode rcode, std::uint16_t info, bool stream) {
    ClientQuery query;
    static_cast<void>(parse_client_query(client, query));
    Message out(512);
    out.resize(render_error(query, settings_, rcode, info, stream, out));
    return out;
  };
  EXPECT_EQ(error(ask({}, 0x07f0), Rcode::servfail, 22, false), without_records({}, 0x8112));
  EXPECT_EQ(error(ask({opt({.dnssec = true})}), Rcode::servfail, 22, false),
            without_records({opt({.dnssec = true}, option(15, {0, 22}))}, 0x8112));
  EXPECT_EQ(error(ask({opt({}, option(11, {}))}), Rcode::refused, 0xffff, true),
            without_records({opt({}, option(11, {1, 44}))}, 0x8115));
  EXPECT_EQ(error(ask({opt({.version = 3})}), Rcode::badvers, 0xffff, true),
            without_records({opt({.extended_rcode = 1})}, 0x8110));
  EXPECT_EQ(error(message(0x1234, 0x1000, {}), Rcode::notimp, 0xffff, true), message(0x1234, 0x9004, {}));
  EXPECT_EQ(error(message(0x1234, 0, {.questions = {kAsked, kAsked}}), Rcode::formerr, 0xffff, true),
            message(0x1234, 0x8001, {}));
  ClientQuery query;
  const Message client = ask({opt({})});
  ASSERT_EQ(parse_client_query(client, query), Rcode::noerror);
  for (std::size_t room = 0; room < client.size(); ++room) {
    std::vector<std::uint8_t> tight(room);
    EXPECT_EQ(render_error(query, settings_, Rcode::servfail, 22, true, tight), 0U);
  }
  Message out(512);
  out.resize(render_truncated(query, settings_, out));
  EXPECT_EQ(out, without_records({opt({})}, 0x8310));
}

// Whatever was kept: what the client gets fits its room, has its ID, and can be read.
TEST_F(Render, FlippedBytesDoNoHarm) {
  std::mt19937 random(3);
  const Message mx = record(pointer_to(12), 15, 60, joined({0, 1}, pointer_to(16)));
  const Message good = reply({mx, opt({}, joined(option(10, Message(8, 1)), option(8, {0, 1, 0, 0}))), address()});
  const std::vector<Message> clients{ask(), ask({opt({}, option(11, {}))}), ask({tsig()})};
  settings_.tcp_keepalive = 5;
  unsigned seen = 0;
  for (int i = 0; i < 40000; ++i) {
    std::vector<std::uint8_t> m(good);
    for (auto n = 1 + random() % 3; n > 0; --n) m[random() % m.size()] = static_cast<std::uint8_t>(random());
    const Message& client = clients[random() % clients.size()];
    into_.assign(m.size(), 0);
    ASSERT_EQ(parse_client_query(client, query_), Rcode::noerror);
    if (keep_reply(m, query_.is_signed, into_, kept_) != ReplyFault::none) continue;
    how_ = {static_cast<std::uint32_t>(random() % 3 * 30), random() % 2 == 0, random() % 2 == 0};
    std::vector<std::uint8_t> out(random() % 8 == 0 ? random() % 200 : 512);
    const std::size_t length = render_reply(kept_, query_, settings_, how_, out).length;
    ASSERT_LE(length, out.size());
    if (length == 0) continue;
    ++seen;
    EXPECT_EQ(load_be<std::uint16_t>(out.data()), 0x1234);
    std::vector<std::uint8_t> whole(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length));
    std::vector<std::uint8_t> room(length);
    KeptReply again;
    ASSERT_EQ(keep_reply(whole, true, room, again), ReplyFault::none);
    ASSERT_EQ(again.edns && !query_.edns && !query_.is_signed, false);
  }
  EXPECT_GT(seen, 4000U);
}

}  // namespace
