// Datagrams to services and what comes back as data: every *.udp file of tests/golden/datagrams. A line is
//   > PORT BYTES    a datagram to this port of ours, from port 40000
//   < PORT BYTES    what is sent upon it, or while time passes; whatever is not written here must not be sent
//   wait MS         time passes
//   from PORT       the client's port from here on
//   says "TEXT"     a line that simplex-talk prints
//   counts NAME N   a counter, from the beginning on
// PORT is a number, or `tid`: that of the datagram sent last. BYTES: 0f, "text", 16(5) for a number of 16 bits, each
// also as "text"*3 for three of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/golden/datagram_services.h"

namespace gl::golden {
namespace {

std::uint64_t number_of(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::runtime_error(std::string(text) + " is no number");
  return value;
}

// Takes what is in front of the next space, or a text in quotes with what follows it.
std::string_view take(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::size_t quoted = rest.starts_with('"') ? rest.find('"', 1) : 0;
  const std::string_view token = rest.substr(0, rest.find(' ', quoted));
  rest.remove_prefix(token.size());
  return token;
}

Wire bytes_of(std::string_view token) {
  if (token.starts_with('"')) return Wire(token.begin() + 1, token.end() - 1);
  if (!token.ends_with(')')) return {static_cast<std::uint8_t>(number_of(token, 16))};
  const std::size_t open = token.find('(');
  const std::uint64_t value = number_of(token.substr(open + 1, token.size() - open - 2));
  Wire wire;
  for (std::uint64_t bits = number_of(token.substr(0, open)); bits > 0;) {
    bits -= 8;
    wire.push_back(static_cast<std::uint8_t>(value >> bits));
  }
  return wire;
}

Wire wire_of(std::string_view rest) {
  Wire wire;
  for (std::string_view token = take(rest); !token.empty(); token = take(rest)) {
    std::uint64_t times = 1;
    // A star within quotes is text.
    const std::size_t star = token.find('*', token.starts_with('"') ? token.rfind('"') : 0);
    if (star != std::string_view::npos) {
      times = number_of(token.substr(star + 1));
      token = token.substr(0, star);
    }
    const Wire bytes = bytes_of(token);
    for (; times > 0; --times) wire.insert(wire.end(), bytes.begin(), bytes.end());
  }
  return wire;
}

std::string text_of(const std::vector<SentDatagram>& sent) {
  std::ostringstream out;
  for (const SentDatagram& each : sent) {
    out << "\n  " << each.port << ": " << each.payload.size() << " bytes" << std::hex;
    for (std::size_t i = 0; i < std::min<std::size_t>(each.payload.size(), 64); ++i) out << ' ' << int{each.payload[i]};
    out << std::dec;
  }
  return sent.empty() ? " nothing" : out.str();
}

class Play {
 public:
  explicit Play(std::string file) : file_(std::move(file)) {}

  void line(std::string_view rest) {
    ++number_;
    const std::string_view what = take(rest);
    if (what.empty() || what.starts_with('#')) return;
    if (what == "<") return expect(rest);
    settle();
    if (what == ">") {
      const std::uint16_t port = port_of(take(rest));
      pending_ = services_.give(from_, port, wire_of(rest));
    } else if (what == "wait") {
      pending_ = services_.wait(number_of(take(rest)));
    } else if (what == "from") {
      from_ = static_cast<std::uint16_t>(number_of(take(rest)));
    } else if (what == "says") {
      const Wire line = bytes_of(take(rest));
      wanted_.append(line.begin(), line.end()).append("\n");
      for (const std::string& said : services_.said()) said_ += said;
      ++compared_;
    } else if (what == "counts") {
      ++compared_;
      const std::string_view name = take(rest);
      EXPECT_EQ(services_.counter(name), number_of(take(rest))) << where() << name;
    } else {
      FAIL() << where() << "no such line";
    }
  }
  void end() {
    settle();
    for (const std::string& said : services_.said()) said_ += said;
    EXPECT_EQ(said_, wanted_) << file_;
    EXPECT_GT(compared_, 0u) << file_;
  }

 private:
  [[nodiscard]] std::string where() const { return file_ + ":" + std::to_string(number_) + ": "; }
  [[nodiscard]] std::uint16_t port_of(std::string_view text) const {
    return text == "tid" ? tid_ : static_cast<std::uint16_t>(number_of(text));
  }
  void expect(std::string_view rest) {
    ASSERT_FALSE(pending_.empty()) << where() << "nothing more was sent";
    const std::string_view port = take(rest);
    tid_ = pending_.front().port;
    const SentDatagram wanted{port_of(port), wire_of(rest)};
    EXPECT_EQ(pending_.front(), wanted) << where() << "sent" << text_of({pending_.front()}) << "\nwanted"
                                        << text_of({wanted});
    if (port == "tid") {
      EXPECT_GE(tid_, 49152) << where();
    }
    pending_.erase(pending_.begin());
    ++compared_;
  }
  void settle() {
    EXPECT_TRUE(pending_.empty()) << where() << "besides, it sent" << text_of(pending_);
    pending_.clear();
  }

  const std::string file_;
  DatagramServices services_;
  std::vector<SentDatagram> pending_;
  std::string said_, wanted_;
  std::uint16_t from_ = 40000;
  std::uint16_t tid_ = 0;
  unsigned number_ = 0;
  unsigned compared_ = 0;
};

TEST(Datagrams, DrawWhatIsWritten) {
  unsigned files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(GOLDEN_DATAGRAMS)) {
    Play play(entry.path().filename().string());
    std::ifstream lines(entry.path());
    for (std::string line; std::getline(lines, line);) ASSERT_NO_THROW(play.line(line)) << entry.path() << ": " << line;
    play.end();
    ++files;
  }
  EXPECT_GE(files, 5u);
}

}  // namespace
}  // namespace gl::golden
