// The file of frames for generators that cannot react: for how long it says that its cookies hold, and that the same
// options make the same file.
#include <gtest/gtest.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "app/load/pcap/pcap_file.h"
#include "app/load/pcap/write.h"
#include "lib/control/keys/cookie_epochs.h"

namespace {

using namespace gl;
using namespace gl::load;

constexpr std::uint64_t kTime = 1'800'000'000;

// What the window says is what a server's keys do, at every second around it.
TEST(LoadPcap, ValidWhereTheServersKeysTakeTheCookies) {
  constexpr std::uint32_t kEpoch = 80;
  std::vector<control::DatedSecret> secrets(1);
  secrets[0].bytes.fill(7);
  for (std::uint64_t written = kTime; written < kTime + kEpoch; written += 7) {
    const tcp::CookieKeys then = control::cookie_keys(secrets, written, kEpoch);
    const Validity valid = validity_at(written, kEpoch);
    EXPECT_LE(valid.from, written);
    EXPECT_GT(valid.until, written + kEpoch - kEpoch / 8);
    for (std::uint64_t now = written - 3 * kEpoch; now < written + 3 * kEpoch; ++now) {
      const tcp::CookieKeys keys = control::cookie_keys(secrets, now, kEpoch);
      const bool taken = keys.by_parity[then.current] == then.by_parity[then.current];
      EXPECT_EQ(taken, valid.from <= now && now < valid.until) << written << " at " << now;
    }
  }
}

class LoadPcapFile : public testing::Test {
 protected:
  LoadPcapFile() {
    char name[] = "/tmp/gl-load-pcap-XXXXXX";
    folder_ = mkdtemp(name);
    std::ofstream(secret()) << std::string(64, 'a') << "\n";
    chmod(secret().c_str(), 0600);
  }
  ~LoadPcapFile() override {
    for (const char* name : {"/secret", "/a.pcap", "/b.pcap"}) unlink((folder_ + name).c_str());
    rmdir(folder_.c_str());
  }
  [[nodiscard]] std::string secret() const { return folder_ + "/secret"; }
  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // As `goldilocks-load -- --target ... flags`.
  Status write(const std::string& file, const std::vector<std::string>& flags) const {
    std::vector<std::string> words = {"goldilocks-load",
                                      "--target",
                                      "192.0.2.53",
                                      "--source",
                                      "198.51.100.0/24",
                                      "--target-mac",
                                      "02:00:00:00:00:01",
                                      "--source-mac",
                                      "02:00:00:00:00:02",
                                      "--write-pcap",
                                      file,
                                      "--at",
                                      std::to_string(kTime)};
    words.insert(words.end(), flags.begin(), flags.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    const auto options = parse_options(static_cast<int>(argv.size()), argv.data());
    if (!options) return Error{options.error()};
    return write_pcap(*options);
  }
  [[nodiscard]] std::string error(const std::vector<std::string>& flags) const {
    const Status status = write(path("a.pcap"), flags);
    return status ? "" : status.error();
  }
  [[nodiscard]] std::string bytes(const std::string& name) const {
    std::ostringstream all;
    all << std::ifstream(path(name), std::ios::binary).rdbuf();
    return all.str();
  }
  [[nodiscard]] std::vector<std::string> with_cookies() const {
    return {"--secret", secret(), "--zone", TEST_DATA "/root.zone", "--flows", "40"};
  }

 private:
  std::string folder_;
};

// Read back by libpcap: the kinds in the order of a connection, and times a microsecond apart from --at on.
TEST_F(LoadPcapFile, HoldsEachConnectionInItsOrder) {
  const Status written = write(path("a.pcap"), with_cookies());
  ASSERT_TRUE(written) << written.error();
  char why[PCAP_ERRBUF_SIZE];
  pcap_t* const file = pcap_open_offline(path("a.pcap").c_str(), why);
  ASSERT_NE(file, nullptr) << why;
  EXPECT_EQ(pcap_datalink(file), DLT_EN10MB);
  std::string flags;
  pcap_pkthdr* header = nullptr;
  const u_char* frame = nullptr;
  for (long number = 0; pcap_next_ex(file, &header, &frame) == 1; ++number) {
    EXPECT_EQ(header->ts.tv_sec, static_cast<time_t>(kTime));
    EXPECT_EQ(header->ts.tv_usec, number);
    EXPECT_EQ(header->caplen, header->len);
    flags += frame[14 + 20 + 13] == 0x02 ? 'S' : frame[14 + 20 + 13] == 0x18 ? 'q' : 'F';
  }
  pcap_close(file);
  std::string expected;
  for (int flow = 0; flow < 40; ++flow) expected += "SqF";
  EXPECT_EQ(flags, expected);
}

TEST_F(LoadPcapFile, IsTheSameForTheSameOptions) {
  ASSERT_TRUE(write(path("a.pcap"), with_cookies()));
  ASSERT_TRUE(write(path("b.pcap"), with_cookies()));
  EXPECT_EQ(bytes("a.pcap"), bytes("b.pcap"));
  ASSERT_TRUE(write(path("b.pcap"), {"--mode", "syn", "--flows", "40"}));
  EXPECT_EQ(bytes("b.pcap").size(), 24 + 40 * (16 + 74u));
}

TEST_F(LoadPcapFile, Refuses) {
  EXPECT_NE(error({"--frames", "syn,sin"}).find("'sin' is none of"), std::string::npos);
  EXPECT_NE(error({"--frames", ","}).find("--frames"), std::string::npos);
  EXPECT_NE(error({}).find("--secret"), std::string::npos);
  EXPECT_NE(error({"--secret", secret()}).find("--zone"), std::string::npos);
  EXPECT_NE(error({"--mode", "syn", "--flows", "9999999"}).find("--flows"), std::string::npos);
  auto several = with_cookies();
  several.insert(several.end(), {"--query", "./ANY", "--dnssec"});
  EXPECT_NE(error(several).find("more than one segment"), std::string::npos) << error(several);
  std::string words[] = {"goldilocks-load", "--target", "192.0.2.53", "--source", "198.51.100.0/24", "--flows", "7"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  EXPECT_EQ(parse_options(static_cast<int>(argv.size()), argv.data()).error(), "--flows: only with --write-pcap");
  const Status nowhere = write("/nowhere/a.pcap", {"--mode", "syn"});
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().find("/nowhere/a.pcap"), std::string::npos);
  const Status full = write("/dev/full", {"--mode", "syn"});
  ASSERT_FALSE(full);
  EXPECT_NE(full.error().find("/dev/full"), std::string::npos);
}

}  // namespace
