// NOTIFY to a service's address over TCP: passed on once, waits, and the answer that comes back is given, and given
// again; strangers get NOTIMP, and of too many some come again.
#include <gtest/gtest.h>

#include <string>

#include "lib/dns/tcp_framing.h"
#include "tests/unit/dns_test_support.h"

namespace {

using namespace gl;
using services::NotifyDoor;
using test::Message;

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

struct NoSender final : DatagramSender {
  MutableBytes room(const Peer&) noexcept override { return ADD_FAILURE() << "a datagram", MutableBytes{}; }
  void send(const Peer&, std::uint16_t, std::size_t) noexcept override {}
};

class NotifyOverTcp : public testing::Test {
 protected:
  static services::DnsSettings through(NotifyDoor& door) {
    services::DnsSettings settings;
    settings.notify = &door;
    return settings;
  }
  static Message notify(const std::string& zone) {
    Message message = test::query(zone, 6);
    message[2] = 0x24;  // NOTIFY, AA
    return message;
  }
  // From 192.0.2.HOST, port 0x1234, to 192.0.2.53.
  static std::string flow(std::uint8_t host) {
    return std::string("\xc0\0\2", 3) + static_cast<char>(host) + std::string("\xc0\0\2\x35\x12\x34\0\x35", 8);
  }
  Answer ask(const Message& message, std::uint8_t host = 1, std::uint32_t position = 7, bool continuation = false) {
    const std::string ends = flow(host);
    return service.answer(message, out, {.continuation = continuation, .flow = bytes_of(ends), .position = position});
  }
  // As the thread does that judges: a letter is answered with its own bytes, QR set. False: there is none.
  bool judge() {
    NotifyDoor::Letter letter;
    if (!door.take(letter)) return false;
    EXPECT_EQ(letter.peer.address_length, 4);
    EXPECT_EQ(letter.peer.port, 0x1234);
    letter.bytes[2] |= 0x80;
    door.answer(letter);
    service.on_time(now += 2, nobody);
    return true;
  }
  std::string told(const Answer& answer) {
    EXPECT_EQ(answer.kind, Answer::Kind::answered);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(answer.length)};
  }
  static std::string answered(Message message) {
    message[2] |= 0x80;
    return std::string(1, '\0') + static_cast<char>(message.size()) + std::string(message.begin(), message.end());
  }

  NotifyDoor door{{*parse_network("192.0.2.0/28")}};
  std::atomic<const zone::PublishedZones*> published{nullptr};
  services::DnsZoneService service{through(door), published};
  NoSender nobody;
  std::uint64_t now = 0;
  Message out = Message(kMaxRenderedAnswer);
};

TEST_F(NotifyOverTcp, WaitsAndIsAnsweredOnceItWasJudged) {
  const Message message = notify("a.example.");
  const Answer first = ask(message);
  ASSERT_EQ(first.kind, Answer::Kind::pending);
  ASSERT_TRUE(first.ticket.valid());
  Suspender* const keeper = service.suspender();
  ASSERT_EQ(first.ticket.keeper, keeper);
  EXPECT_EQ(ask(message).ticket.slot, first.ticket.slot) << "it is repeated, and was passed on already";
  const std::string ends = flow(1);
  EXPECT_FALSE(service.has_waiting(bytes_of(ends)));
  const std::string frame = "frame";
  EXPECT_EQ(keeper->suspend({.frame = bytes_of(frame)}, first.ticket), Suspender::Suspend::suspended);
  EXPECT_EQ(keeper->suspend({.frame = bytes_of(frame)}, first.ticket), Suspender::Suspend::repeated);
  EXPECT_TRUE(service.has_waiting(bytes_of(ends)));
  EXPECT_EQ(keeper->resume(), nullptr);
  ASSERT_TRUE(judge());
  EXPECT_FALSE(judge());
  const Suspended* const resumed = keeper->resume();
  ASSERT_NE(resumed, nullptr);
  EXPECT_EQ(resumed->frame.size(), frame.size());
  EXPECT_EQ(told(ask(message)), answered(message));
  keeper->release();
  EXPECT_EQ(told(ask(message, 1, 7, true)), answered(message)) << "the rest of it";
  EXPECT_EQ(service.counters().notify_passed.value(), 1U);
  EXPECT_EQ(service.counters().continued.value(), 1U);
  // A frame whose answer came between ticket and frame is ready at once.
  EXPECT_EQ(keeper->suspend({.frame = bytes_of(frame)}, first.ticket), Suspender::Suspend::suspended);
  EXPECT_NE(keeper->resume(), nullptr);
  keeper->release();
}

TEST_F(NotifyOverTcp, TellsRequestsApart) {
  (void)ask(notify("a.example."));
  ASSERT_TRUE(judge());
  EXPECT_EQ(ask(notify("a.example."), 1, 8).kind, Answer::Kind::pending) << "another position";
  EXPECT_EQ(ask(notify("b.example.")).kind, Answer::Kind::pending) << "a port used again";
  EXPECT_EQ(ask(notify("a.example."), 2).kind, Answer::Kind::pending) << "another host";
  EXPECT_EQ(ask(notify("c.example."), 1, 7, true).kind, Answer::Kind::unrepeatable);
}

TEST_F(NotifyOverTcp, OthersAreAnsweredAsEver) {
  const auto rcode = [&](const Message& message, std::uint8_t host) {
    EXPECT_EQ(ask(message, host).kind, Answer::Kind::answered);
    return out[dns::kPrefixSize + 3] & 15U;
  };
  EXPECT_EQ(rcode(notify("a.example."), 16), 4U) << "no primary";
  EXPECT_EQ(rcode(test::query("a.example.", 6), 1), 5U) << "no NOTIFY";
  Message late = notify("a.example.");
  late.resize(NotifyDoor::kLongest + 1);
  EXPECT_EQ(ask(late).kind, Answer::Kind::answered) << "too long to be passed on";
  Message response = notify("a.example.");
  response[2] |= 0x80;
  EXPECT_EQ(ask(response).kind, Answer::Kind::silent);
  EXPECT_FALSE(judge());
}

TEST_F(NotifyOverTcp, TooManyComeAgainAndTheOldestAnswersAreForgotten) {
  for (std::uint32_t i = 0; i < NotifyDoor::kSlots; ++i) EXPECT_TRUE(ask(notify("a."), 1, i).ticket.valid()) << i;
  const Answer dropped = ask(notify("a."), 1, 100);
  EXPECT_EQ(dropped.kind, Answer::Kind::pending);
  EXPECT_FALSE(dropped.ticket.valid());
  EXPECT_EQ(service.counters().notify_dropped.value(), 1U);
  for (std::uint32_t i = 0; i < NotifyDoor::kSlots; ++i) EXPECT_TRUE(judge());
  for (std::uint32_t i = 100; i < 300; ++i) {
    EXPECT_TRUE(ask(notify("a."), 1, i).ticket.valid()) << i;
    EXPECT_TRUE(judge());
  }
  EXPECT_EQ(told(ask(notify("a."), 1, 299, true)), answered(notify("a.")));
  EXPECT_EQ(told(ask(notify("a."), 1, 250, true)), answered(notify("a.")));
  EXPECT_EQ(ask(notify("a."), 1, 100, true).kind, Answer::Kind::unrepeatable);
  EXPECT_EQ(service.counters().unrepeatable.value(), 1U);
}

}  // namespace
