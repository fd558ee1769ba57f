#include "tests/golden/player.h"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

#include "lib/tcp/fast_open.h"
#include "tests/golden/streams.h"

namespace gl::golden {
namespace {

using tcp::SeqNum;

constexpr std::array<std::string_view, tcp::kOutcomes> kOutcomeNames = {
#define X(name, kind, help) #name,
    GL_TCP_OUTCOMES(X)
#undef X
};

struct Failure {
  std::string what;
};

// A packet from the responder, with its bytes, waiting for the line that expects it.
struct Sent {
  tcp::OutSegment segment;
  ByteString payload;
};

class Player {
 public:
  Player(const Dialogue& dialogue, const Circumstances& circumstances)
      : dialogue_(dialogue),
        streams_(make_streams(dialogue.queries, dialogue.framing)),
        scripted_(dialogue.framing, dialogue.largest_reply.value_or(streams_.largest_answer)),
        client_isn_(circumstances.client_isn),
        flow_(make_flow(circumstances.ipv6)),
        next_key_(circumstances.key) {
    keys_.by_parity = {new_key(), new_key()};
    const auto closes = [](const ScriptedQuery& query) { return query.kind == ScriptedQuery::Kind::close; };
    scripted_.may_close(std::ranges::any_of(dialogue.queries, closes));
    if (!dialogue.zone.empty()) speak_dns();
    restart();
  }

  void step(const Step& step) {
    now_ms_ = step.at_ms;
    std::visit([this](const auto& action) { act(action); }, step.action);
  }
  void expect_nothing_waiting() const {
    if (!sent_.empty()) throw Failure{"unexpected packet: > " + to_text(describe(sent_.front().segment))};
  }

 private:
  static tcp::FlowKey make_flow(bool ipv6);
  tcp::SipKey new_key();
  void speak_dns();
  void restart() { responder_ = std::make_unique<tcp::Responder>(dialogue_.settings); }

  void act(const PacketIn& in);
  void handle(const tcp::Segment& segment);
  void resume_frame();
  void act(const PacketOut& expected);
  void act(const ExpectOutcome& expected) const;
  void act(Event event);

  [[nodiscard]] std::uint32_t timestamp_of(const TimestampText& text);
  [[nodiscard]] PacketText describe(const tcp::OutSegment& segment) const;
  void check_timestamps(const tcp::OutSegment& segment);
  void check_payload(const Sent& sent) const;

  const Dialogue& dialogue_;
  Streams streams_;
  ScriptedService scripted_;
  std::optional<DnsZoneFixture> zone_;
  StreamService* service_ = &scripted_;
  SeqNum client_isn_;
  tcp::FlowKey flow_;
  std::uint8_t next_key_;
  tcp::CookieKeys keys_;
  std::unique_ptr<tcp::Responder> responder_;

