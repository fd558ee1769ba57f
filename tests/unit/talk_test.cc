// Simplex-talk: text of strangers made harmless, and what the core tells the main core.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "lib/services/talk/talk.h"
#include "lib/services/talk/text.h"

namespace gl::services {
namespace {

TEST(Harmless, PrintableTextStays) {
  EXPECT_EQ(harmless("plain, with a tab\there"), "plain, with a tab\there");
  EXPECT_EQ(harmless("Stra\xc3\x9f"
                     "e \xe2\x82\xac \xf0\x9f\x90\xbb"),
            "Stra\xc3\x9f"
            "e \xe2\x82\xac \xf0\x9f\x90\xbb");
  EXPECT_EQ(harmless("a\\x1B"), "a\\\\x1B");  // nobody takes that for an escaped character
}

TEST(Harmless, ControlsAreShown) {
  EXPECT_EQ(harmless(std::string_view("\0\x1b[2J\x7f", 6)), "\\x00\\x1B[2J\\x7F");
  EXPECT_EQ(harmless("\xc2\x9b"), "\\xC2\\x9B");                    // CSI of ECMA-48 in UTF-8
  EXPECT_EQ(harmless("\xe2\x80\xae"), "\\xE2\\x80\\xAE");           // right-to-left override
  EXPECT_EQ(harmless("\xe2\x80\xa8"), "\\xE2\\x80\\xA8");           // line separator
  EXPECT_EQ(harmless("\xff\xfe"), "\\xFF\\xFE");                    // no UTF-8
  EXPECT_EQ(harmless("\xc0\xaf"), "\\xC0\\xAF");                    // overlong
  EXPECT_EQ(harmless("\xed\xa0\x80"), "\\xED\\xA0\\x80");           // a surrogate
  EXPECT_EQ(harmless("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(harmless("\xe2\x82"), "\\xE2\\x82");                    // cut short
}

// Whatever comes, one line goes out, without a control character but tabs.
TEST(Harmless, AnyBytes) {
  std::mt19937 random(1);
  for (unsigned i = 0; i < 20'000; ++i) {
    std::string line(random() % 12, ' ');
    for (char& c : line) c = static_cast<char>(random());
    for (const char c : harmless(line)) {
      const auto byte = static_cast<std::uint8_t>(c);
      ASSERT_TRUE(byte == '\t' || (byte >= 0x20 && byte != 0x7f));
    }
  }
}

TEST(TalkLines, EachSaysWho) {
  EXPECT_EQ(talk_lines("192.0.2.1", 7, "hello\n"), "message from <192.0.2.1,7>: hello\n");
  EXPECT_EQ(talk_lines("192.0.2.1", 7, "a\r\nb"), "message from <192.0.2.1,7>: a\nmessage from <192.0.2.1,7>: b\n");
  EXPECT_EQ(talk_lines("2001:db8::1", 65535, ""), "message from <2001:db8::1,65535>: \n");
}

class Mute final : public DatagramSink {
 public:
  Mute() : DatagramSink({}, 0) {}
  MutableBytes further_room() noexcept override { return {}; }
  bool send_further(std::uint16_t, std::size_t) noexcept override { return false; }
  bool refuse() noexcept override { return false; }
};

TEST(TalkService, KeepsOrderAndCountsWhatItHasNoRoomFor) {
  const auto service = std::make_unique<TalkService>();
  const std::array<std::uint8_t, 4> peer = {192, 0, 2, 1};
  Mute sink;
  for (unsigned i = 0; i < 300; ++i) {
    std::vector<std::uint8_t> text(i == 0 ? 2000 : 1, static_cast<std::uint8_t>(i));
    Datagram datagram;
    datagram.peer = peer.data();
    datagram.address_length = 4;
    datagram.peer_port = 9;
    datagram.payload = text;
    service->receive(datagram, sink);
  }
  TalkService::Message message;
  unsigned count = 0;
  for (; service->pop(message); ++count) {
    ASSERT_EQ(message.length, count == 0 ? TalkService::Message::kMaxText : 1U);
    ASSERT_EQ(static_cast<std::uint8_t>(message.text[0]), count % 256);
  }
  EXPECT_EQ(count, 256U);
  struct Reader final : CounterReader {
    void read(std::string_view name, std::uint64_t value, std::string_view) override {
      if (name == "received") received = value;
      if (name == "cut") cut = value;
      if (name == "unprinted") unprinted = value;
    }
    std::uint64_t received = 0, cut = 0, unprinted = 0;
  } reader;
  service->read_counters(reader);
  EXPECT_EQ(reader.received, 300U);
  EXPECT_EQ(reader.cut, 1U);
  EXPECT_EQ(reader.unprinted, 44U);
}

}  // namespace
}  // namespace gl::services
