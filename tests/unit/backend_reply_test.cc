// A backend's reply: what is kept of it.
#include "lib/backend/reply.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/forward_messages.h"

namespace {

using namespace gl;
using namespace gl::backend;
using namespace gl::test;

const Message kQuestion = question("www.example.", 1);
const Message kAddress = record(pointer_to(12), 1, 300, {192, 0, 2, 1});

// Keeps what it points to.
struct Keeper {
  explicit Keeper(const Message& reply, bool verbatim = false) : wire(reply), into(reply.size()) {
    fault = keep_reply(wire, verbatim, into, kept);
  }
  [[nodiscard]] Message message() const { return {kept.message.begin(), kept.message.end()}; }
  [[nodiscard]] Message options() const { return {kept.options.begin(), kept.options.end()}; }
  std::vector<std::uint8_t> wire;
  std::vector<std::uint8_t> into;
  KeptReply kept;
  ReplyFault fault;
};
ReplyFault fault_of(const Message& reply, bool verbatim = false) {
  return Keeper(reply, verbatim).fault;
}
Message answer(const Parts& additionals, std::uint16_t flags = 0x8400, std::uint16_t id = 0x5555) {
  return message(id, flags, {.questions = {kQuestion}, .answers = {kAddress}, .additionals = additionals});
}

TEST(ReplyHead, OfAReply) {
  ReplyHead head;
  EXPECT_TRUE(read_reply_head(answer({}), head));
  EXPECT_EQ(head.id, 0x5555);
  EXPECT_EQ(head.flags, 0x8400);
  EXPECT_TRUE(head.has_question);
  EXPECT_FALSE(read_reply_head(answer({}, 0x0400), head));
  EXPECT_TRUE(read_reply_head(message(1, 0x8001, {}), head));
  EXPECT_FALSE(head.has_question);
  EXPECT_FALSE(read_reply_head(Message(11, 0xff), head));
}

TEST(AnswersQuestion, SameQuestion) {
  const Message asked = message(1, 0x0100, {.questions = {question("WWW.example.", 1)}, .additionals = {opt({})}});
  const auto told = [&asked](const Message& q, std::uint16_t flags = 0x8180) {
    return answers_question(message(1, flags, {.questions = {q}}), asked);
  };
  EXPECT_TRUE(told(question("WWW.example.", 1)));
  EXPECT_TRUE(told(question("www.example.", 1)));
  EXPECT_FALSE(told(question("Www.example.", 1)));
  EXPECT_FALSE(told(question("WWW.exAmple.", 1)));
  EXPECT_FALSE(told(question("www.example.", 28)));
  EXPECT_FALSE(told(question("www.example.", 1, 3)));
  EXPECT_FALSE(told(question("ww.example.", 1)));
  EXPECT_FALSE(told(question("www.example.", 1), 0xa000));
  EXPECT_FALSE(answers_question(message(1, 0x8000, {.questions = {kQuestion, kQuestion}}), asked));
  EXPECT_FALSE(answers_question(Message(11, 0), asked));
}

TEST(AnswersQuestion, WithoutAQuestion) {
  const Message asked = message(1, 0x0100, {.questions = {kQuestion}});
  for (unsigned rcode = 0; rcode < 16; ++rcode) {
    const bool misunderstood = rcode != 0 && rcode != 3 && rcode != 6;
    EXPECT_EQ(answers_question(message(1, static_cast<std::uint16_t>(0x8000 | rcode), {}), asked), misunderstood);
  }
  const Message update = message(1, 0x2800, {.questions = {question("example.", 6)}});
  EXPECT_TRUE(answers_question(message(1, 0xa800, {}), update));
  EXPECT_FALSE(answers_question(message(1, 0x8000, {}), update));
  const Message notify = message(1, 0x2400, {.questions = {question("example.", 6)}});
  EXPECT_TRUE(answers_question(message(1, 0xa409, {}), notify));
  EXPECT_TRUE(answers_question(message(1, 0xa400, {}), notify));
}

TEST(KeepReply, WithoutOpt) {
  const Keeper k(answer({}));
  ASSERT_EQ(k.fault, ReplyFault::none);
  EXPECT_EQ(k.message(), answer({}, 0x8400, 0));
  EXPECT_FALSE(k.kept.edns || k.kept.verbatim || k.kept.truncated || k.kept.framed);
  EXPECT_TRUE(k.options().empty());
}

TEST(KeepReply, OptGoes) {
  const Message cookie = option(10, Message(16, 1));
  const Message options = joined(joined(option(11, {0, 9}), cookie), option(12, Message(40, 0)));
  const Keeper k(answer({kAddress, opt({.extended_rcode = 1, .dnssec = true}, options)}));
  ASSERT_EQ(k.fault, ReplyFault::none);
  EXPECT_EQ(k.message(), answer({kAddress}, 0x8400, 0));
  EXPECT_EQ(k.options(), cookie);
  EXPECT_TRUE(k.kept.edns && k.kept.dnssec_ok);
  EXPECT_EQ(k.kept.extended_rcode, 1);
}

TEST(KeepReply, OptInBetween) {
  const Message cookie = option(10, Message(16, 1));
  const Keeper k(answer({opt({}, cookie), kAddress, record(pointer_to(16), 2, 5, pointer_to(12))}));
  ASSERT_EQ(k.fault, ReplyFault::none);
  EXPECT_EQ(k.message(), answer({kAddress, record(pointer_to(16), 2, 5, pointer_to(12))}, 0x8400, 0));
  EXPECT_EQ(k.options(), cookie);
  // A name behind the OPT, and another that points to it.
  const auto opt_at = static_cast<unsigned>(answer({}).size());
  const Message name = record(wire_name("elsewhere."), 1, 1, {1, 2, 3, 4});
  const Message owner = record(pointer_to(opt_at + 11), 1, 1, {1, 2, 3, 4});
  const Message target = record(pointer_to(12), 5, 1, pointer_to(opt_at + 11));
  const Message soa =
      record(pointer_to(12), 6, 1, joined(joined({1, 'a', 0}, pointer_to(opt_at + 11)), Message(20, 0)));
  const Message srv = record(pointer_to(12), 33, 1, joined(Message(6, 0), pointer_to(opt_at + 11)));
  for (const Message& last : {owner, target, soa, srv}) {
    EXPECT_EQ(fault_of(answer({opt({}), name, last})), ReplyFault::malformed);
    EXPECT_EQ(fault_of(answer({opt({}), name, last}), true), ReplyFault::none);  // verbatim: nothing moves
  }
  EXPECT_EQ(fault_of(answer({opt({}), name})), ReplyFault::none);
}

TEST(KeepReply, Malformed) {
  const Message good = answer({opt({}, option(10, Message(8, 1)))});
  EXPECT_EQ(fault_of(joined(good, {0})), ReplyFault::malformed);
  EXPECT_EQ(fault_of(joined(good, {0}), true), ReplyFault::malformed);
  for (std::size_t n = 0; n < good.size(); ++n) {
    const Message part(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(fault_of(part), ReplyFault::malformed) << n;
    EXPECT_EQ(fault_of(part, true), ReplyFault::malformed) << n;
  }
  EXPECT_EQ(fault_of(answer({}, 0x0400)), ReplyFault::malformed);  // QR=0
  EXPECT_EQ(fault_of(answer({opt({}), opt({})})), ReplyFault::malformed);
  EXPECT_EQ(fault_of(answer({record(wire_name("a."), 41, 0, {})})), ReplyFault::malformed);
  EXPECT_EQ(fault_of(answer({opt({}, {0, 10, 0, 1})})), ReplyFault::malformed);
  EXPECT_EQ(fault_of(message(1, 0x8000, {.questions = {kQuestion}, .answers = {opt({})}})), ReplyFault::malformed);
  EXPECT_EQ(fault_of(message(1, 0x8000, {.questions = {kQuestion, kQuestion}})), ReplyFault::malformed);
  EXPECT_EQ(fault_of(message(1, 0x8000, {.questions = {{0xc0, 12, 0, 1, 0, 1}}})), ReplyFault::malformed);
  const auto at = static_cast<unsigned>(answer({}).size());
  for (const unsigned target : {at, at + 2, 3U, 0x3fffU}) {
    EXPECT_EQ(fault_of(answer({record(pointer_to(target), 1, 1, {1, 2, 3, 4})})), ReplyFault::malformed) << target;
  }
  KeptReply kept;
  std::vector<std::uint8_t> tight(good.size() - 1);
  EXPECT_EQ(keep_reply(good, false, tight, kept), ReplyFault::no_room);
}

// Data that is not what its type consists of, and names that lead nowhere, would be the client's to find out.
TEST(KeepReply, DataHasToBeWhatItsTypeConsistsOf) {
  const auto at = static_cast<unsigned>(answer({}).size()) + 12;  // of the data, behind an owner that is a pointer
  const auto with = [](std::uint16_t type, const Message& data) {
    return fault_of(answer({record(pointer_to(12), type, 1, data)}));
  };
  EXPECT_EQ(with(1, {1, 2, 3, 4}), ReplyFault::none);
  EXPECT_EQ(with(1, {1, 2, 3}), ReplyFault::malformed);
  EXPECT_EQ(with(1, {1, 2, 3, 4, 5}), ReplyFault::malformed);
  EXPECT_EQ(with(28, Message(16, 1)), ReplyFault::none);
  EXPECT_EQ(with(28, Message(15, 1)), ReplyFault::malformed);
  for (const std::uint16_t type : std::initializer_list<std::uint16_t>{2, 5, 12, 39}) {
    EXPECT_EQ(with(type, pointer_to(12)), ReplyFault::none) << type;
    for (const unsigned target : {at, at + 2, 0x3fffU, 3U}) {
      EXPECT_EQ(with(type, pointer_to(target)), ReplyFault::malformed) << type << " to " << target;
    }
    EXPECT_EQ(with(type, {1, 'a'}), ReplyFault::malformed);
    EXPECT_EQ(with(type, {0, 0}), ReplyFault::malformed);
  }
  EXPECT_EQ(with(15, joined({0, 1}, pointer_to(at + 2))), ReplyFault::malformed);
  EXPECT_EQ(with(33, joined({0, 1, 0, 1, 0}, pointer_to(12))), ReplyFault::malformed);
  EXPECT_EQ(with(6, joined(pointer_to(12), pointer_to(12))), ReplyFault::malformed);
  EXPECT_EQ(with(16, {3, 'a', 'b', 'c'}), ReplyFault::none);
  EXPECT_EQ(with(16, {3, 'a', 'b'}), ReplyFault::malformed);
  EXPECT_EQ(with(65280, {9}), ReplyFault::none);
}

TEST(KeepReply, Truncated) {
  const Message whole = answer({opt({.dnssec = true}, option(10, Message(8, 1)))}, 0x8600);
  const Message stump = message(0, 0x8600, {.questions = {kQuestion}});
  const Keeper k(whole);
  ASSERT_EQ(k.fault, ReplyFault::none);
  EXPECT_TRUE(k.kept.truncated && k.kept.edns && k.kept.dnssec_ok);
  EXPECT_EQ(k.message(), stump);
  // Cut off anywhere behind its question, or with other counts than records.
  for (std::size_t n = 12 + kQuestion.size(); n < whole.size(); ++n) {
    const Keeper cut(Message(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)));
    ASSERT_EQ(cut.fault, ReplyFault::none) << n;
    EXPECT_EQ(cut.message(), stump);
    EXPECT_TRUE(cut.kept.truncated);
    EXPECT_FALSE(cut.kept.edns);
  }
  EXPECT_EQ(fault_of(Message(whole.begin(), whole.begin() + 20)), ReplyFault::malformed);
}

TEST(KeepReply, Verbatim) {
  const Message full = answer({opt({}, option(12, Message(7, 0))), tsig()});
  const Keeper k(full, true);
  ASSERT_EQ(k.fault, ReplyFault::none);
  EXPECT_TRUE(k.kept.verbatim);
  EXPECT_EQ(k.message(), answer({opt({}, option(12, Message(7, 0))), tsig()}, 0x8400, 0));
}

Message framed(const Message& m) {
  Message f;
  put16(f, static_cast<unsigned>(m.size()));
  return joined(f, m);
}

TEST(KeepTransfer, MessagesInARow) {
  const Message later = message(0x5555, 0x8400, {.answers = {kAddress}});  // RFC 5936 2.2: without a question
  const Message wire = joined(framed(answer({})), framed(later));
  std::vector<std::uint8_t> into(wire.size());
  KeptReply kept;
  ASSERT_EQ(keep_transfer(wire, into, kept), ReplyFault::none);
  EXPECT_TRUE(kept.framed && kept.verbatim);
  const Message expected = joined(framed(answer({}, 0x8400, 0)), framed(message(0, 0x8400, {.answers = {kAddress}})));
  EXPECT_EQ(Message(kept.message.begin(), kept.message.end()), expected);
  for (std::size_t n = 0; n < wire.size(); ++n) {
    const bool boundary = n == 2 + answer({}).size();
    const std::vector<std::uint8_t> part(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(n));
    EXPECT_EQ(keep_transfer(part, into, kept), boundary ? ReplyFault::none : ReplyFault::malformed) << n;
  }
  std::vector<std::uint8_t> tight(wire.size() - 1);
  EXPECT_EQ(keep_transfer(wire, tight, kept), ReplyFault::no_room);
  EXPECT_EQ(keep_transfer(framed(answer({}, 0x0400)), into, kept), ReplyFault::malformed);
  EXPECT_EQ(keep_transfer(framed(message(1, 0x8000, {.questions = {{0xc0, 12}}})), into, kept), ReplyFault::malformed);
  EXPECT_EQ(keep_transfer(framed(Message(11, 0xff)), into, kept), ReplyFault::malformed);
}

// Whatever comes: no step outside of it, and what is kept can be read again, without an OPT.
TEST(KeepReply, FlippedBytesDoNoHarm) {
  std::mt19937 random(2);
  const Message mx = record(pointer_to(12), 15, 60, joined({0, 1}, pointer_to(16)));
  const Message good = answer({mx, opt({}, option(10, Message(8, 1))), kAddress});
  unsigned kept_count = 0;
  for (int i = 0; i < 40000; ++i) {
    Message m = good;
    for (auto n = 1 + random() % 3; n > 0; --n) m[random() % m.size()] = static_cast<std::uint8_t>(random());
    const Keeper k(m);
    if (k.fault != ReplyFault::none) continue;
    ++kept_count;
    ASSERT_LE(k.kept.message.size() + k.kept.options.size(), m.size());
    const Keeper again(k.message());
    ASSERT_EQ(again.fault, ReplyFault::none);
    ASSERT_FALSE(again.kept.edns);
    ASSERT_EQ(again.message(), k.message());
  }
  EXPECT_GT(kept_count, 4000U);
}

}  // namespace