  std::uint64_t now_ms_ = 0;
  bool listening_ = true;
  SeqNum server_isn_{0};
  std::uint32_t last_received_ = 0;     // TSval
  std::uint32_t echoed_ = 0;            // TSecr of the packet that is being answered
  std::uint64_t fast_open_cookie_ = 0;  // the last one that the client got
  std::string_view outcome_ = "none";
  std::deque<Sent> sent_;
  std::optional<tcp::Segment> parked_;
};

tcp::FlowKey Player::make_flow(bool ipv6) {
  std::array<std::uint8_t, 16> client{};
  std::array<std::uint8_t, 16> server{};
  client.fill(0x0a);
  server.fill(0xc6);
  return ipv6 ? tcp::FlowKey::v6(client.data(), server.data(), Be16(53910), Be16(53))
              : tcp::FlowKey::v4(client.data(), server.data(), Be16(53910), Be16(53));
}

tcp::SipKey Player::new_key() {
  tcp::SipKey key;
  key.fill(++next_key_);
  return key;
}

void Player::speak_dns() {
  service_ = &zone_.emplace(dialogue_.zone, dialogue_.origin).service();
  std::vector<ByteString> queries;
  for (const DnsQuestion& question : dialogue_.questions) {
    queries.push_back(make_query(question, static_cast<unsigned>(queries.size() + 1)));
  }
  streams_ = make_streams(queries, *service_);
}

std::uint32_t Player::timestamp_of(const TimestampText& text) {
  if (const auto* number = std::get_if<std::uint32_t>(&text)) return *number;
  if (std::holds_alternative<LastReceived>(text)) return last_received_;
  const auto* other = std::get_if<OthersLedger>(&text);
  tcp::Ledger ledger = other != nullptr ? other->ledger : std::get<RelativeLedger>(text);
  ledger.next = static_cast<std::uint16_t>((ledger.next + client_isn_.value()) & tcp::kNextMask);
  if (other != nullptr) return last_received_ = ledger.encode(last_received_);
  // The value that carried this ledger: the latest one not after the last.
  const std::uint32_t low = ledger.encode(0);
  return last_received_ - ((last_received_ - low) & 0x7fffffffu);
}

void Player::act(const PacketIn& in) {
  expect_nothing_waiting();
  const PacketText& packet = in.packet;
  tcp::Segment segment{flow_,
                       client_isn_ + packet.seq,
                       server_isn_ + packet.ack.value_or(0),
                       packet.flags,
                       packet.window,
                       packet.mss,
                       std::nullopt,
                       {},
                       {}};
  if (packet.timestamps) {
    segment.timestamps = {timestamp_of(packet.timestamps->value), timestamp_of(packet.timestamps->echo)};
    echoed_ = segment.timestamps->echo;
  }
  if (packet.fast_open == PacketText::FastOpen::ask) segment.fast_open.kind = wire::FastOpen::Kind::request;
  if (packet.fast_open == PacketText::FastOpen::ok)
    segment.fast_open = {wire::FastOpen::Kind::cookie, fast_open_cookie_};
  if (packet.fast_open == PacketText::FastOpen::wrong) segment.fast_open = {wire::FastOpen::Kind::cookie, 1};
  segment.sack_permitted = packet.sack_permitted;
  for (const auto& [begin, end] : packet.sack) {
    segment.sack.blocks.at(segment.sack.count++) = {(server_isn_ + begin).value(), (server_isn_ + end).value()};
  }
  // A keepalive probe carries the byte before the stream's end, so relative 1 is the stream's first byte.
  const std::size_t begin = packet.seq - ((packet.flags & tcp::kSyn) != 0 ? 0 : 1);
  if (packet.length != 0 && begin + packet.length > streams_.client.size()) throw Failure{"no such bytes in `query`"};
  if (packet.length != 0) segment.payload = Bytes(streams_.client).subspan(begin, packet.length);

  handle(segment);
}

void Player::handle(const tcp::Segment& segment) {
  responder_->begin_burst(now_ms_, keys_);
  const tcp::Plan& plan = responder_->handle(segment, listening_ ? service_ : nullptr);
  // As a core's forwarder does: the flow waits once, with the segment that came last if it is no shorter.
  if (plan.outcome == tcp::Outcome::suspended) {
    if (!parked_ || segment.payload.size() >= parked_->payload.size()) parked_ = segment;
  }
  outcome_ = kOutcomeNames[static_cast<std::size_t>(plan.outcome)];
  for (const tcp::OutSegment& out : std::span(plan.segments).first(plan.count)) {
    ByteString room(out.length);
    const Bytes payload = plan.payload(out, room);
    if (payload.size() != out.length ||
        (out.length != 0 && std::uint64_t{out.offset} + out.length > plan.answers->size()))
      throw Failure{"segment beyond the plan's bytes"};
    sent_.push_back({out, {payload.begin(), payload.end()}});
  }
}

void Player::resume_frame() {
  if (!parked_) throw Failure{"nothing waits"};
  tcp::Segment segment = *std::exchange(parked_, std::nullopt);
  segment.resumed = true;
  if (segment.timestamps) echoed_ = segment.timestamps->echo;
  handle(segment);
}

void Player::act(const PacketOut& expected) {
  if (sent_.empty()) throw Failure{"no packet; the outcome was " + std::string(outcome_)};
  const Sent sent = sent_.front();
  sent_.pop_front();
  if ((sent.segment.flags & tcp::kSyn) != 0) server_isn_ = sent.segment.seq;
  PacketText got = describe(sent.segment);
  got.lost = expected.packet.lost;
  if (got != expected.packet) throw Failure{"got > " + to_text(got) + "; the outcome was " + std::string(outcome_)};
  check_timestamps(sent.segment);
  check_payload(sent);
  if (sent.segment.fast_open.kind == wire::FastOpen::Kind::cookie) fast_open_cookie_ = sent.segment.fast_open.cookie;
  if (sent.segment.has_timestamps && !expected.packet.lost) last_received_ = sent.segment.timestamps.value;
}

void Player::act(const ExpectOutcome& expected) const {
  if (expected.name != outcome_) throw Failure{"the outcome was " + std::string(outcome_)};
}

void Player::act(Event event) {
  expect_nothing_waiting();
  switch (event) {
    case Event::epoch_rotate:
      keys_.current ^= 1;
      keys_.by_parity[keys_.current] = new_key();
      keys_.draining = false;
      break;
    case Event::epoch_drain:
      keys_.draining = true;
      break;
    case Event::service_change:
      scripted_.change();
      break;
    case Event::service_waits:
      scripted_.wait(true);
      break;
    case Event::service_ready:
      scripted_.wait(false);
      resume_frame();
      break;
    case Event::service_off:
      listening_ = false;
      break;
    case Event::restart:
      restart();
      break;
  }
}

PacketText Player::describe(const tcp::OutSegment& segment) const {
  PacketText text;
  text.flags = segment.flags;
  text.seq = (segment.flags & tcp::kSyn) != 0 ? 0 : segment.seq - server_isn_;
  text.length = segment.length;
  if ((segment.flags & tcp::kAck) != 0) text.ack = segment.ack - client_isn_;
  text.window = segment.window;
  text.mss = segment.mss;
  text.sack_permitted = segment.sack_permitted;
  if (segment.fast_open.kind == wire::FastOpen::Kind::cookie) {
    const bool right = segment.fast_open.cookie == tcp::make_fast_open_cookie(keys_, flow_);
    text.fast_open = right ? PacketText::FastOpen::ok : PacketText::FastOpen::wrong;
  }
  if (segment.has_timestamps) {
    tcp::Ledger ledger = tcp::Ledger::decode(segment.timestamps.value);
    ledger.next = static_cast<std::uint16_t>((ledger.next - client_isn_.value()) & tcp::kNextMask);
    text.timestamps = {ledger, segment.timestamps.echo};
  }
  if (segment.has_sack) {
    const SeqNum begin{segment.sack.begin};
    const SeqNum end{segment.sack.end};
    text.sack.emplace_back(begin - client_isn_, end - client_isn_);
  }
  return text;
}

void Player::check_timestamps(const tcp::OutSegment& segment) {
  if (!segment.has_timestamps) return;
  const std::uint32_t value = segment.timestamps.value;
  // RFC 7323 section 5.3, R1: a client drops what has an older timestamp than the last one.
  if (value - last_received_ >= 0x80000000u && last_received_ != 0) throw Failure{"TSval runs backwards for PAWS"};
  // A SYN has nothing to echo: there the clock bit is the responder's own choice.
  const bool syn = (segment.flags & tcp::kSyn) != 0;
  // With soft state it goes on from the newest ledger sent, which the client may not echo yet.
  const bool smallest = value == tcp::Ledger::decode(value).encode(echoed_);
  const bool forward = value - echoed_ < 0x80000000u;
  if (!syn && !(dialogue_.settings.flow_cache == 0 ? smallest : forward))
    throw Failure{"TSval is not the smallest after TSecr"};
  if (syn) echoed_ = value;  // what answers data in a SYN goes on from the SYN-ACK
}

void Player::check_payload(const Sent& sent) const {
  if (sent.payload.empty()) return;
  const std::size_t begin = sent.segment.seq - server_isn_ - 1;
  if (begin + sent.payload.size() > streams_.server.size()) throw Failure{"bytes beyond the end of the answers"};
  const auto expected = streams_.server.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto [got, _] = std::mismatch(sent.payload.begin(), sent.payload.end(), expected);
  if (got == sent.payload.end()) return;
  throw Failure{"wrong byte of the answer at " +
                std::to_string(begin + 1 + static_cast<std::size_t>(got - sent.payload.begin()))};
}

}  // namespace

std::optional<Divergence> play(const Dialogue& dialogue, const Circumstances& circumstances) {
  unsigned line = 0;
  try {
    Player player(dialogue, circumstances);
    for (const Step& step : dialogue.steps) {
      line = step.line;
      player.step(step);
    }
    line = static_cast<unsigned>(dialogue.lines.size());
    player.expect_nothing_waiting();
  } catch (const Failure& failure) {
    return Divergence{line, failure.what};
  }
  return std::nullopt;
}

}  // namespace gl::golden
