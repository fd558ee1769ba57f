// The log's lines in each form, and what is left out of a flood.
#include <gtest/gtest.h>

#include <string>

#include "lib/base/json.h"
#include "lib/base/printable.h"
#include "lib/control/log.h"
#include "lib/control/logging/limit.h"
#include "lib/control/logging/line.h"

namespace gl::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

LogLine line_of(const std::string& message, LogFields fields = {}) {
  constexpr milliseconds kThen(1795816800007);
  return {.time = system_clock::time_point(kThen),
          .level = LogLevel::warning,
          .message = message,
          .fields = std::move(fields)};
}

TEST(Log, TextIsAsItEverWas) {
  EXPECT_EQ("2026-11-27T22:00:00.007Z goldilocks: warning: zone a.: \\x0Ab\n",
            render(line_of("zone a.: \nb"), LogFormat::text));
}

TEST(Log, AllOfATimeBefore1970) {
  LogLine line = line_of("x");
  line.time = system_clock::time_point(milliseconds(-1));
  EXPECT_TRUE(render(line, LogFormat::text).starts_with("1969-12-31T23:59:59.999Z "));
}

TEST(Log, JournalHasThePriorityOfSyslog) {
  constexpr const char* kPriorities[] = {"<3>", "<4>", "<5>", "<6>", "<7>"};
  for (std::size_t i = 0; i < kLogLevels.size(); ++i) {
    LogLine line = line_of("x\x1b[31m");
    line.level = *log_level_from(kLogLevels[i]);
    EXPECT_EQ(kPriorities[i] + std::string("x\\x1B[31m\n"), render(line, LogFormat::journal));
  }
  LogLine line = line_of("EAL: x");
  line.source = "dpdk";
  EXPECT_EQ("<4>dpdk: EAL: x\n", render(line, LogFormat::journal));
}

TEST(Log, JsonHasItsKeysInOrder) {
  EXPECT_EQ(
      R"({"time":"2026-11-27T22:00:00.007Z","level":"warning","source":"goldilocks","message":"x","zone":"a.","serial":7})"
      "\n",
      render(line_of("x", {{"zone", "a."}, {"serial", 7u}}), LogFormat::json));
}

// Whatever a zone or a peer is called: one line, an object, and its text as it was but for what is harmful.
TEST(Log, JsonOfHostileNamesIsJson) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = {'"', static_cast<char>(byte), '\\', '}', static_cast<char>(byte), '\n'};
    const std::string text =
        render(line_of("zone " + name, {{"zone", name}, {"group", LogField::Numbers{{name, 1}}}}), LogFormat::json);
    ASSERT_EQ(text.size() - 1, text.find('\n')) << byte;
    const Json object(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, nullptr));
    ASSERT_NE(nullptr, object) << byte << " " << text;
    EXPECT_EQ(harmless(name), text_member(object.get(), "zone"));
    EXPECT_EQ("zone " + harmless(name), text_member(object.get(), "message"));
    EXPECT_EQ(1, json_integer_value(json_object_get(json_object_get(object.get(), "group"), harmless(name).c_str())));
  }
}

TEST(Log, WordsThatAreNone) {
  EXPECT_EQ(std::nullopt, log_level_from("Error"));
  EXPECT_EQ(std::nullopt, log_level_from(""));
  EXPECT_EQ(std::nullopt, log_format_from("yaml"));
  EXPECT_EQ(LogLevel::debug, log_level_from("debug"));
  EXPECT_EQ(LogFormat::journal, log_format_from("journal"));
}

TEST(LogLimit, ABurstAndThenANumber) {
  LogLimit limit;
  const LogKind kind{"a.cc", 1, ""};
  std::size_t written = 0;
  for (unsigned i = 0; i < LogLimit::kBurst + 7; ++i) {
    if (limit.admits(kind, line_of("line " + std::to_string(i)), 1000)) ++written;
  }
  EXPECT_EQ(LogLimit::kBurst, written);
  EXPECT_TRUE(limit.admits({"a.cc", 2, ""}, line_of("y"), 1000)) << "another place";
  EXPECT_TRUE(limit.admits({"a.cc", 1, "tftp"}, line_of("y"), 1000)) << "another service";
  EXPECT_TRUE(limit.left_out(1000 + LogLimit::kIntervalMs - 1).empty());
  const auto lines = limit.left_out(1000 + LogLimit::kIntervalMs);
  ASSERT_EQ(1u, lines.size());
  EXPECT_EQ("7 similar lines left out, the last: line 106", lines.front().message);
  EXPECT_EQ(LogLevel::warning, lines.front().level);
  EXPECT_NE(std::string::npos, render(lines.front(), LogFormat::json).find(R"("left_out":7)"));
  EXPECT_TRUE(limit.admits(kind, line_of("x"), 1000 + LogLimit::kIntervalMs)) << "a new interval";
  EXPECT_TRUE(limit.left_out(UINT64_MAX).empty());
}

// Fewer than a burst in each interval: nothing is lost, however long it goes on.
TEST(LogLimit, WhatIsSlowStays) {
  LogLimit limit;
  for (std::uint64_t now = 0; now < 100 * LogLimit::kIntervalMs; now += LogLimit::kIntervalMs / 50) {
    ASSERT_TRUE(limit.admits({"a.cc", 1, ""}, line_of("x"), now)) << now;
  }
}

// What the process really writes: the level counts, and debug has no limit.
TEST(Log, LevelsAndLimitsOfTheProcess) {
  set_up_log({LogFormat::text, LogLevel::notice});
  testing::internal::CaptureStderr();
  say("not said");
  note("said");
  for (unsigned i = 0; i < LogLimit::kBurst + 3; ++i) warn("again");
  set_log_level(LogLevel::debug);
  for (unsigned i = 0; i < LogLimit::kBurst + 3; ++i) explain("why");
  end_log();
  set_up_log({});
  const std::string text = testing::internal::GetCapturedStderr();
  const auto count = [&](const std::string& what) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++found;
    return found;
  };
  EXPECT_EQ(0u, count("not said"));
  EXPECT_EQ(1u, count("notice: said\n"));
  EXPECT_EQ(LogLimit::kBurst, count("warning: again\n"));
  EXPECT_EQ(1u, count("warning: 3 similar lines left out, the last: again\n"));
  EXPECT_EQ(LogLimit::kBurst + 3, count("debug: why\n"));
}

}  // namespace
}  // namespace gl::control
