// The control side of zone transfers: how often a primary is asked, how many secondaries' letters are on their way, who
// may have connections, and what is wrong with keys and folders before a start.
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <future>
#include <set>
#include <string>
#include <thread>

#include "lib/control/transfers/known_peers.h"
#include "lib/control/transfers/notifier.h"
#include "lib/control/transfers/secondaries.h"
#include "lib/control/transfers/sessions.h"
#include "lib/control/transfers/state_folder.h"
#include "lib/transfer/queries.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string wire_name(const std::string& text) {
  const auto name = zone::name_from_text(text);
  return {name->begin(), name->end()};
}
const wire::Ipv4Address kLoopback{{127, 0, 0, 1}};

// A socket of 127.0.0.1, with a port that was free.
struct Socket {
  Descriptor descriptor;
  wire::Endpoint host{kLoopback, 0};
  explicit Socket(int type) {
    EXPECT_TRUE(wire::open_listener(descriptor, host, type).ok());
    wire::SocketAddress address;
    getsockname(descriptor.get(), address.get(), &address.length);
    host = address.endpoint();
  }
};

TEST(RefreshQueue, TheOneThatHasBeenDueLongest) {
  RefreshQueue queue;
  const RefreshQueue::Time now = steady_clock::now();
  std::vector<RefreshQueue::Entry> entries;
  for (int i = 0; i < 4; ++i) entries.push_back(std::make_shared<Secondary>());
  queue.put(entries[0], now + milliseconds(5));
  queue.put(entries[1], now);
  queue.put(entries[2], now);
  queue.put(entries[2], now - milliseconds(5));  // it was put off, and is due earlier
  queue.put(entries[3], now);
  queue.drop(entries[3]);
  EXPECT_EQ(queue.next(now), now - milliseconds(5));
  EXPECT_EQ(queue.take(now), entries[2]);
  EXPECT_EQ(queue.take(now), entries[1]);
  EXPECT_EQ(queue.take(now), nullptr);
  EXPECT_EQ(queue.next(now + milliseconds(9)), now + milliseconds(5));
  EXPECT_EQ(queue.take(now + milliseconds(5)), entries[0]);
}

class Told : public testing::Test {
 protected:
  void add(const wire::Endpoint& host) {
    transfer::NotifySetting setting;
    setting.peer.host = host;
    settings_.notify.push_back(setting);
  }
  static ServedZoneMap zones(unsigned count, std::uint32_t serial) {
    ServedZoneMap zones;
    for (unsigned i = 0; i < count; ++i) {
      const std::string name = "z" + std::to_string(i) + ".example.";
      zones[wire_name(name)] = {transfer::soa_of_serial(wire_name(name), serial), serial, name, "", false};
    }
    return zones;
  }
  // Those that have come: the messages, by their senders' questions.
  static std::vector<transfer::Message> read(Socket& socket, bool answer) {
    std::vector<transfer::Message> messages;
    std::array<std::uint8_t, 4096> buffer;
    wire::SocketAddress from;
    for (ssize_t size = 0; (size = recvfrom(socket.descriptor.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                                            from.get(), &from.length)) > 0;) {
      messages.emplace_back(buffer.begin(), buffer.begin() + size);
      buffer[2] |= 0x80;
      if (answer)
        sendto(socket.descriptor.get(), buffer.data(), static_cast<std::size_t>(size), 0, from.get(), from.length);
    }
    return messages;
  }

  transfer::TransferSettings settings_;
  TransferKeys keys_{{}};
};

