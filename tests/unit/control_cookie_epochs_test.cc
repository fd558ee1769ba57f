// Epoch keys over time, rotation of secrets, and the secret file.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "lib/control/keys/cookie_epochs.h"
#include "lib/control/keys/dns_cookie_secrets.h"
#include "lib/control/keys/key_store.h"
#include "lib/control/keys/secret_file.h"

namespace gl::control {
namespace {

constexpr std::uint32_t kEpoch = 800;
constexpr std::uint64_t kStart = 1000 * kEpoch;  // of epoch 1000, which is even

std::vector<DatedSecret> one_secret(std::uint8_t fill = 1) {
  DatedSecret secret;
  secret.bytes.fill(fill);
  return {secret};
}

TEST(CookieEpochs, CurrentSignsAndTheOtherSlotFollowsTheClock) {
  const auto secrets = one_secret();
  const auto key = [&](std::uint64_t number) { return epoch_key(secrets, number, kEpoch); };
  const struct {
    std::uint64_t elapsed;
    std::uint64_t other;
    bool draining;
  } moments[] = {{0, 999, false},  {399, 999, false},  {400, 999, true},
                 {699, 999, true}, {700, 1001, false}, {799, 1001, false}};
  for (const auto& moment : moments) {
    const tcp::CookieKeys keys = cookie_keys(secrets, kStart + moment.elapsed, kEpoch);
    EXPECT_EQ(keys.current, 0) << moment.elapsed;
    EXPECT_EQ(keys.by_parity[0], key(1000)) << moment.elapsed;
    EXPECT_EQ(keys.by_parity[1], key(moment.other)) << moment.elapsed;
    EXPECT_EQ(keys.draining, moment.draining) << moment.elapsed;
  }
  const tcp::CookieKeys next = cookie_keys(secrets, kStart + kEpoch, kEpoch);
  EXPECT_EQ(next.current, 1);
  EXPECT_EQ(next.by_parity[1], key(1001));
  EXPECT_EQ(next.by_parity[0], key(1000));
}

TEST(CookieEpochs, KeysDifferBetweenEpochsAndSecrets) {
  EXPECT_NE(epoch_key(one_secret(), 1, kEpoch), epoch_key(one_secret(), 3, kEpoch));
  EXPECT_NE(epoch_key(one_secret(1), 1, kEpoch), epoch_key(one_secret(2), 1, kEpoch));
  EXPECT_EQ(epoch_key(one_secret(), 1, kEpoch), epoch_key(one_secret(), 1, kEpoch));
}

// A dated secret takes effect with the first epoch that starts at or after it, wherever in the file it stands.
TEST(CookieEpochs, DatedSecretTakesEffectAtAnEpochsStart) {
  std::vector<DatedSecret> both = one_secret(2);
  both[0].since = kStart + 10;
  both.push_back(one_secret(1)[0]);
  EXPECT_EQ(epoch_key(both, 1000, kEpoch), epoch_key(one_secret(1), 1000, kEpoch));
  EXPECT_EQ(epoch_key(both, 1001, kEpoch), epoch_key(one_secret(2), 1001, kEpoch));
  // Connections opened before go on: the key of 1000 is still there in 1001.
  const tcp::CookieKeys keys = cookie_keys(both, kStart + kEpoch + 1, kEpoch);
  EXPECT_EQ(keys.by_parity[0], epoch_key(one_secret(1), 1000, kEpoch));
  both[1].since = kStart + 20;  // all lie ahead: the earliest
  EXPECT_EQ(epoch_key(both, 5, kEpoch), epoch_key(one_secret(2), 5, kEpoch));
}

class SecretFile : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& text, mode_t mode = 0600) {
    std::filesystem::create_directories(folder_);
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  std::string error() {
    const auto secrets = read_secret_file(path_);
    return secrets.ok() ? "" : secrets.error();
  }
  const std::string folder_ = testing::TempDir() + "goldilocks_secret";
  const std::string path_ = folder_ + "/deep/secret";
};

TEST_F(SecretFile, IsMadeOnceAndPrivate) {
  const auto made = read_or_make_secret_file(path_);
  ASSERT_TRUE(made) << made.error();
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto again = read_or_make_secret_file(path_);
  ASSERT_TRUE(again && made->node.size() == 1 && again->node.size() == 1);
  EXPECT_EQ(again->node.at(0).bytes, made->node.at(0).bytes);
  std::filesystem::remove(path_);
  EXPECT_NE(read_or_make_secret_file(path_)->node.at(0).bytes, made->node.at(0).bytes);
}

TEST_F(SecretFile, ThoseThatStartAtOnceShareOne) {
  for (int round = 0; round < 50; ++round) {
    std::filesystem::remove_all(folder_);
    std::vector<std::string> outcomes(4);
    std::vector<std::thread> starters;
    for (std::string& outcome : outcomes) {
      starters.emplace_back([this, &outcome] {
        const auto secrets = read_or_make_secret_file(path_);
        outcome =
            secrets ? std::string(secrets->node.at(0).bytes.begin(), secrets->node.at(0).bytes.end()) : secrets.error();
      });
    }
    for (std::thread& starter : starters) starter.join();
    for (const std::string& outcome : outcomes) ASSERT_EQ(outcome, outcomes[0]);
    const auto parent = std::filesystem::path(path_).parent_path();
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(parent), {}), 1) << "a draft was left";
  }
  EXPECT_EQ(read_secret_file(path_)->node.size(), 1u);
}

