// One TCP packet in packetdrill's notation: `P. 1:35(34) ack 1 win 65535 <TS val 100 ecr last>`.
// Sequence numbers are relative to each side's first SYN. Our own additions: `ecr last`, a ledger spelled out as
// `ledger(E=231 next=35 prefix withheld)`, `other(E=331 next=65 acked)` for the next one that another node may have
// sent, and of Fast Open `FO ask`, `FO ok` (from us: the cookie that is right; from the client: the one it got last),
// `FO wrong`. Ownership: values. Errors: std::runtime_error with what was expected.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/tcp/ledger.h"

namespace gl::golden {

// The ledger with `next` relative to the client's ISN.
using RelativeLedger = tcp::Ledger;
struct LastReceived {
  friend bool operator==(LastReceived, LastReceived) = default;
};
struct OthersLedger {
  RelativeLedger ledger;
  friend bool operator==(const OthersLedger&, const OthersLedger&) = default;
};
using TimestampText = std::variant<std::uint32_t, RelativeLedger, OthersLedger, LastReceived>;

struct PacketText {
  std::uint8_t flags = 0;  // tcp::Flag
  std::uint32_t seq = 0;
  std::uint32_t length = 0;
  std::optional<std::uint32_t> ack;
  std::uint16_t window = 0;
  std::uint16_t mss = 0;  // 0: no such option
  struct Timestamps {
    TimestampText value;
    TimestampText echo;
    friend bool operator==(const Timestamps&, const Timestamps&) = default;
  };
  std::optional<Timestamps> timestamps;
  enum class FastOpen : std::uint8_t { absent, ask, ok, wrong };
  FastOpen fast_open = FastOpen::absent;
  bool sack_permitted = false;                                // of a SYN-ACK of ours, and of a SYN
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sack;  // RFC 2018; relative to the SYN of who reads them
  bool lost = false;  // the packet never reaches the client: it is no `last` for the echo

  friend bool operator==(const PacketText&, const PacketText&) = default;
};

// Reads what stands after `<` or `>` on a line.
[[nodiscard]] PacketText parse_packet(std::string_view text);
[[nodiscard]] std::string to_text(const PacketText& packet);

}  // namespace gl::golden
