// A golden dialogue: what one client sends, and every packet that must come back, read from a .pkt file.
// Settings (`--rst-rate=0`), the client's byte stream (`query 34 -> 231`), then steps: `+0 < ...` a packet to us,
// `+0 > ...` a packet from us, `+0 outcome NAME`, `+0 epoch rotate`. See docs/testing.md. Errors: std::runtime_error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "lib/tcp/responder.h"
#include "tests/golden/dns_zone_fixture.h"
#include "tests/golden/packet_text.h"
#include "tests/golden/scripted_service.h"

namespace gl::golden {

struct PacketIn {
  PacketText packet;
};
struct PacketOut {
  PacketText packet;
};
struct ExpectOutcome {
  std::string name;
};
enum class Event : std::uint8_t {
  epoch_rotate,    // a new key signs, the one before still counts, the one before that is forgotten
  epoch_drain,     // connections of the older epoch are to be closed
  service_change,  // answers have other bytes from now on
  service_waits,   // answers are not there yet
  service_ready,   // now they are: what waits is resumed
  service_off,     // nothing listens on the port any more
  restart,         // another instance with the same secret takes over
};

struct Step {
  unsigned line = 0;  // in the file, from 1
  std::uint64_t at_ms = 0;
  std::variant<PacketIn, PacketOut, ExpectOutcome, Event> action;
};

struct Dialogue {
  std::vector<std::string> lines;  // the file, to show where it diverged
  tcp::ResponderSettings settings;
  bool ipv4 = true;  // played under this IP version
  bool ipv6 = true;
  Framing framing = Framing::length_prefix;
  std::vector<ScriptedQuery> queries;  // or, with a zone, questions
  std::vector<DnsQuestion> questions;
  std::filesystem::path zone;  // answered from by the real service; empty: the scripted one
  std::string origin;
  std::optional<std::size_t> largest_reply;  // what the service declares; otherwise its largest answer here
  std::vector<Step> steps;
};

[[nodiscard]] Dialogue read_dialogue(const std::filesystem::path& path);

}  // namespace gl::golden
