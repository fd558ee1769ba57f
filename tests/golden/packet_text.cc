#include "tests/golden/packet_text.h"

#include <array>
#include <utility>

#include "lib/tcp/responder.h"
#include "tests/golden/text_cursor.h"

namespace gl::golden {
namespace {

constexpr std::array<std::pair<char, std::uint8_t>, 8> kFlagLetters = {{{'S', tcp::kSyn},
                                                                        {'F', tcp::kFin},
                                                                        {'R', tcp::kRst},
                                                                        {'P', tcp::kPsh},
                                                                        {'U', tcp::kUrg},
                                                                        {'E', tcp::kEce},
                                                                        {'W', tcp::kCwr},
                                                                        {'.', tcp::kAck}}};

std::uint8_t parse_flags(TextCursor& in) {
  std::uint8_t flags = 0;
  for (const char letter : in.token()) {
    const std::uint8_t before = flags;
    for (const auto& [name, bit] : kFlagLetters) {
      if (letter == name) flags = static_cast<std::uint8_t>(flags | bit);
    }
    if (flags == before && letter != '-') in.fail("unknown or repeated flag before");
  }
  return flags;
}

RelativeLedger parse_ledger(TextCursor& in) {
  RelativeLedger ledger;
  in.expect("E=");
  ledger.sent_end = in.number() & tcp::kOffsetMask;
  in.expect("next=");
  ledger.next = static_cast<std::uint16_t>(in.number() & tcp::kNextMask);
  ledger.prefix = in.accept("prefix");
  ledger.acked = !in.accept("withheld");
  if (ledger.acked) in.expect("acked");
  in.expect(")");
  return ledger;
}

TimestampText parse_timestamp(TextCursor& in) {
  if (in.accept("last")) return LastReceived{};
  if (in.accept("ledger(")) return parse_ledger(in);
  if (in.accept("other(")) return OthersLedger{parse_ledger(in)};
  return in.number();
}

void parse_option(TextCursor& in, PacketText& packet) {
  const std::string_view name = in.word();
  if (name == "mss") {
    packet.mss = static_cast<std::uint16_t>(in.number());
  } else if (name == "TS") {
    PacketText::Timestamps timestamps;
    in.expect("val");
    timestamps.value = parse_timestamp(in);
    in.expect("ecr");
    timestamps.echo = parse_timestamp(in);
    packet.timestamps = timestamps;
  } else if (name == "FO") {
    using enum PacketText::FastOpen;
    packet.fast_open = in.accept("ask") ? ask : in.accept("ok") ? ok : wrong;
    if (packet.fast_open == wrong) in.expect("wrong");
  } else if (name == "wscale") {
    static_cast<void>(in.number());  // offered by clients, never resumed
  } else if (name == "sackOK") {
    packet.sack_permitted = true;
  } else if (name == "sack") {
    do {
      const std::uint32_t begin = in.number();
      in.expect(":");
      packet.sack.emplace_back(begin, in.number());
    } while (in.accept("and"));
  } else if (name != "nop" && name != "eol") {
    in.fail("unknown option before");
  }
}

std::string to_text(const TimestampText& timestamp) {
  if (const auto* number = std::get_if<std::uint32_t>(&timestamp)) return std::to_string(*number);
  if (std::holds_alternative<LastReceived>(timestamp)) return "last";
  const auto* other = std::get_if<OthersLedger>(&timestamp);
  const auto& ledger = other != nullptr ? other->ledger : std::get<RelativeLedger>(timestamp);
  return (other != nullptr ? "other(E=" : "ledger(E=") + std::to_string(ledger.sent_end) +
         " next=" + std::to_string(ledger.next) + (ledger.prefix ? " prefix" : "") +
         (ledger.acked ? " acked)" : " withheld)");
}

}  // namespace

PacketText parse_packet(std::string_view text) {
  TextCursor in(text);
  PacketText packet;
  packet.flags = parse_flags(in);
  packet.seq = in.number();
  in.expect(":");
  const std::uint32_t end = in.number();
  in.expect("(");
  packet.length = in.number();
  in.expect(")");
  if (end - packet.seq != packet.length) in.fail("sequence numbers and length disagree before");
  if (in.accept("ack")) packet.ack = in.number();
  if (packet.ack.has_value() != ((packet.flags & tcp::kAck) != 0)) in.fail("'ack' and the flag '.' disagree before");
  if (in.accept("win")) packet.window = static_cast<std::uint16_t>(in.number());
  if (in.accept("<")) {
    do {
      parse_option(in, packet);
    } while (in.accept(","));
    in.expect(">");
  }
  packet.lost = in.accept("lost");
  if (!in.at_end()) in.fail("unexpected text");
  return packet;
}

std::string to_text(const PacketText& packet) {
  std::string text;
  for (const auto& [name, bit] : kFlagLetters) {
    if ((packet.flags & bit) != 0) text += name;
  }
  if (text.empty()) text = "-";
  text += ' ' + std::to_string(packet.seq) + ':' + std::to_string(packet.seq + packet.length) + '(' +
          std::to_string(packet.length) + ')';
  if (packet.ack) text += " ack " + std::to_string(*packet.ack);
  text += " win " + std::to_string(packet.window);
  std::string options;
  if (packet.mss != 0) options += ",mss " + std::to_string(packet.mss);
  if (packet.sack_permitted) options += ",sackOK";
  if (packet.timestamps) {
    options += ",TS val " + to_text(packet.timestamps->value) + " ecr " + to_text(packet.timestamps->echo);
  }
  for (std::size_t i = 0; i < packet.sack.size(); ++i) {
    const auto& [begin, end] = packet.sack[i];
    options += (i == 0 ? ",sack " : " and ") + std::to_string(begin) + ':' + std::to_string(end);
  }
  if (packet.fast_open == PacketText::FastOpen::ok) options += ",FO ok";
  if (packet.fast_open == PacketText::FastOpen::wrong) options += ",FO wrong";
  return options.empty() ? text : text + " <" + options.substr(1) + ">";
}

}  // namespace gl::golden
