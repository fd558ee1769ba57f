// What RPC with ACK keeps in files: the boot counter and the journal.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "lib/services/rpc_once/boot_counter.h"
#include "lib/services/rpc_once/journal.h"

namespace gl::rpc_once {
namespace {

class Files : public testing::Test {
 protected:
  Files() : folder_(std::filesystem::temp_directory_path() / ("rpc_once_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(folder_);
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string path(const char* name) const { return folder_ / name; }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  const std::filesystem::path folder_;
};
using RpcBootCounter = Files;
using RpcJournal = Files;

TEST_F(RpcBootCounter, GrowsWithEachStart) {
  EXPECT_EQ(*next_boot_counter("", 1000), 1000u);
  EXPECT_EQ(*next_boot_counter(path("state"), 1000), 1000u);
  EXPECT_EQ(*next_boot_counter(path("state"), 1000), 1001u);  // within a second
  EXPECT_EQ(*next_boot_counter(path("state"), 5), 1002u);     // the clock was set back
  EXPECT_EQ(*next_boot_counter(path("state"), 5000), 5000u);
  EXPECT_EQ(content(path("state")), "5000\n");
  EXPECT_FALSE(std::filesystem::exists(path("state.new")));
}

TEST_F(RpcBootCounter, AFileOfSomethingElseStays) {
  for (const char* text : {"", "x\n", "-1\n", "4294967295\n", "99999999999\n"}) {
    std::ofstream(path("state")) << text;
    EXPECT_FALSE(next_boot_counter(path("state"), 1000)) << text;
    EXPECT_EQ(content(path("state")), text);
  }
  EXPECT_FALSE(next_boot_counter(path("nowhere/state"), 1000));
}

TEST_F(RpcJournal, GoesOnCounting) {
  {
    Journal journal(path("journal"));
    ASSERT_FALSE(*journal.open());
    EXPECT_FALSE(journal.append("1 a\n2 b\n", 2));
    EXPECT_EQ(journal.lines(), 2u);
    Journal another(path("journal"));
    EXPECT_FALSE(another.open());  // one process has it
  }
  std::ofstream(path("journal"), std::ios::app) << "3 to";
  Journal journal(path("journal"));
  ASSERT_TRUE(*journal.open());  // the torn line is cut off
  EXPECT_EQ(journal.lines(), 2u);
  EXPECT_FALSE(journal.append("3 c\n", 1));
  EXPECT_EQ(content(path("journal")), "1 a\n2 b\n3 c\n");
}

TEST_F(RpcJournal, AFullDiskLeavesNoHalf) {
  Journal journal(path("journal"));
  ASSERT_FALSE(*journal.open());
  ASSERT_FALSE(journal.append("1 a\n", 1));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{6, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_TRUE(journal.append("2 b\n", 1));
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  (void)std::signal(SIGXFSZ, handler);
  EXPECT_EQ(journal.lines(), 1u);
  EXPECT_FALSE(journal.append("2 c\n", 1));
  EXPECT_EQ(content(path("journal")), "1 a\n2 c\n");
}

TEST_F(RpcJournal, IsAnOrdinaryFile) {
  EXPECT_FALSE(Journal("/dev/full").open());
  EXPECT_FALSE(Journal(path("nowhere/journal")).open());
}

}  // namespace
}  // namespace gl::rpc_once