TEST_F(Told, OnlySomeLettersAreOnTheirWayAndTheRestFollows) {
  Socket silent(SOCK_DGRAM);
  Socket good(SOCK_DGRAM);
  add(silent.host);
  add(good.host);
  Notifier notifier(settings_, keys_);
  ASSERT_TRUE(notifier.open().ok());
  notifier.changed(zones(100, 1));
  std::set<transfer::Message> told;
  for (int i = 0; i < 12; ++i) {
    notifier.tick();
    const auto come = read(good, true);
    EXPECT_LE(come.size(), Notifier::kInFlight);
    told.insert(come.begin(), come.end());
  }
  EXPECT_EQ(told.size(), 100U);
  EXPECT_EQ(notifier.answered(), 100U);
  EXPECT_EQ(read(silent, false).size(), Notifier::kInFlight) << "one that is silent waits by itself";
}

TEST_F(Told, OfAZoneThatChangesAgainTheNewestAlone) {
  Socket good(SOCK_DGRAM);
  add(good.host);
  Notifier notifier(settings_, keys_);
  ASSERT_TRUE(notifier.open().ok());
  notifier.changed(zones(40, 1));
  notifier.changed(zones(40, 1));  // nothing new
  notifier.changed(zones(40, 2));
  std::vector<transfer::Message> come;
  for (int i = 0; i < 6; ++i) {
    notifier.tick();
    for (transfer::Message& message : read(good, true)) come.push_back(std::move(message));
  }
  ASSERT_EQ(come.size(), 40U);
  for (const transfer::Message& message : come) EXPECT_EQ(message[message.size() - 20 + 3], 2) << "the SOA's serial";
  notifier.changed({});  // all have gone, and come back
  notifier.changed(zones(3, 2));
  notifier.tick();
  EXPECT_EQ(read(good, true).size(), 3U);
}

TEST(Sessions, SoManyAndSoManyOfOneAddress) {
  std::promise<void> end;
  const std::shared_future<void> ended = end.get_future().share();
  std::atomic<unsigned> begun{0};
  Sessions sessions([&](int socket, const wire::Endpoint&) {
    const Descriptor owned(socket);
    ++begun;
    ended.wait();
  });
  std::size_t left = 0;
  for (unsigned i = 0; i < 3 * Sessions::kMost; ++i) {
    Descriptor socket(dup(STDERR_FILENO));
    const auto host = static_cast<std::uint8_t>(i < Sessions::kMost ? 1 : i);
    EXPECT_TRUE(sessions.start(socket, {wire::Ipv4Address{{192, 0, 2, host}}, 5}).ok());
    if (socket.get() >= 0) ++left;
    if (i + 1 == Sessions::kMost) {
      EXPECT_EQ(left, Sessions::kMost - Sessions::kMostOfOne);
    }
  }
  EXPECT_EQ(left, 2 * Sessions::kMost);
  end.set_value();
  sessions.join();
  EXPECT_EQ(begun, Sessions::kMost);
  Descriptor again(dup(STDERR_FILENO));
  EXPECT_TRUE(sessions.start(again, {kLoopback, 5}).ok());
  EXPECT_EQ(again.get(), -1) << "there is room again";
}

TEST(KnownPeers, WhomSettingsName) {
  transfer::TransferSettings settings;
  transfer::Peer primary;
  primary.host = {wire::Ipv4Address{{192, 0, 2, 1}}, 53};
  primary.notify_from = wire::Ipv4Address{{192, 0, 2, 2}};
  settings.secondaries.push_back({wire_name("a."), false, {primary}});
  settings.allow.push_back({"", *parse_network("198.51.100.0/24"), ""});
  const auto has = [&](const AllowedNetworks& networks, std::array<std::uint8_t, 4> address) {
    return is_allowed(networks, address);
  };
  EXPECT_TRUE(has(primaries_of(settings), {192, 0, 2, 1}) && has(primaries_of(settings), {192, 0, 2, 2}));
  EXPECT_FALSE(has(primaries_of(settings), {198, 51, 100, 7}));
  EXPECT_TRUE(has(known_peers(settings), {198, 51, 100, 7}) && has(known_peers(settings), {192, 0, 2, 2}));
  EXPECT_FALSE(has(known_peers(settings), {192, 0, 2, 3}));
}

