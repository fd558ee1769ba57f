// Answers that are too long: for a datagram, for a message at all, for the backend itself.
#include <gtest/gtest.h>

#include "tests/unit/render_fixture.h"

namespace {

using namespace gl;
using namespace gl::backend;
using namespace gl::test;

TEST_F(Render, TooLongForADatagram) {
  Parts many;
  for (int i = 0; i < 60; ++i) many.push_back(address());  // 16 bytes each
  const Message cookie = option(10, Message(16, 1));
  const Message full =
      message(1, 0x8480, {.questions = {kQuestion}, .answers = many, .additionals = {opt({}, cookie)}});
  keep(full);
  EXPECT_EQ(render(ask()), without_records({}, 0x8790));
  EXPECT_TRUE(rendered_.truncated);
  EXPECT_EQ(render(ask({opt({.payload = 100})})), without_records({opt({}, cookie)}, 0x8790));
  EXPECT_EQ(render(ask({opt({.payload = 1232})})).size(), full.size());
  EXPECT_FALSE(rendered_.truncated);
  settings_.max_udp = 600;
  EXPECT_EQ(render(ask({opt({.payload = 1232})})), without_records({opt({.payload = 600}, cookie)}, 0x8790));
  settings_.max_udp = 1232;
  EXPECT_EQ(render(ask({opt({.payload = 1232})}), full.size() - 1), without_records({opt({}, cookie)}, 0x8790));
  how_.stream = true;
  EXPECT_EQ(render(ask()).size(), full.size() - 11 - cookie.size());
}

TEST_F(Render, LongOptionsGiveWayInATruncatedAnswer) {
  keep(reply({opt({}, option(65001, Message(700, 1)))}));
  EXPECT_EQ(render(ask({opt({.payload = 512})})), without_records({opt({})}, 0x8790));
}

TEST_F(Render, TheLongestAnswerOverTcp) {
  how_.stream = true;
  const std::size_t head = 12 + kQuestion.size() + 12;
  const auto long_reply = [&](std::size_t length) {
    return message(1, 0x8480,
                   {.questions = {kQuestion}, .answers = {record(pointer_to(12), 10, 1, Message(length - head, 1))}});
  };
  keep(long_reply(65535));
  EXPECT_EQ(render(ask()).size(), 65535U);
  EXPECT_EQ(render(ask({opt({})})).size(), 65535U);  // no room for an OPT
  EXPECT_EQ(render(ask({opt({})}))[11], 0);
  keep(long_reply(65524));
  EXPECT_EQ(render(ask({opt({})})).size(), 65535U);
  settings_.tcp_keepalive = 9;
  EXPECT_EQ(render(ask({opt({}, option(11, {}))})).size(), 65535U);  // and none in it
}

TEST_F(Render, TruncatedByTheBackend) {
  keep(reply({opt({})}, 0x8680));
  EXPECT_EQ(render(ask({opt({})})), without_records({opt({})}, 0x8790));
  EXPECT_TRUE(rendered_.truncated);
  how_.stream = true;
  EXPECT_EQ(render(ask({opt({})})), without_records({opt({}, option(15, {0, 23}))}, 0x8112));
  EXPECT_FALSE(rendered_.truncated);
}

}  // namespace
