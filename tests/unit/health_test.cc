// goldilocks-health: when a node is up, what its question is and what answers it, and the commands.
#include <gtest/gtest.h>

#include "app/health/command.h"
#include "app/health/question.h"
#include "app/health/standing.h"

namespace gl::health {
namespace {

TEST(Standing, RowsOfRoundsDecide) {
  Standing standing(2, 3);
  EXPECT_EQ(standing.state(), State::unknown);
  EXPECT_EQ(standing.observe(Round::answered), State::unknown);
  EXPECT_EQ(standing.observe(Round::answered), State::up);
  EXPECT_EQ(standing.observe(Round::failed), State::up);
  EXPECT_EQ(standing.observe(Round::failed), State::up);
  EXPECT_EQ(standing.observe(Round::answered), State::up);  // the row of failures begins anew
  EXPECT_EQ(standing.observe(Round::failed), State::up);
  EXPECT_EQ(standing.observe(Round::failed), State::up);
  EXPECT_EQ(standing.observe(Round::failed), State::down);
  EXPECT_EQ(standing.observe(Round::answered), State::down);
  EXPECT_EQ(standing.observe(Round::failed), State::down);
  EXPECT_EQ(standing.observe(Round::answered), State::down);
  EXPECT_EQ(standing.observe(Round::answered), State::up);
}

TEST(Standing, DrainingIsDownAtOnce) {
  Standing standing(1, 3);
  EXPECT_EQ(standing.observe(Round::answered), State::up);
  EXPECT_EQ(standing.observe(Round::draining), State::down);
  EXPECT_EQ(standing.observe(Round::answered), State::up);
}

TEST(Standing, NeverUpIsDownAfterARowToo) {
  Standing standing(1, 2);
  EXPECT_EQ(standing.observe(Round::failed), State::unknown);
  EXPECT_EQ(standing.observe(Round::failed), State::down);
}

TEST(Question, NameAndType) {
  const auto made = make_question("com/NS");
  ASSERT_TRUE(made) << made.error();
  const Message expected = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'c', 'o', 'm', 0, 0, 2, 0, 1};
  EXPECT_EQ(*made, expected);
  ASSERT_TRUE(make_question("."));
  EXPECT_EQ(make_question(".")->at(14), 6);  // SOA
  EXPECT_EQ(make_question("com/NSS").error(), "'NSS' is no type of records");
  EXPECT_EQ(make_question("a..b/A").error(), "'a..b' is no name");
  EXPECT_EQ(make_question("/A").error(), "'' is no name");
}

TEST(Question, WhatAnswersIt) {
  const Message question = with_new_number(*make_question("com/NS"));
  Message answer = question;
  answer[2] = 0x84;
  EXPECT_EQ(fault_of(question, answer), "");
  answer[2] |= 2;  // TC
  EXPECT_EQ(fault_of(question, answer), "");
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Message other = answer;
    other[at] = value;
    return fault_of(question, other);
  };
  EXPECT_EQ(changed(3, 2), "SERVFAIL");
  EXPECT_EQ(changed(3, 5), "REFUSED");
  EXPECT_EQ(changed(0, static_cast<std::uint8_t>(question[0] ^ 1)), "the answer to another question");
  EXPECT_EQ(changed(13, 'd'), "the answer to another question");
  EXPECT_EQ(changed(18, 1), "the answer to another question");
  EXPECT_EQ(changed(2, 0), "no answer but something else");
  EXPECT_EQ(fault_of(question, Bytes(answer).first(answer.size() - 1)), "a short answer");
  EXPECT_EQ(fault_of(question, {}), "a short answer");
}

TEST(Command, ExitCodesAndTime) {
  EXPECT_TRUE(run_command("true", 5000));
  EXPECT_EQ(run_command("exit 3", 5000).error(), "exit 3: exit code 3");
  EXPECT_EQ(run_command("kill -9 $$", 5000).error(), "kill -9 $$: killed");
  EXPECT_EQ(run_command("sleep 60 & wait", 50).error(), "sleep 60 & wait: not done within 50 ms");
}

}  // namespace
}  // namespace gl::health
