// Epoch keys over time, rotation of secrets, and the secret file.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "lib/control/keys/cookie_epochs.h"
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
  ASSERT_TRUE(again && made->size() == 1 && again->size() == 1);
  EXPECT_EQ(again->at(0).bytes, made->at(0).bytes);
  std::filesystem::remove(path_);
  EXPECT_NE(read_or_make_secret_file(path_)->at(0).bytes, made->at(0).bytes);
}

TEST_F(SecretFile, ThoseThatStartAtOnceShareOne) {
  for (int round = 0; round < 50; ++round) {
    std::filesystem::remove_all(folder_);
    std::vector<std::string> outcomes(4);
    std::vector<std::thread> starters;
    for (std::string& outcome : outcomes) {
      starters.emplace_back([this, &outcome] {
        const auto secrets = read_or_make_secret_file(path_);
        outcome = secrets ? std::string(secrets->at(0).bytes.begin(), secrets->at(0).bytes.end()) : secrets.error();
      });
    }
    for (std::thread& starter : starters) starter.join();
    for (const std::string& outcome : outcomes) ASSERT_EQ(outcome, outcomes[0]);
    const auto parent = std::filesystem::path(path_).parent_path();
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(parent), {}), 1) << "a draft was left";
  }
  EXPECT_EQ(read_secret_file(path_)->size(), 1u);
}

TEST_F(SecretFile, LinesAndComments) {
  std::filesystem::create_directories(folder_ + "/deep");
  write("# c\n\n" + std::string(64, 'a') + "  # the first\n@1700000000 " + std::string(64, 'B') + "\n");
  const auto secrets = read_secret_file(path_);
  ASSERT_TRUE(secrets) << secrets.error();
  ASSERT_EQ(secrets->size(), 2u);
  EXPECT_EQ(secrets->at(0).since, 0u);
  EXPECT_EQ(secrets->at(0).bytes[0], 0xaa);
  EXPECT_EQ(secrets->at(1).since, 1700000000u);
  EXPECT_EQ(secrets->at(1).bytes[31], 0xbb);
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
  KeyStore store(path_, kEpoch, published, [&] { ++quiesced; });
  ASSERT_TRUE(store.load());
  store.tick(kStart);
  const tcp::CookieKeys first = *published.load();
  store.tick(kStart + 1);
  EXPECT_EQ(quiesced, 1);
  store.tick(kStart + kEpoch / 2);
  EXPECT_EQ(quiesced, 2);
  EXPECT_TRUE(published.load()->draining);
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
