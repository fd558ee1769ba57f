// Which questions are the same.
#include <gtest/gtest.h>

#include "tests/unit/forward_messages.h"

namespace {

using namespace gl;
using namespace gl::backend;
using namespace gl::test;

Message ask_with(const Parts& additionals, std::uint16_t flags = 0x0100) {
  return message(0x1234, flags, {.questions = {question("WwW.Example.", 1)}, .additionals = additionals});
}

class Key : public testing::Test {
 protected:
  QuestionKey of(const Message& m, const Message& flow = flow_v4()) {
    ClientQuery query;
    EXPECT_EQ(parse_client_query(m, query), dns::Rcode::noerror);
    return question_key(query, settings_, context_, flow);
  }
  ForwardSettings settings_;
  KeyContext context_{.key = {1, 2, 3}};
};

TEST_F(Key, WhatDoesNotCount) {
  const QuestionKey base = of(ask_with({}));
  Message other = message(0x9999, 0x0100, {.questions = {question("wWw.eXample.", 1)}});
  EXPECT_EQ(of(other), base);                // ID, letter case
  EXPECT_EQ(of(ask_with({opt({})})), base);  // EDNS: the backend is asked with it anyway
  EXPECT_EQ(of(ask_with({opt({.payload = 4096})})), base);
  EXPECT_EQ(of(ask_with({opt({}, joined(option(11, {}), option(12, Message(30, 0))))})), base);
  EXPECT_EQ(of(ask_with({}, 0x07c0 | 0x0100)), of(ask_with({}, 0x0100)));  // AA, TC, RA, Z
  EXPECT_EQ(of(ask_with({}), flow_v4(98)), base);
  EXPECT_EQ(of(ask_with({}), {}), base);
}

TEST_F(Key, WhatCounts) {
  const QuestionKey base = of(ask_with({}));
  std::vector<QuestionKey> keys{base};
  for (const std::uint16_t flags : std::array<std::uint16_t, 3>{0x0000, 0x0110, 0x0120})
    keys.push_back(of(ask_with({}, flags)));
  for (const Message& q : {question("www.example.", 28), question("www.example.", 1, 3), question("xww.example.", 1)}) {
    keys.push_back(of(message(1, 0x0100, {.questions = {q}})));
  }
  keys.push_back(of(ask_with({opt({.dnssec = true})})));
  keys.push_back(of(ask_with({opt({}, option(10, Message(8, 1)))})));
  keys.push_back(of(ask_with({opt({}, option(10, Message(8, 2)))})));
  keys.push_back(of(ask_with({record({0}, 1, 0, {1, 2, 3, 4})})));
  keys.push_back(of(ask_with({opt({}), record({0}, 1, 0, {1, 2, 3, 5})})));
  keys.push_back(of(ask_with({tsig()})));
  context_.pool = 1;
  keys.push_back(of(ask_with({})));
  context_.pool = 0;
  context_.key[0] = 9;
  keys.push_back(of(ask_with({})));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(keys[i], keys[j]) << i << " " << j;
  }
}

TEST_F(Key, WhereTheOptStandsDoesNotCount) {
  const Message a = record({0}, 1, 0, {1, 2, 3, 4});
  const Message b = record({0}, 1, 0, {1, 2, 3, 5});
  const QuestionKey base = of(ask_with({a, b, opt({})}));
  EXPECT_EQ(of(ask_with({a, opt({}), b})), base);
  EXPECT_EQ(of(ask_with({opt({}), a, b})), base);
  EXPECT_NE(of(ask_with({opt({}), b, a})), base);
}

TEST_F(Key, EveryByteOfLongOptionsCounts) {
  Message data(1500, 7);
  const QuestionKey base = of(ask_with({opt({}, option(65001, data))}));
  for (std::size_t i = 0; i < data.size(); i += 13) {
    data[i] ^= 1;
    EXPECT_NE(of(ask_with({opt({}, option(65001, data))})), base) << i;
    data[i] ^= 1;
  }
}

TEST_F(Key, TheClientCountsWhereItIsTold) {
  context_.proxy = true;
  EXPECT_NE(of(ask_with({}), flow_v4(98)), of(ask_with({}), flow_v4(99)));
  Message flow = flow_v4();
  const QuestionKey told = of(ask_with({}), flow);
  flow[8] ^= 1;  // its port
  EXPECT_EQ(of(ask_with({}), flow), told);
  flow[7] ^= 1;  // our address
  EXPECT_NE(of(ask_with({}), flow), told);
  flow[7] ^= 1;
  flow[11] ^= 1;  // our port
  EXPECT_NE(of(ask_with({}), flow), told);
  context_.proxy = false;
  settings_.ecs_v4 = 31;
  EXPECT_EQ(of(ask_with({}), flow_v4(98)), of(ask_with({}), flow_v4(99)));
  EXPECT_NE(of(ask_with({}), flow_v4(97)), of(ask_with({}), flow_v4(99)));
  EXPECT_EQ(of(ask_with({}), flow_v6(1)), of(ask_with({}), flow_v6(2)));
  settings_.ecs_v6 = 128;
  EXPECT_NE(of(ask_with({}), flow_v6(1)), of(ask_with({}), flow_v6(2)));
  const Message own = ask_with({opt({}, option(8, {0, 1, 0, 0}))});
  EXPECT_EQ(of(own, flow_v6(1)), of(own, flow_v6(2)));
  EXPECT_NE(of(own, flow_v6(1)), of(ask_with({}), flow_v6(1)));
}

TEST_F(Key, WhatGoesThroughUnchanged) {
  const Message notify = message(1, 0x2400, {.questions = {question("Example.", 6)}});
  const Message transfer = message(1, 0, {.questions = {question("Example.", 252)}});
  for (Message m : {ask_with({tsig()}), notify, transfer}) {
    const QuestionKey base = of(m);
    m[0] ^= 0xff;
    EXPECT_EQ(of(m), base);
    EXPECT_NE(of(m, flow_v4(98)), base);
    m[13] ^= 0x20;
    EXPECT_NE(of(m), base);  // letter case: the reply has the first client's
  }
}

}  // namespace
