#include "tests/sim/trace.h"

#include <cstdio>

#include "tests/golden/packet_text.h"

namespace gl::sim {
namespace {

using golden::PacketText;

constexpr std::uint64_t kLongestMs = 2000 * 1000;

tcp::Ledger relative(std::uint32_t value, tcp::SeqNum client_isn) {
  tcp::Ledger ledger = tcp::Ledger::decode(value);
  ledger.next = static_cast<std::uint16_t>((ledger.next - client_isn.value()) & tcp::kNextMask);
  return ledger;
}

std::string describe(const Scenario& s) {
  char line[400];
  std::snprintf(
      line, sizeof line,
      "// scenario %s, seed %llu: client MSS %u, %s, repeats %s%s%s, buffer %u; network %llu+%llu ms, loss %g/%g, "
      "doubled %g; %u nodes, restarts %g%s\n",
      std::string(s.name).c_str(), static_cast<unsigned long long>(s.seed), s.client.mss,
      s.client.timestamps ? "timestamps" : "no timestamps",
      s.client.repeat == Repeat::whole_buffers ? "whole buffers"
      : s.client.repeat == Repeat::bytes       ? "bytes"
                                               : "segments",
      s.client.nagle ? ", Nagle" : "", s.client.acks == Acks::each ? "" : ", delayed ACKs", s.client.buffer,
      static_cast<unsigned long long>(s.channel.delay_ms), static_cast<unsigned long long>(s.channel.jitter_ms),
      s.channel.loss_to_server, s.channel.loss_to_client, s.channel.duplicate, s.server.nodes, s.server.restarts,
      s.server.frames ? ", frames" : "");
  return line;
}

}  // namespace

Trace::Trace(const Scenario& scenario, std::string& text)
    : text_(text), client_isn_(scenario.client.isn), several_nodes_(scenario.server.nodes > 1) {
  text_ += describe(scenario);
  text_ += "--mss=" + std::to_string(scenario.server.mss) + '\n';
  text_ += "--flow-cache=" + std::to_string(scenario.server.flow_cache) + '\n';
  text_ += "--largest-reply=" + std::to_string(scenario.server.largest_reply) + '\n';
  for (const Query& query : scenario.queries) {
    text_ += "query " + std::to_string(query.query_length) + " -> " + std::to_string(query.answer_length);
    if (!query.same_after) text_ += "  // then " + std::to_string(query.answer_length_after);
    text_ += '\n';
  }
}

// A stall is long and says little.
bool Trace::too_late(std::uint64_t now_ms) {
  if (now_ms < kLongestMs) return false;
  if (!ended_) text_ += "// and so on\n";
  ended_ = true;
  return true;
}

void Trace::at(std::uint64_t now_ms) {
  char time[32];
  std::snprintf(time, sizeof time, "+%g ", static_cast<double>(now_ms - last_ms_) / 1000);
  last_ms_ = now_ms;
  text_ += time;
}

std::string Trace::from_client(const Packet& packet) const {
  PacketText text;
  text.flags = packet.flags;
  text.seq = packet.seq - client_isn_;
  text.length = static_cast<std::uint32_t>(packet.payload.size());
  if (packet.has(tcp::kAck)) text.ack = packet.ack - server_isn_;
  text.window = packet.window;
  text.mss = packet.mss;
  text.sack_permitted = packet.sack_permitted;
  for (const auto& block : packet.sack.view()) {
    text.sack.emplace_back(block.begin - server_isn_.value(), block.end - server_isn_.value());
  }
  if (packet.timestamps) {
    text.timestamps = {packet.timestamps->value, packet.timestamps->echo};
    if (!packet.has(tcp::kSyn)) text.timestamps->echo = relative(packet.timestamps->echo, client_isn_);
  }
  return to_text(text);
}

void Trace::arrived(std::uint64_t now_ms, const Packet& packet, unsigned node) {
  if (too_late(now_ms)) return;
  at(now_ms);
  text_ += "< " + from_client(packet) + (several_nodes_ ? "  // node " + std::to_string(node) : "") + '\n';
}

void Trace::sent(const Packet& packet, bool lost) {
  if (packet.has(tcp::kSyn)) server_isn_ = packet.seq;
  if (ended_) return;
  PacketText text;
  text.flags = packet.flags;
  text.seq = packet.seq - server_isn_;
  text.length = static_cast<std::uint32_t>(packet.payload.size());
  if (packet.has(tcp::kAck)) text.ack = packet.ack - client_isn_;
  text.window = packet.window;
  text.mss = packet.mss;
  text.sack_permitted = packet.sack_permitted;
  if (packet.timestamps) {
    text.timestamps = {relative(packet.timestamps->value, client_isn_), packet.timestamps->echo};
  }
  text_ += "+0 > " + to_text(text) + (lost ? " lost" : "") + '\n';
}

void Trace::event(std::uint64_t now_ms, const std::string& what) {
  if (too_late(now_ms)) return;
  at(now_ms);
  text_ += what + '\n';
}

void Trace::comment(std::uint64_t now_ms, const std::string& what) {
  if (too_late(now_ms)) return;
  char time[32];
  std::snprintf(time, sizeof time, "// at %g: ", static_cast<double>(now_ms) / 1000);
  text_ += time + what + '\n';
}

void Trace::lost_on_the_way(std::uint64_t now_ms, const Packet& packet) {
  if (too_late(now_ms)) return;
  char time[48];
  std::snprintf(time, sizeof time, "// lost, sent at %g: ", static_cast<double>(now_ms) / 1000);
  text_ += time + from_client(packet) + '\n';
}

}  // namespace gl::sim
