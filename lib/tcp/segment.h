// A TCP segment as it comes in: its lengths and its checksum have been checked.
// Byte order: host, the flow key as on the wire. Ownership: the payload is borrowed. Thread: any.
// Sources: RFC 9293 section 3.1, RFC 7323 section 3.2, RFC 2018 section 3.
#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/tcp/cookie.h"
#include "lib/wire/seqnum.h"
#include "lib/wire/tcp_options.h"

namespace gl::tcp {

enum Flag : std::uint8_t {
  kFin = 0x01,
  kSyn = 0x02,
  kRst = 0x04,
  kPsh = 0x08,
  kAck = 0x10,
  kUrg = 0x20,
  kEce = 0x40,
  kCwr = 0x80
};

struct Timestamps {
  std::uint32_t value = 0;  // TSval
  std::uint32_t echo = 0;   // TSecr
};

// A TCP segment whose lengths and checksum have been checked.
struct Segment {
  FlowKey flow;
  SeqNum seq;
  SeqNum ack;
  std::uint8_t flags = 0;
  std::uint16_t window = 0;  // as sent; for a service that uses window scaling: scaled, and 65535 at most
  std::uint16_t mss = 0;     // of a SYN; 0 where the option is absent
  std::optional<Timestamps> timestamps;
  Bytes payload{};
  bool resumed = false;                                // it came before, and has waited for an answer since
  std::uint32_t scaled_window = 0;                     // with services that use window scaling: all of it
  bool timer = false;                                  // none came: a deadline of the flow has passed
  wire::FastOpen fast_open{};                          // of a SYN
  bool sack_permitted = false;                         // of a SYN
  std::uint8_t window_scale = wire::kNoWindowScale;    // of a SYN
  wire::SackBlocks sack{};                             // RFC 2018
  std::uint8_t options_length = wire::kMaxTcpOptions;  // of a SYN, bytes: to an off-path sender ours has no more
};

}  // namespace gl::tcp