class Folder : public testing::Test {
 protected:
  Folder() { std::filesystem::create_directories(path_); }
  ~Folder() override { std::filesystem::remove_all(path_); }
  const std::string path_ = testing::TempDir() + "goldilocks_state_" + std::to_string(getpid());
};

TEST_F(Folder, IsCheckedWithoutBeingMade) {
  const std::string file = path_ + "/file";
  { std::fclose(std::fopen(file.c_str(), "w")); }
  EXPECT_TRUE(check_state_folder(path_).ok());
  EXPECT_TRUE(check_state_folder(path_ + "/a/b/c").ok());
  EXPECT_FALSE(std::filesystem::exists(path_ + "/a"));
  EXPECT_EQ(check_state_folder(file).error(), "--state-dir: " + file + ": is not a folder");
  EXPECT_EQ(check_state_folder(file + "/x").error(), "--state-dir: " + file + "/x: Not a directory");
  EXPECT_FALSE(check_state_folder("").ok());
  EXPECT_FALSE(make_state_folder("/proc/zones").ok());
  EXPECT_TRUE(make_state_folder(path_ + "/a/b").ok());
  EXPECT_TRUE(std::filesystem::is_directory(path_ + "/a/b"));
}

// A primary that refuses connections: a refresh fails at once.
TEST_F(Folder, ManyNotifiesAreFewRefreshes) {
  transfer::TransferSettings settings;
  settings.state_folder = path_;
  transfer::Peer primary;
  primary.host = Socket(SOCK_STREAM).host;  // closed again
  settings.secondaries.push_back({wire_name("one.example."), false, {primary}});
  const TransferKeys keys({});
  transfer::Stop stop{false};
  Secondaries secondaries(settings, zone::ZoneDigests::check, keys, stop);
  ASSERT_TRUE(secondaries.begin({}).ok());
  EXPECT_EQ(secondaries.take_updates().size(), 1U) << "it has its place, without data";
  secondaries.start();
  const transfer::Message notify =
      transfer::make_question(wire_name("one.example."), dns::rr::soa, dns::Opcode::notify);
  const steady_clock::time_point begin = steady_clock::now();
  unsigned sent = 0;
  for (; steady_clock::now() - begin < milliseconds(1200); ++sent) {
    const transfer::Message answer = secondaries.answer_notify(notify, {kLoopback, 5353});
    ASSERT_EQ(transfer::rcode_of(answer), 0U);
    std::this_thread::sleep_for(milliseconds(4));
  }
  const Secondary one = secondaries.list().front();
  EXPECT_EQ(one.notifies, sent);
  EXPECT_GE(one.failures, 2U);
  EXPECT_LE(one.failures, 5U) << "of " << sent;
  EXPECT_EQ(transfer::rcode_of(secondaries.answer_notify(notify, {wire::Ipv4Address{{192, 0, 2, 9}}, 53})), 5U);
  stop = true;
  secondaries.join();
}

TEST(MissingKeys, AreAllTold) {
  transfer::TransferSettings settings;
  transfer::Peer primary;
  primary.key = wire_name("a.key.");
  settings.secondaries.push_back({wire_name("a."), false, {primary}});
  settings.notify.push_back({"", primary});
  settings.allow.push_back({"", {}, wire_name("b.key.")});
  settings.allow.push_back({"", {}, ""});
  transfer::TsigKeys keys;
  const std::string missing = "is in no --tsig file";
  EXPECT_EQ(missing_keys(settings, keys),
            (std::vector<std::string>{"the TSIG key a.key. " + missing, "the TSIG key b.key. " + missing}));
  const std::string name = wire_name("a.key.");
  keys.push_back({{name.begin(), name.end()}, transfer::TsigAlgorithm::sha256, {1}});
  EXPECT_EQ(missing_keys(settings, keys).size(), 1U);
}

}  // namespace
}  // namespace gl::control
