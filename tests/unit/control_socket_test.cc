// The control socket without a server behind it: its file, its clients, lines that come in pieces or not at all.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "lib/base/descriptor.h"
#include "lib/control/ctl/control_socket.h"

namespace gl::control {
namespace {

std::string socket_path() {
  return testing::TempDir() + "control_" + std::to_string(getpid()) + ".sock";
}

bool is_there(const std::string& path) {
  struct stat is {};
  return lstat(path.c_str(), &is) == 0;
}

// The other end.
class Peer {
 public:
  explicit Peer(const std::string& path) : socket_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    EXPECT_EQ(connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void say(const std::string& text) const {
    EXPECT_EQ(send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  void say_no_more() const { shutdown(socket_.get(), SHUT_WR); }
  // What has come; `-` behind it where the connection is at its end.
  [[nodiscard]] std::string hear() const {
    std::string heard;
    char part[4096];
    for (;;) {
      const ssize_t length = recv(socket_.get(), part, sizeof part, 0);
      if (length < 0 && errno == EAGAIN) return heard;
      if (length <= 0) return heard + "-";
      heard.append(part, static_cast<std::size_t>(length));
    }
  }

 private:
  Descriptor socket_;
};

class ControlSocketTest : public testing::Test {
 protected:
  ControlSocketTest() : server_(std::move(*UnixListener::open(path_)), [this](auto line) { return answer(line); }) {}

  ControlAnswer answer(std::string_view line) {
    if (line == "later") {
      return LaterAnswer([this] { return ended_ ? std::optional<std::string>("ended") : std::nullopt; });
    }
    if (line == "much") return std::string(4 << 20, 'x');
    return "<" + std::string(line) + ">";
  }
  // A few rounds of the supervisor.
  void serve() {
    for (int i = 0; i < 4; ++i) {
      std::vector<pollfd> polled;
      server_.add_polled(polled, now_);
      ASSERT_GE(poll(polled.data(), polled.size(), 0), 0);
      server_.serve(polled, now_);
    }
  }

  const std::string path_ = socket_path();
  std::uint64_t now_ = 1000;
  bool ended_ = false;
  ControlSocket server_;
};

TEST_F(ControlSocketTest, ALineForALine) {
  const Peer peer(path_);
  peer.say("one\ntwo\nthr");
  serve();
  EXPECT_EQ(peer.hear(), "<one>\n<two>\n");
  peer.say("ee\n\n");
  serve();
  EXPECT_EQ(peer.hear(), "<three>\n<>\n");
  EXPECT_EQ(server_.clients(), 1U);
}

TEST_F(ControlSocketTest, AnswersWhoSaysNoMore) {
  const Peer peer(path_);
  peer.say("one\nhalf");
  peer.say_no_more();
  serve();
  EXPECT_EQ(peer.hear(), "<one>\n-");
  EXPECT_EQ(server_.clients(), 0U);
}

TEST_F(ControlSocketTest, AnAnswerMayComeLater) {
  const Peer waiting(path_);
  const Peer other(path_);
  waiting.say("later\nnext\n");
  waiting.say_no_more();
  other.say("one\n");
  serve();
  EXPECT_EQ(waiting.hear(), "");
  EXPECT_EQ(other.hear(), "<one>\n");
  now_ += 10 * ControlClient::kIdleMs;
  ended_ = true;
  serve();
  EXPECT_EQ(waiting.hear(), "ended\n<next>\n-");
}

TEST_F(ControlSocketTest, WhoWaitsAndGoesIsForgotten) {
  {
    const Peer waiting(path_);
    waiting.say("later\n");
    serve();
    EXPECT_EQ(server_.clients(), 1U);
  }
  serve();
  EXPECT_EQ(server_.clients(), 0U);
}

TEST_F(ControlSocketTest, ALineHasAnEnd) {
  const Peer peer(path_);
  const std::string longest(ControlClient::kLongestLine, 'a');
  peer.say(longest + "\n");
  serve();
  EXPECT_EQ(peer.hear(), "<" + longest + ">\n");
  peer.say(longest);
  serve();
  EXPECT_EQ(peer.hear(), "");
  peer.say("a");
  serve();
  EXPECT_EQ(peer.hear(), "{\"ok\":false,\"error\":\"a line has at most 4096 bytes\"}\n-");
}

TEST_F(ControlSocketTest, SilenceEnds) {
  const Peer silent(path_);
  const Peer slow(path_);
  slow.say("half");
  serve();
  now_ += ControlClient::kIdleMs - 1;
  serve();
  EXPECT_EQ(server_.clients(), 2U);
  ++now_;
  serve();
  EXPECT_EQ(server_.clients(), 0U);
  EXPECT_EQ(silent.hear(), "-");
}

TEST_F(ControlSocketTest, WhoDoesNotReadHoldsUpNobody) {
  const Peer deaf(path_);
  deaf.say("much\none\n");
  const Peer other(path_);
  other.say("two\n");
  serve();
  EXPECT_EQ(other.hear(), "<two>\n");
  std::string all;
  while (all.size() < (4U << 20) + 7) {
    all += deaf.hear();
    serve();
  }
  EXPECT_EQ(all.substr(4 << 20), "\n<one>\n");
  deaf.say("much\n");
  serve();
  now_ += ControlClient::kIdleMs;
  serve();
  EXPECT_EQ(server_.clients(), 0U);
}

TEST_F(ControlSocketTest, TheMostSilentMakesRoom) {
  std::vector<std::unique_ptr<Peer>> peers;
  for (std::size_t i = 0; i < ControlSocket::kMostClients; ++i) {
    peers.push_back(std::make_unique<Peer>(path_));
    serve();
    ++now_;
  }
  peers[0]->say("later\n");
  serve();
  const Peer newest(path_);
  newest.say("one\n");
  serve();
  EXPECT_EQ(newest.hear(), "<one>\n");
  EXPECT_EQ(peers[0]->hear(), "");
  EXPECT_EQ(peers[1]->hear(), "-");
  EXPECT_EQ(peers[2]->hear(), "");
  EXPECT_EQ(server_.clients(), ControlSocket::kMostClients);
}

TEST_F(ControlSocketTest, NoneIsTurnedOutWhoWaits) {
  std::vector<std::unique_ptr<Peer>> peers;
  for (std::size_t i = 0; i < ControlSocket::kMostClients; ++i) {
    peers.push_back(std::make_unique<Peer>(path_));
    peers.back()->say("later\n");
  }
  serve();
  const Peer more(path_);
  serve();
  EXPECT_EQ(more.hear(), "{\"ok\":false,\"error\":\"too many clients wait for an answer\"}\n-");
  ended_ = true;
  serve();
  for (const auto& peer : peers) EXPECT_EQ(peer->hear(), "ended\n");
}

TEST(UnixListenerTest, IsPrivateAndRemoved) {
  const std::string path = socket_path();
  {
    const mode_t before = umask(0);
    const auto listener = UnixListener::open(path);
    umask(before);
    ASSERT_TRUE(listener) << listener.error();
    struct stat is {};
    ASSERT_EQ(lstat(path.c_str(), &is), 0);
    EXPECT_EQ(is.st_mode, S_IFSOCK | 0600U);
  }
  EXPECT_FALSE(is_there(path));
}

TEST(UnixListenerTest, TakesThePlaceOfTheDeadOnly) {
  const std::string path = socket_path();
  {
    const auto first = UnixListener::open(path);
    const auto second = UnixListener::open(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error(), path + ": another process answers there");
    ASSERT_EQ(rename(path.c_str(), (path + "2").c_str()), 0);  // as if its owner had been killed, below
  }
  EXPECT_TRUE(is_there(path + "2"));
  {
    const auto third = UnixListener::open(path + "2");
    EXPECT_TRUE(third) << third.error();
  }
  EXPECT_FALSE(is_there(path + "2"));
}

TEST(UnixListenerTest, LeavesOtherFilesAlone) {
  const std::string path = socket_path();
  std::ofstream(path) << "text";
  const auto listener = UnixListener::open(path);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error(), path + " is there already, and is no socket");
  EXPECT_TRUE(is_there(path));
  unlink(path.c_str());
  for (const std::string& wrong : {std::string(), std::string(108, 'a')}) EXPECT_FALSE(UnixListener::open(wrong));
  const auto nowhere = UnixListener::open(path + "/no/such/folder");
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().find("No such file"), std::string::npos) << nowhere.error();
}

}  // namespace
}  // namespace gl::control
