// The command line of goldilocks-load, after the EAL's flags and `--`.
// Byte order: addresses as on the wire, numbers host. Units: as named. Thread: main core at start, read-only after.
// Errors: one line that names the flag and says what is allowed.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "app/load/sources.h"
#include "lib/base/result.h"
#include "lib/wire/address.h"

namespace gl::load {

enum class Mode : std::uint8_t {
  udp,  // a query, its answer
  tcp,  // SYN, ACK, query, ACK, FIN, ACK and what the server sends between them
  syn,  // SYN, SYN-ACK, and nothing after it
};

// --write-pcap: the frames of clients who send blindly, in a file (pcap/write.h), in place of clients on a port.
enum class FrameKind : std::uint8_t { syn, ack, query, fin, udp };
inline constexpr std::array<const char*, 5> kFrameKinds = {"syn", "ack", "query", "fin", "udp"};
class FrameKinds {
 public:
  constexpr FrameKinds() noexcept = default;
  constexpr FrameKinds(std::initializer_list<FrameKind> kinds) noexcept {
    for (const FrameKind kind : kinds) add(kind);
  }
  constexpr void add(FrameKind kind) noexcept { bits_ |= bit(kind); }
  [[nodiscard]] constexpr bool has(FrameKind kind) const noexcept { return (bits_ & bit(kind)) != 0; }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  // Whether there are segments that a server takes only with its own cookie in them.
  [[nodiscard]] constexpr bool need_cookies() const noexcept {
    return has(FrameKind::ack) || has(FrameKind::query) || has(FrameKind::fin);
  }

 private:
  [[nodiscard]] static constexpr unsigned bit(FrameKind kind) noexcept { return 1u << static_cast<unsigned>(kind); }
  unsigned bits_ = 0;
};

struct PcapOptions {
  std::string file;                    // empty: no file is written
  std::string secret;                  // the server's --secret
  std::string zone;                    // the server's --zone: it says how long the answers are
  std::uint32_t epoch_seconds = 3600;  // the server's --epoch
  std::optional<std::uint64_t> at;     // UNIX time at which the cookies were given; absent: now
  std::uint32_t flows = 1000;
  FrameKinds frames;  // where none was named: what belongs to the mode
};

struct Options {
  Mode mode = Mode::tcp;
  wire::IpAddress target;
  std::uint16_t target_port = 53;
  std::optional<wire::MacAddress> target_mac;  // absent: ask by ARP or neighbour solicitation
  std::optional<wire::MacAddress> source_mac;  // absent: the port's
  Sources sources;
  std::string query = "./SOA";
  std::string http;                 // a path: HTTP requests for it in place of DNS questions; empty: none
  std::string datagram;             // another protocol's over UDP, see render_datagram(); empty: none
  std::string queries_file;         // dnsperf's format; empty: `query`
  std::uint32_t connections = 256;  // in flight; a power of two
  double rate = 0;                  // exchanges started a second; 0: as fast as answers come
  double duration = 5;              // seconds
  double timeout_ms = 200;          // first retransmission timeout, doubled at each try
  std::uint8_t tries = 7;
  std::uint16_t queries_per_connection = 1;
  std::uint16_t mss = 0;  // 0: 1460 for IPv4, 1440 for IPv6
  std::uint16_t port_id = 0;
  PcapOptions pcap;
  bool timestamps = true;
  bool dnssec = false;
  bool merge_ack = false;  // the handshake's ACK rides on the query
  bool rests = false;      // connections stay open until they are told to ask or to close (crowd.h); no flag sets it
  bool json = false;
  bool help = false;
};

[[nodiscard]] Result<Options> parse_options(int argc, char** argv);
[[nodiscard]] const char* usage() noexcept;

}  // namespace gl::load
