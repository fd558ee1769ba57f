// Whole frames through the datapath: every reply is a well-formed frame, every frame ends in one verdict, and nobody
// gets more bytes than he sent unless he proved by a cookie that he is there (a datagram's answer has its own limit).
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "lib/datapath/pipeline.h"
#include "lib/services/dns/zone.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/reply_frame_check.h"
#include "tests/fuzz/zone_fixture.h"

namespace {

using gl::fuzz::check;
using namespace gl;

constexpr std::size_t kMtu = 1500;
constexpr std::size_t kCapacity = 18 + kMtu;
constexpr std::size_t kMaxUdp = 1232;

// The input's first byte: how the rest is prepared, so that mutation need not guess sums and secrets.
enum Prepare : std::uint8_t {
  kSumsChecked = 1,  // the port found the checksums right
  kCookie = 2,       // a TCP segment acknowledges our cookie, `off` bytes further
  kTimestamps = 4,   // that cookie is of a client with timestamps, whose echo fits
  kNoBuffers = 8,    // the sink has no further buffer
};

struct Sink {
  bool has_buffers = true;
  std::vector<std::vector<std::uint8_t>> sent;
  std::unique_ptr<std::uint8_t[]> lent;

  void reply(datapath::Frame& frame) noexcept { sent.emplace_back(frame.data, frame.data + frame.length); }
  bool hand_off(unsigned) noexcept { return false; }
  bool extra(datapath::Frame& frame) noexcept {
    if (!has_buffers) return false;
    lent = std::make_unique<std::uint8_t[]>(kCapacity);
    frame = {.data = lent.get(), .length = 0, .capacity = kCapacity};
    return true;
  }
  void send_extra(datapath::Frame& frame) noexcept { sent.emplace_back(frame.data, frame.data + frame.length); }
};

struct Fixture {
  Fixture() {
    check(interface.add(wire::Ipv4Address{{192, 0, 2, 53}}), "an address fits");
    check(interface.add(wire::Ipv6Address{{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53}}),
          "an address fits");
    interface.mac = {{2, 0, 0, 0, 0, 1}};
    check(table.add(53, service), "a service fits");
    keys.by_parity[0].fill(1);
    keys.by_parity[1].fill(2);
  }
  fuzz::ZoneFixture zones;
  services::DnsZoneService service{{.max_udp = kMaxUdp}, zones.published()};
  datapath::Interface interface;
  Registry table;
  tcp::CookieKeys keys;
  tcp::Responder responder{tcp::ResponderSettings{}};
  datapath::CoreCounters counters;
  datapath::Pipeline pipeline{table, responder, counters};
  std::uint64_t frames = 0;
};

// Where TCP begins in an untagged frame without IP options or extension headers, if that is what it is.
std::size_t find_tcp(Bytes frame) {
  if (frame.size() >= 14 + 40 && frame[12] == 0x08 && frame[13] == 0 && frame[14] == 0x45 && frame[23] == 6) return 34;
  if (frame.size() >= 14 + 60 && frame[12] == 0x86 && frame[13] == 0xdd && frame[20] == 6) return 54;
  return 0;
}

// Writes an acknowledgement and an echo that fit into the segment at `at`.
void put_cookie(const Fixture& fixture, MutableBytes frame, std::size_t at, bool timestamps, std::uint32_t off) {
  std::uint8_t* const header = frame.data() + at;
  Be16 client_port;
  Be16 server_port;
  std::memcpy(&client_port, header, 2);
  std::memcpy(&server_port, header + 2, 2);
  const tcp::FlowKey flow = at == 34 ? tcp::FlowKey::v4(&frame[26], &frame[30], client_port, server_port)
                                     : tcp::FlowKey::v6(&frame[22], &frame[38], client_port, server_port);
  const wire::SeqNum seq(load_be<std::uint32_t>(header + 4));
  const auto bound = timestamps ? std::nullopt : std::optional(seq - 1);
  store_be(header + 8, (make_isn(fixture.keys, flow, 6, bound) + 1 + off).value());
  if (!timestamps || frame.size() < at + 32 || load_be<std::uint32_t>(header + 20) != wire::kNopNopTimestamps) return;
  const tcp::Ledger ledger{off, static_cast<std::uint16_t>(seq.value() & tcp::kNextMask), false, true};
  store_be(header + 28, ledger.encode(0));
}

void check_amplification(datapath::Verdict verdict, std::size_t in, std::size_t out) {
  using datapath::Verdict;
  if (verdict == Verdict::udp_reply) {
    check(out <= 18 + 40 + 8 + kMaxUdp, "a datagram's answer keeps to its limit");
  } else if (verdict == Verdict::ndp_advertised) {
    check(out <= in + 8, "an advertisement has no more than a solicitation and an address");
  } else {
    check(out <= in, "a reply to a stranger is not longer than what he sent");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  if (size < 2 || size > 2 + kCapacity) return 0;
  const std::uint8_t prepare = data[0];
  const std::size_t length = size - 2;
  const auto memory = std::make_unique<std::uint8_t[]>(kCapacity);
  std::memcpy(memory.get(), data + 2, length);
  const std::size_t tcp_at = find_tcp({memory.get(), length});
  const bool cookie = (prepare & kCookie) != 0 && tcp_at != 0;
  if (cookie) put_cookie(fixture, {memory.get(), length}, tcp_at, (prepare & kTimestamps) != 0, data[1]);

  datapath::Frame frame{.data = memory.get(), .length = length, .capacity = kCapacity};
  frame.ipv4_checksum_good = frame.l4_checksum_good = (prepare & kSumsChecked) != 0;
  Sink sink;
  sink.has_buffers = (prepare & kNoBuffers) == 0;
  fixture.service.begin_burst(0);
  fixture.responder.begin_burst(fixture.frames, fixture.keys);
  const datapath::Verdict verdict = fixture.pipeline.process(frame, fixture.interface, sink);

  check(++fixture.frames == fixture.counters.verdict_sum(), "each frame ends in one verdict");
  const bool drop = !datapath::kVerdictTexts[datapath::index(verdict)].is_reply();
  check(drop == sink.sent.empty(), "a drop sends nothing, a reply something");
  std::size_t out = 0;
  for (const auto& sent : sink.sent) {
    fuzz::check_reply_frame(sent, kMtu);
    out += sent.size();
  }
  if (!drop && !cookie) check_amplification(verdict, length, out);
  return 0;
}
