// What a client asks: what is taken, and what is not.
#include "lib/backend/client_query.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/forward_messages.h"

namespace {

using namespace gl;
using namespace gl::backend;
using namespace gl::test;
using dns::Rcode;
using Kind = ClientQuery::Kind;

Rcode parse_rcode(const Message& m) {
  ClientQuery query;
  // A copy of the right size: a step beyond its end does not go unnoticed.
  const std::vector<std::uint8_t> exact(m);
  return parse_client_query(exact, query);
}
ClientQuery parsed(const Message& m) {
  ClientQuery query;
  EXPECT_EQ(parse_client_query(m, query), Rcode::noerror);
  return query;
}

const Message kQuestion = question("WwW.Example.", 1);
const Message kSoaData = joined(joined(wire_name("ns."), wire_name("h.")), Message(20, 1));

Message ask_with(const Parts& additionals, std::uint16_t flags = 0x0100) {
  return message(0x1234, flags, {.questions = {kQuestion}, .additionals = additionals});
}

TEST(ClientQuery, PlainQuestion) {
  const Message m = ask_with({});
  const ClientQuery q = parsed(m);
  EXPECT_EQ(q.kind, Kind::query);
  EXPECT_FALSE(q.edns || q.is_signed || q.dnssec_ok || q.keepalive || q.non_idempotent());
  EXPECT_EQ(q.payload, 512);
  EXPECT_EQ(q.question.type, 1);
  EXPECT_EQ(q.question.end, 12 + kQuestion.size());
  const Message lower = wire_name("www.example.");
  EXPECT_TRUE(std::equal(lower.begin(), lower.end(), q.question.name.view().begin()));
}

TEST(ClientQuery, Edns) {
  const Message options = joined(option(10, bytes_of("12345678")), option(11, {}));
  const Message m = ask_with({opt({.payload = 4000, .dnssec = true}, options)});
  const ClientQuery q = parsed(m);
  EXPECT_TRUE(q.edns && q.dnssec_ok && q.keepalive);
  EXPECT_FALSE(q.keepalive_malformed);
  EXPECT_EQ(q.payload, 4000);
  EXPECT_EQ(q.options.size(), options.size());
  EXPECT_EQ(q.opt_end(), m.size());
}

TEST(ClientQuery, KeepaliveWithAValue) {
  const Message m = ask_with({opt({}, option(11, {0, 1}))});
  const ClientQuery q = parsed(m);
  EXPECT_TRUE(q.keepalive_malformed);
  EXPECT_FALSE(q.keepalive);
}

TEST(ClientQuery, OtherVersions) {
  ClientQuery query;
  const Message m = ask_with({opt({.version = 1})});
  EXPECT_EQ(parse_client_query(m, query), Rcode::badvers);
  EXPECT_TRUE(query.edns);
}

TEST(ClientQuery, Opcodes) {
  for (unsigned opcode = 0; opcode < 16; ++opcode) {
    const auto flags = static_cast<std::uint16_t>(opcode << 11);
    const Message m = message(1, flags, {.questions = {question("example.", 6)}});
    const bool known = opcode == 0 || opcode == 4 || opcode == 5;
    EXPECT_EQ(parse_rcode(m), known ? Rcode::noerror : Rcode::notimp) << opcode;
  }
  ClientQuery query;
  EXPECT_EQ(parse_client_query(message(1, 0x1000, {.questions = {kQuestion}}), query), Rcode::notimp);
  EXPECT_EQ(query.question.end, 12 + kQuestion.size());  // it is repeated
}

TEST(ClientQuery, Questions) {
  ClientQuery query;
  EXPECT_EQ(parse_client_query(message(1, 0, {}), query), Rcode::formerr);
  EXPECT_EQ(query.question.end, 0);
  EXPECT_EQ(parse_rcode(message(1, 0, {.questions = {kQuestion, kQuestion}})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(message(1, 0, {.questions = {{0xc0, 0x0c, 0, 1, 0, 1}}})), Rcode::formerr);
  const Message a = record({0}, 1, 0, {192, 0, 2, 1});
  EXPECT_EQ(parse_rcode(message(1, 0, {.questions = {kQuestion}, .answers = {a}})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(message(1, 0, {.questions = {kQuestion}, .authorities = {a}})), Rcode::formerr);
}

TEST(ClientQuery, Transfers) {
  const Message soa = record(pointer_to(12), 6, 0, kSoaData);
  const Message axfr = question("example.", 252);
  const Message ixfr = question("example.", 251);
  EXPECT_EQ(parsed(message(1, 0, {.questions = {axfr}})).kind, Kind::transfer);
  EXPECT_EQ(parsed(message(1, 0, {.questions = {ixfr}, .authorities = {soa}})).kind, Kind::transfer);
  EXPECT_EQ(parse_rcode(message(1, 0, {.questions = {axfr}, .authorities = {soa}})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(message(1, 0, {.questions = {ixfr}})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(message(1, 0, {.questions = {ixfr}, .authorities = {soa, soa}})), Rcode::formerr);
  const Message a = record({0}, 1, 0, {192, 0, 2, 1});
  EXPECT_EQ(parse_rcode(message(1, 0, {.questions = {ixfr}, .authorities = {a}})), Rcode::formerr);
}

TEST(ClientQuery, NotifyAndUpdate) {
  const Message soa = record(pointer_to(12), 6, 0, kSoaData);
  const Message zone = question("example.", 6);
  const ClientQuery notify = parsed(message(1, 0x2400, {.questions = {zone}, .answers = {soa}}));
  EXPECT_EQ(notify.kind, Kind::notify);
  EXPECT_TRUE(notify.non_idempotent());
  EXPECT_EQ(parse_rcode(message(1, 0x2400, {.questions = {zone}, .authorities = {soa}})), Rcode::formerr);
  const Sections change{.questions = {zone},
                        .answers = {record(pointer_to(12), 255, 0, {}, 255)},
                        .authorities = {soa},
                        .additionals = {record(pointer_to(12), 1, 0, {192, 0, 2, 1}), tsig()}};
  const ClientQuery update = parsed(message(1, 0x2800, change));
  EXPECT_EQ(update.kind, Kind::update);
  EXPECT_TRUE(update.non_idempotent() && update.is_signed);
  EXPECT_EQ(parse_rcode(message(1, 0x2800, {.questions = {question("example.", 1)}})), Rcode::formerr);
}

TEST(ClientQuery, Signatures) {
  EXPECT_TRUE(parsed(ask_with({tsig()})).is_signed);
  EXPECT_TRUE(parsed(ask_with({opt({}), tsig()})).is_signed);
  EXPECT_EQ(parse_rcode(ask_with({tsig(), opt({})})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(ask_with({tsig(), tsig()})), Rcode::formerr);
  EXPECT_TRUE(parsed(ask_with({record({0}, 24, 0, Message(40, 0), 255)})).is_signed);   // SIG(0)
  EXPECT_FALSE(parsed(ask_with({record({0}, 24, 0, Message(40, 1), 255)})).is_signed);  // SIG of RRs
}

TEST(ClientQuery, BadOpts) {
  EXPECT_EQ(parse_rcode(ask_with({opt({}), opt({})})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(ask_with({record(wire_name("a."), 41, 0, {})})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(ask_with({opt({}, {0, 10, 0})})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(ask_with({opt({}, {0, 10, 0, 1})})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(message(1, 0x2000, {.questions = {question("example.", 6)}, .answers = {opt({})}})),
            Rcode::formerr);
  ClientQuery query;
  EXPECT_EQ(parse_client_query(ask_with({opt({.payload = 4096, .dnssec = true}), opt({})}), query), Rcode::formerr);
  EXPECT_FALSE(query.edns || query.dnssec_ok);
  EXPECT_EQ(query.payload, 512);
}

// What stands behind the OPT moves when that is rewritten: it must not point to anything that moves.
TEST(ClientQuery, RecordsBehindTheOpt) {
  const Message before = ask_with({});
  const auto opt_at = static_cast<unsigned>(before.size());
  EXPECT_EQ(parse_rcode(ask_with({opt({}), record(pointer_to(12), 1, 0, {192, 0, 2, 1})})), Rcode::noerror);
  EXPECT_EQ(parse_rcode(ask_with({opt({}), record(pointer_to(opt_at), 1, 0, {192, 0, 2, 1})})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(ask_with({opt({}), record({0}, 15, 0, joined({0, 1}, pointer_to(opt_at)))})), Rcode::formerr);
  EXPECT_EQ(parse_rcode(ask_with({opt({}), record({0}, 15, 0, joined({0, 1}, pointer_to(12)))})), Rcode::noerror);
  // Nothing moves in a signed message.
  EXPECT_EQ(parse_rcode(ask_with({opt({}), record(pointer_to(opt_at), 1, 0, {1, 2, 3, 4}), tsig()})), Rcode::noerror);
}

TEST(ClientQuery, PointersGoBackward) {
  const auto at = static_cast<unsigned>(ask_with({}).size());
  for (const unsigned target : {at, at + 1, 0U, 11U, 0x3fffU}) {
    EXPECT_EQ(parse_rcode(ask_with({record(pointer_to(target), 1, 0, {1, 2, 3, 4})})), Rcode::formerr) << target;
  }
}

TEST(ClientQuery, EveryLengthButTheWholeIsMalformed) {
  const Message good = ask_with({record(pointer_to(12), 1, 0, {1, 2, 3, 4}), opt({}, option(10, Message(8, 1)))});
  EXPECT_EQ(parse_rcode(good), Rcode::noerror);
  for (std::size_t n = 12; n < good.size(); ++n) {
    EXPECT_EQ(parse_rcode(Message(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n))), Rcode::formerr) << n;
  }
  EXPECT_EQ(parse_rcode(joined(good, {0})), Rcode::formerr);
}

TEST(ClientQuery, FlippedBytesDoNoHarm) {
  std::mt19937 random(1);
  const Parts rest{record(pointer_to(12), 15, 0, joined({0, 1}, pointer_to(16))),
                   opt({}, joined(option(10, Message(8, 1)), option(12, Message(9, 0))))};
  const Message update = message(7, 0x2800, {.questions = {question("example.", 6)}, .additionals = rest});
  for (const Message& good : {ask_with(rest), update}) {
    for (int i = 0; i < 20000; ++i) {
      Message m = good;
      for (auto n = 1 + random() % 3; n > 0; --n) m[random() % m.size()] = static_cast<std::uint8_t>(random());
      m[2] &= 0x7f;
      ClientQuery query;
      const Rcode rcode = parse_client_query(m, query);
      if (rcode != Rcode::noerror) continue;
      std::vector<std::uint8_t> out(m.size() + 100);
      const std::size_t length = write_backend_query(query, {}, {.id = 5}, out);
      ASSERT_GE(length, m.size() - 4 * 11);
      ClientQuery again;
      ASSERT_EQ(parse_client_query(Bytes(out).first(length), again), Rcode::noerror);
    }
  }
}

}  // namespace