TEST_F(SecretFile, LinesAndComments) {
  std::filesystem::create_directories(folder_ + "/deep");
  write("# c\n\n" + std::string(64, 'a') + "  # the first\n@1700000000 " + std::string(64, 'B') + "\n");
  const auto secrets = read_secret_file(path_);
  ASSERT_TRUE(secrets) << secrets.error();
  ASSERT_EQ(secrets->node.size(), 2u);
  EXPECT_EQ(secrets->node.at(0).since, 0u);
  EXPECT_EQ(secrets->node.at(0).bytes[0], 0xaa);
  EXPECT_EQ(secrets->node.at(1).since, 1700000000u);
  EXPECT_EQ(secrets->node.at(1).bytes[31], 0xbb);
}

TEST_F(SecretFile, DnsLines) {
  std::filesystem::create_directories(folder_ + "/deep");
  const std::string node(64, 'a');
  write(node + "\ndns " + std::string(32, 'b') + "\n@1700000000 dns " + std::string(32, 'C') + " # next\n");
  const auto secrets = read_secret_file(path_);
  ASSERT_TRUE(secrets) << secrets.error();
  ASSERT_EQ(secrets->node.size(), 1u);
  ASSERT_EQ(secrets->dns.size(), 2u);
  EXPECT_EQ(secrets->dns.at(0).bytes[0], 0xbb);
  EXPECT_EQ(secrets->dns.at(1).since, 1700000000u);
  EXPECT_EQ(secrets->dns.at(1).bytes[15], 0xcc);
  write(node + "\ndns " + std::string(64, 'b') + "\n");
  EXPECT_EQ(error(), "secret file " + path_ + ":2: expected 32 hex digits");
  write(node + "\ndns\n");
  EXPECT_EQ(error(), "secret file " + path_ + ":2: expected 32 hex digits");
  write("dns " + std::string(32, 'b') + "\n");
  EXPECT_EQ(error(), "secret file " + path_ + ": holds no secret; remove it and a new one is made");
}

// A day's secret is derived from the node's; beside it stands that of the day before for as long as its cookies live,
// and shortly before midnight that of the next.
TEST(DnsCookieSecrets, DerivedByTheDay) {
  const Secrets secrets{one_secret(), {}};
  constexpr std::uint64_t kDay = 86400;
  constexpr std::uint64_t kMidnight = 20000 * kDay;
  const auto at = [&](std::uint64_t time) { return dns_cookie_secrets(secrets, time); };
  const dns::CookieSecret day = at(kMidnight + kDay / 2).current;
  const dns::CookieSecret before = at(kMidnight - kDay / 2).current;
  const dns::CookieSecret after = at(kMidnight + kDay * 3 / 2).current;
  EXPECT_NE(day, before);
  EXPECT_NE(day, after);
  EXPECT_FALSE(at(kMidnight + kDay / 2).has_other);
  EXPECT_EQ(at(kMidnight).current, day);
  for (const std::uint64_t elapsed : {std::uint64_t{0}, kDnsOverlap - 1}) {
    EXPECT_TRUE(at(kMidnight + elapsed).has_other) << elapsed;
    EXPECT_EQ(at(kMidnight + elapsed).other, before) << elapsed;
  }
  EXPECT_FALSE(at(kMidnight + kDnsOverlap).has_other);
  EXPECT_FALSE(at(kMidnight + kDay - kDnsClockSkew - 1).has_other);
  EXPECT_EQ(at(kMidnight + kDay - kDnsClockSkew).other, after);
  EXPECT_EQ(at(kMidnight + kDay - kDnsClockSkew).current, day);
  // Another node's secret, and TCP's key of an epoch with the same number, say nothing of it.
  EXPECT_NE(dns_cookie_secrets({one_secret(2), {}}, kMidnight).current, day);
  EXPECT_NE(epoch_key(secrets.node, 20000, kDay), day);
}

