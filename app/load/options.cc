#include "app/load/options.h"

#include <arpa/inet.h>
#include <getopt.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdio>
#include <sstream>

namespace gl::load {
namespace {

enum Flag : int {
  kMode = 256,
  kTarget,
  kPort,
  kMac,
  kSourceMac,
  kSource,
  kQuery,
  kQueries,
  kHttp,
  kDatagram,
  kConnections,
  kRate,
  kDuration,
  kTimeout,
  kTries,
  kPerConnection,
  kMss,
  kPortId,
  kNoTimestamps,
  kDnssec,
  kMergeAck,
  kWritePcap,
  kSecret,
  kZone,
  kFlows,
  kFrames,
  kEpoch,
  kAt,
  kJson,
  kHelp,
};

constexpr option kFlags[] = {
    {"mode", required_argument, nullptr, kMode},
    {"target", required_argument, nullptr, kTarget},
    {"target-port", required_argument, nullptr, kPort},
    {"target-mac", required_argument, nullptr, kMac},
    {"source-mac", required_argument, nullptr, kSourceMac},
    {"source", required_argument, nullptr, kSource},
    {"query", required_argument, nullptr, kQuery},
    {"queries", required_argument, nullptr, kQueries},
    {"http", required_argument, nullptr, kHttp},
    {"datagram", required_argument, nullptr, kDatagram},
    {"connections", required_argument, nullptr, kConnections},
    {"rate", required_argument, nullptr, kRate},
    {"duration", required_argument, nullptr, kDuration},
    {"timeout", required_argument, nullptr, kTimeout},
    {"tries", required_argument, nullptr, kTries},
    {"queries-per-connection", required_argument, nullptr, kPerConnection},
    {"mss", required_argument, nullptr, kMss},
    {"port-id", required_argument, nullptr, kPortId},
    {"no-timestamps", no_argument, nullptr, kNoTimestamps},
    {"dnssec", no_argument, nullptr, kDnssec},
    {"merge-ack", no_argument, nullptr, kMergeAck},
    {"write-pcap", required_argument, nullptr, kWritePcap},
    {"secret", required_argument, nullptr, kSecret},
    {"zone", required_argument, nullptr, kZone},
    {"flows", required_argument, nullptr, kFlows},
    {"frames", required_argument, nullptr, kFrames},
    {"epoch", required_argument, nullptr, kEpoch},
    {"at", required_argument, nullptr, kAt},
    {"json", no_argument, nullptr, kJson},
    {"help", no_argument, nullptr, kHelp},
    {nullptr, 0, nullptr, 0},
};

// The value of one flag, with its name for the message.
struct Argument {
  const char* flag;
  std::string text;
};

template <class T>
Status number(const Argument& a, T low, T high, T& out) {
  T value{};
  const char* const end = a.text.data() + a.text.size();
  const auto [stop, error] = std::from_chars(a.text.data(), end, value);
  if (error != std::errc{} || stop != end || value < low || value > high) {
    return Error{std::string("--") + a.flag + ": '" + a.text + "' is not a number from " + std::to_string(low) +
                 " to " + std::to_string(high)};
  }
  out = value;
  return success();
}

Status mode(const Argument& a, Mode& out) {
  if (a.text == "udp")
    out = Mode::udp;
  else if (a.text == "tcp")
    out = Mode::tcp;
  else if (a.text == "syn")
    out = Mode::syn;
  else
    return Error{"--mode: '" + a.text + "' is none of udp, tcp, syn"};
  return success();
}

Status address(const Argument& a, wire::IpAddress& out) {
  wire::Ipv4Address v4;
  wire::Ipv6Address v6;
  if (inet_pton(AF_INET, a.text.c_str(), v4.bytes.data()) == 1)
    out = v4;
  else if (inet_pton(AF_INET6, a.text.c_str(), v6.bytes.data()) == 1)
    out = v6;
  else
    return Error{std::string("--") + a.flag + ": '" + a.text + "' is no IPv4 or IPv6 address"};
  return success();
}

Status mac(const Argument& a, std::optional<wire::MacAddress>& out) {
  unsigned b[6];
  char rest = 0;
  if (std::sscanf(a.text.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5], &rest) != 6) {
    return Error{std::string("--") + a.flag + ": '" + a.text + "' is not of the form 02:00:00:00:00:01"};
  }
  wire::MacAddress address;
  for (std::size_t i = 0; i < 6; ++i) address.bytes[i] = static_cast<std::uint8_t>(b[i]);
  out = address;
  return success();
}

Status sources(const Argument& a, Sources& out) {
  auto parsed = parse_sources(a.text);
  if (!parsed) return Error{parsed.error()};
  out = *parsed;
  return success();
}

// "syn,query,fin"
Status frame_kinds(const Argument& a, FrameKinds& out) {
  FrameKinds kinds;
  std::istringstream words(a.text);
  for (std::string word; std::getline(words, word, ',');) {
    const auto at = std::find(kFrameKinds.begin(), kFrameKinds.end(), word);
    if (at == kFrameKinds.end()) return Error{"--frames: '" + word + "' is none of syn, ack, query, fin, udp"};
    kinds.add(static_cast<FrameKind>(at - kFrameKinds.begin()));
  }
  if (kinds.empty()) return Error{"--frames: names none of syn, ack, query, fin, udp"};
  out = kinds;
  return success();
}

Status apply_pcap(int flag, const Argument& a, PcapOptions& o) {
  switch (flag) {
    case kWritePcap:
      o.file = a.text;
      return o.file.empty() ? Status(Error{"--write-pcap: names no file"}) : success();
    case kSecret:
      o.secret = a.text;
      return success();
    case kZone:
      o.zone = a.text;
      return success();
    case kFlows:
      return number<std::uint32_t>(a, 1, 1u << 24, o.flows);
    case kFrames:
      return frame_kinds(a, o.frames);
    case kEpoch:
      return number<std::uint32_t>(a, 8, 604800, o.epoch_seconds);
    default:
      return number<std::uint64_t>(a, 604800, 1ull << 40, o.at.emplace());
  }
}

Status apply(int flag, const Argument& a, Options& o) {
  switch (flag) {
    case kMode:
      return mode(a, o.mode);
    case kTarget:
      return address(a, o.target);
    case kPort:
      return number<std::uint16_t>(a, 1, 65535, o.target_port);
    case kMac:
      return mac(a, o.target_mac);
    case kSourceMac:
      return mac(a, o.source_mac);
    case kSource:
      return sources(a, o.sources);
    case kQuery:
      o.query = a.text;
      return success();
    case kQueries:
      o.queries_file = a.text;
      return success();
    case kHttp:
      o.http = a.text;
      return success();
    case kDatagram:
      o.datagram = a.text;
      return success();
    case kConnections:
      return number<std::uint32_t>(a, 1, 1u << 20, o.connections);
    case kRate:
      return number<double>(a, 0, 1e9, o.rate);
    case kDuration:
      return number<double>(a, 0.01, 1e6, o.duration);
    case kTimeout:
      return number<double>(a, 0.1, 60000, o.timeout_ms);
    case kTries:
      return number<std::uint8_t>(a, 1, 20, o.tries);
    case kPerConnection:
      return number<std::uint16_t>(a, 1, 65535, o.queries_per_connection);
    case kMss:
      return number<std::uint16_t>(a, 64, 9000, o.mss);
    case kPortId:
      return number<std::uint16_t>(a, 0, 1023, o.port_id);
    case kNoTimestamps:
      o.timestamps = false;
      return success();
    case kDnssec:
      o.dnssec = true;
      return success();
    case kMergeAck:
      o.merge_ack = true;
      return success();
    case kJson:
      o.json = true;
      return success();
    case kWritePcap:
    case kSecret:
    case kZone:
    case kFlows:
    case kFrames:
    case kEpoch:
    case kAt:
      return apply_pcap(flag, a, o.pcap);
    default:
      o.help = true;
      return success();
  }
}

FrameKinds frames_of(Mode mode) {
  if (mode == Mode::udp) return {FrameKind::udp};
  if (mode == Mode::syn) return {FrameKind::syn};
  return {FrameKind::syn, FrameKind::query, FrameKind::fin};
}

// What a file of frames needs to be told, because no port is opened and no server asked.
Status check_pcap(Options& o) {
  PcapOptions& p = o.pcap;
  if (p.frames.empty()) p.frames = frames_of(o.mode);
  const bool fin = p.frames.has(FrameKind::fin);
  if (!o.target_mac || !o.source_mac) return Error{"--write-pcap needs --target-mac and --source-mac"};
  if (!o.http.empty() || !o.datagram.empty()) return Error{"--http, --datagram: not with --write-pcap"};
  if (p.frames.need_cookies() && p.secret.empty()) return Error{"--write-pcap needs the server's --secret FILE"};
  if (fin && p.zone.empty()) {
    return Error{"--write-pcap needs the server's --zone FILE for a FIN, which acknowledges the answer"};
  }
  if (fin && !o.timestamps) return Error{"--frames: fin not with --no-timestamps"};
  if (p.flows > o.sources.count * 32768ull) return Error{"--flows: at most 32768 for each --source address"};
  return success();
}

Status check(Options& o, bool target_given) {
  if (!target_given) return Error{"--target ADDR is missing"};
  if (o.sources.count == 0) return Error{"--source ADDR/LEN is missing"};
  if (o.sources.v6 != wire::is_v6(o.target)) {
    return Error{"--source and --target must be of one address family"};
  }
  if (!o.http.empty() && o.mode == Mode::udp) return Error{"--http: not with --mode udp"};
  if (!o.datagram.empty() && o.mode != Mode::udp) return Error{"--datagram: only with --mode udp"};
  if (!std::has_single_bit(o.connections)) return Error{"--connections: must be a power of two"};
  if (o.connections > o.sources.count * 32768ull)
    return Error{"--connections: at most 32768 for each --source address"};
  if (o.mss == 0) o.mss = o.sources.v6 ? 1440 : 1460;
  if (!o.pcap.file.empty()) return check_pcap(o);
  return success();
}

}  // namespace