TEST(DnsCookieSecrets, GivenOnesHoldFromTheirDates) {
  Secrets secrets{one_secret(), {{0, {1}}, {10000, {2}}, {50000, {3}}}};
  const auto at = [&](std::uint64_t time) { return dns_cookie_secrets(secrets, time); };
  EXPECT_EQ(at(9000).current, dns::CookieSecret{1});
  EXPECT_FALSE(at(9000).has_other);
  EXPECT_EQ(at(9700).other, dns::CookieSecret{2});
  EXPECT_EQ(at(10000).current, dns::CookieSecret{2});
  EXPECT_EQ(at(10000).other, dns::CookieSecret{1});
  EXPECT_EQ(at(10000 + kDnsOverlap - 1).other, dns::CookieSecret{1});
  EXPECT_FALSE(at(10000 + kDnsOverlap).has_other);
  EXPECT_EQ(at(50001).current, dns::CookieSecret{3});
  EXPECT_EQ(at(50001).other, dns::CookieSecret{2});
}

TEST_F(SecretFile, ErrorsSayLineAndReason) {
  std::filesystem::create_directories(folder_ + "/deep");
  const std::string good(64, 'a');
  EXPECT_EQ(error(), "secret file " + path_ + ": No such file or directory");
  write(good, 0640);
  EXPECT_EQ(error(), "secret file " + path_ + ": others than its owner may read it; chmod 600");
  write("# nothing\n");
  EXPECT_EQ(error(), "secret file " + path_ + ": holds no secret; remove it and a new one is made");
  for (const std::string& line : {good.substr(1), good + "a", std::string(64, 'g'), "@17" + std::string()}) {
    write("#\n" + line + "\n");
    EXPECT_EQ(error(), "secret file " + path_ + ":2: expected 64 hex digits") << line;
  }
  write("@x " + good + "\n");
  EXPECT_EQ(error(), "secret file " + path_ + ":1: after @ stands a UNIX time in seconds");
  write(good + " " + good + "\n");
  EXPECT_EQ(error(), "secret file " + path_ + ":1: something follows the 64 hex digits");
}

TEST_F(SecretFile, KeyStorePublishesWhenKeysChangeAndKeepsThemWhenTheFileIsBad) {
  std::atomic<const tcp::CookieKeys*> published{nullptr};
  int quiesced = 0;
  dns::CookiePublication dns_published;
  KeyStore store(path_, kEpoch, {published, dns_published}, [&] { ++quiesced; });
  ASSERT_TRUE(store.load());
  store.tick(kStart);
  const tcp::CookieKeys first = *published.load();
  store.tick(kStart + 1);
  EXPECT_EQ(quiesced, 1);
  store.tick(kStart + kEpoch / 2);
  EXPECT_EQ(quiesced, 2);
  EXPECT_TRUE(published.load()->draining);
  EXPECT_EQ(dns_published.unix_time.load(), kStart + kEpoch / 2);
  ASSERT_NE(dns_published.secrets.load(), nullptr);
  write("broken\n");
  EXPECT_FALSE(store.reload());
  store.tick(kStart);
  EXPECT_EQ(published.load()->by_parity, first.by_parity);
  std::filesystem::remove(path_);  // as while an editor replaces it
  EXPECT_FALSE(store.reload());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace gl::control