Result<Options> parse_options(int argc, char** argv) {
  Options o;
  bool target_given = false;
  std::string pcap_flag;  // one that means something with --write-pcap only
  optind = 1;
  for (;;) {
    int index = 0;
    const int flag = getopt_long(argc, argv, "", kFlags, &index);
    if (flag == -1) break;
    if (flag == '?') return Error{"unknown flag, or one without its value; see --help"};
    target_given |= flag == kTarget;
    if (flag > kWritePcap && flag <= kAt) pcap_flag = kFlags[index].name;
    const auto applied = apply(flag, {kFlags[index].name, optarg != nullptr ? optarg : ""}, o);
    if (!applied) return Error{applied.error()};
  }
  if (optind != argc) return Error{std::string("'") + argv[optind] + "' is not a flag; see --help"};
  if (o.help) return o;
  if (!pcap_flag.empty() && o.pcap.file.empty()) return Error{"--" + pcap_flag + ": only with --write-pcap"};
  if (const auto fine = check(o, target_given); !fine) return Error{fine.error()};
  return o;
}

const char* usage() noexcept {
  return "goldilocks-load [EAL flags] -- --target ADDR --source ADDR/LEN [flags]\n"
         "DNS or HTTP clients at full speed on one DPDK port and one core.\n\n"
         "  --mode udp|tcp|syn          what an exchange is (tcp)\n"
         "  --target ADDR               the server, IPv4 or IPv6\n"
         "  --target-port N             its port (53)\n"
         "  --target-mac MAC            its link address; asked by ARP or NDP where absent\n"
         "  --source ADDR[/LEN|-ADDR]   the clients' addresses, of the same family\n"
         "  --source-mac MAC            the clients' link address (the port's)\n"
         "  --query NAME/TYPE           the question (./SOA)\n"
         "  --queries FILE              questions in turn, a line each: name type\n"
         "  --http PATH                 HTTP requests for it in place of DNS queries; answers to 64 KiB, 200 expected\n"
         "  --datagram HEX[,id=N][,answer-id=N][,answer=N|none][,ack=HEX]\n"
         "                              with --mode udp: this in place of DNS queries. id, answer-id: offsets of two\n"
         "                              bytes that number the exchange; answer: its length, or that none comes; ack: "
         "sent to where it came "
         "from\n"
         "  --connections N             in flight at once, a power of two (256)\n"
         "  --rate N                    exchanges started a second; 0: as fast as answers come (0)\n"
         "  --duration S                seconds (5)\n"
         "  --timeout MS                first retransmission timeout, doubled at each try (200)\n"
         "  --tries N                   times a segment or a datagram is sent at most (7)\n"
         "  --queries-per-connection N  one after the other (1)\n"
         "  --mss N                     offered in the SYN (1460; IPv6 1440)\n"
         "  --no-timestamps             as Windows does by default\n"
         "  --dnssec                    queries with EDNS and the DO bit\n"
         "  --merge-ack                 the handshake's ACK rides on the query: five frames for six\n"
         "  --port-id N                 the DPDK port (0)\n"
         "  --write-pcap FILE           no clients, no port: the frames of clients who send blindly, for a generator "
         "that\n"
         "                              cannot react; valid for a server with the same --secret and --epoch (8 to "
         "604800 s)\n"
         "  --flows N                   so many connections in it (1000)\n"
         "  --frames LIST               of each: syn, ack, query, fin, udp (--mode tcp: syn,query,fin; udp; syn)\n"
         "  --secret FILE               the server's; a secret for tests, since who has the file can send as its "
         "clients\n"
         "  --zone FILE                 the server's: a FIN acknowledges the answer, which must fit one segment\n"
         "  --epoch SECONDS             the server's (3600)\n"
         "  --at UNIXTIME               the cookies' time (now); the file is valid for about one epoch from then on\n"
         "  --json                      the totals as one line of JSON on standard output\n"
         "  --help                      this text\n";
}

}  // namespace gl::load
