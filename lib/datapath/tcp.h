// Stage 3: TCP (RFC 9293 section 3.1): segment in, checked; the responder's plan out, as frames. The first segment is
// written over the received one, further ones into buffers of the sink. Byte order: wire in frames, host in segments.
// Ownership: the plan's bytes are the responder's until its next call. Thread: that core only. Outcomes: verdict.h,
// where the responder's own are the tcp_ ones.
#pragma once

#include <array>
#include <cstring>
#include <optional>

#include "lib/datapath/counters.h"
#include "lib/datapath/reply.h"
#include "lib/datapath/sink.h"
#include "lib/datapath/suspend.h"
#include "lib/datapath/timed_flows.h"
#include "lib/datapath/verdict.h"
#include "lib/service/registry.h"
#include "lib/tcp/responder.h"
#include "lib/wire/tcp.h"
#include "lib/wire/tcp_options.h"

namespace gl::datapath {

struct TcpPorts {
  Be16 client;
  Be16 server;
};

// Not inline, like what writes them: of an open connection most segments have timestamps alone, or nothing.
[[gnu::noinline]] inline bool read_other_options(Bytes bytes, tcp::Segment& segment) noexcept {
  wire::TcpOptions options;
  if (!wire::parse_tcp_options(bytes, options)) return false;
  if ((segment.flags & tcp::kSyn) != 0) {
    segment.mss = options.mss;
    segment.fast_open = options.fast_open;
    segment.sack_permitted = options.sack_permitted;
    segment.window_scale = options.window_scale;
  }
  if (options.timestamps) segment.timestamps = tcp::Timestamps{options.timestamps->value, options.timestamps->echo};
  if (options.sack.count != 0) segment.sack = options.sack;
  return true;
}

[[nodiscard, gnu::always_inline]] inline bool read_options(Bytes bytes, tcp::Segment& segment) noexcept {
  segment.options_length = static_cast<std::uint8_t>(bytes.size());
  if (bytes.empty()) return true;
  if (bytes.size() != wire::kTimestampsLength || load_be<std::uint32_t>(bytes.data()) != wire::kNopNopTimestamps) {
    if ((segment.flags & tcp::kSyn) == 0) return read_other_options(bytes, segment);
    const auto common = wire::parse_common_syn(bytes);
    if (!common) return read_other_options(bytes, segment);
    segment.mss = common->mss;
    segment.sack_permitted = true;
    segment.window_scale = common->window_scale;
    segment.timestamps = tcp::Timestamps{common->timestamps.value, common->timestamps.echo};
    return true;
  }
  segment.timestamps =
      tcp::Timestamps{load_be<std::uint32_t>(bytes.data() + 4), load_be<std::uint32_t>(bytes.data() + 8)};
  return true;
}

// Fills in `segment`, whose payload then lies in the frame.
[[nodiscard, gnu::always_inline]] inline Verdict read_segment(const Frame& frame, const Packet& packet,
                                                              tcp::Segment& segment, TcpPorts& ports) noexcept {
  if (packet.payload.size() < sizeof(wire::TcpHeader)) return Verdict::drop_tcp_length;
  const auto& header = *reinterpret_cast<const wire::TcpHeader*>(packet.payload.data());
  const std::size_t header_length = header.header_length();
  if (header_length < sizeof header || header_length > packet.payload.size()) return Verdict::drop_tcp_length;
  if (!frame.l4_checksum_good && !l4_checksum_holds(packet)) return Verdict::drop_tcp_checksum;
  if (header.source_port == Be16(0)) return Verdict::drop_tcp_source_port;
  segment.flags = header.flags;
  if (!read_options(packet.payload.subspan(sizeof header, header_length - sizeof header), segment)) {
    return Verdict::drop_tcp_options;
  }

  ports = {header.source_port, header.destination_port};
  if (packet.v6) {
    segment.flow.set_v6(packet.source, packet.destination, ports.client, ports.server);
  } else {
    segment.flow.set_v4(packet.source, packet.destination, ports.client, ports.server);
  }
  segment.seq = wire::SeqNum(header.sequence.host());
  segment.ack = wire::SeqNum(header.acknowledgment.host());
  segment.window = header.window.host();
  segment.payload = packet.payload.subspan(header_length);
  return kContinue;
}

// A segment written but for its checksum: how long it is, and the sum of its bytes, taken while they were in registers.
struct Written {
  std::size_t length = 0;
  wire::PartialSum sum = 0;
};

// A SYN-ACK, or one with a SACK block.
inline bool has_other_options(const tcp::OutSegment& out) noexcept {
  return (out.flags & tcp::kSyn) != 0 || out.has_sack;
}
inline wire::TcpOptions other_options(const tcp::OutSegment& out) noexcept {
  wire::TcpOptions options;
  options.mss = out.mss;
  options.fast_open = out.fast_open;
  options.sack_permitted = out.sack_permitted;
  if (out.window_scale) options.window_scale = 0;
  if (out.has_sack) {
    options.sack.count = 1;
    options.sack.blocks[0] = out.sack;
  }
  if (out.has_timestamps) options.timestamps = wire::TcpTimestamps{out.timestamps.value, out.timestamps.echo};
  return options;
}

[[gnu::noinline]] inline Written write_other_options(std::uint8_t* at, const tcp::OutSegment& out) noexcept {
  Written written;
  written.length = wire::write_tcp_options(other_options(out), at, written.sum);
  return written;
}

// Header, options and payload at `l4`. The header goes out in whole words, each added to the sum on its way.
[[gnu::always_inline]] inline Written write_segment(std::uint8_t* l4, const tcp::OutSegment& out, Bytes payload,
                                                    const TcpPorts& ports) noexcept {
  Written written;
  std::size_t header_length = sizeof(wire::TcpHeader);
  const auto put = [&](std::size_t at, std::uint32_t word) {
    store_be(l4 + at, word);
    written.sum += host_to_be(word);
  };
  if (has_other_options(out)) {
    written = write_other_options(l4 + header_length, out);
    header_length += written.length;
  } else if (out.has_timestamps) {
    put(header_length, wire::kNopNopTimestamps);
    put(header_length + 4, out.timestamps.value);
    put(header_length + 8, out.timestamps.echo);
    header_length += wire::kTimestampsLength;
  }
  put(0, std::uint32_t{ports.server.host()} << 16 | ports.client.host());
  put(4, out.seq.value());
  put(8, out.ack.value());
  put(12, static_cast<std::uint32_t>(header_length) << 26 | std::uint32_t{out.flags} << 16 | out.window);
  put(16, 0);  // checksum, urgent pointer
  written.sum = wire::copy_and_sum(l4 + header_length, payload.data(), payload.size(), written.sum);
  written.length = header_length + payload.size();
  return written;
}

inline void finish_tcp_checksum(Frame& frame, const Packet& packet, const Interface& interface,
                                const Written& written) noexcept {
  auto& header = *reinterpret_cast<wire::TcpHeader*>(frame.data + packet.reply_l4_offset());
  const auto pseudo = pseudo_header(frame.data + packet.l2_length, packet.v6, wire::IpProtocol::tcp, written.length);
  if (interface.tx_tcp_checksum) {
    header.checksum = wire::be16_from_raw(wire::fold(pseudo));
    frame.tx.layer4 = TxOffload::Layer4::tcp;
  } else {
    header.checksum = wire::checksum(pseudo + written.sum);
  }
}

// At most: those that have others have no payload.
[[nodiscard]] inline std::size_t options_room(const tcp::OutSegment& out) noexcept {
  if (has_other_options(out)) return wire::kMaxWrittenTcpOptions;
  return out.has_timestamps ? wire::kTimestampsLength : 0;
}

[[nodiscard]] inline bool fits(const Frame& frame, const Packet& packet, const tcp::OutSegment& out) noexcept {
  return packet.reply_l4_offset() + sizeof(wire::TcpHeader) + options_room(out) + out.length <= frame.capacity;
}

// Into the frame, where write_segment() will want it. Nothing where the service does not give its bytes.
[[nodiscard, gnu::noinline]] inline std::optional<Bytes> read_payload(const tcp::Plan& plan, const tcp::OutSegment& out,
                                                                      const Frame& frame, const Packet& packet,
                                                                      CoreCounters& counters) noexcept {
  const std::size_t at = packet.reply_l4_offset() + sizeof(wire::TcpHeader) + options_room(out);
  const Bytes payload = plan.payload(out, {frame.data + at, out.length});
  if (payload.size() == out.length) return payload;
  counters.unread.add();
  return std::nullopt;
}

// The payload of a segment that fits its frame, where it was rendered, or in the frame; nothing: the segment is lost.
[[nodiscard, gnu::always_inline]] inline std::optional<Bytes> payload_of(const tcp::Plan& plan,
                                                                         const tcp::OutSegment& out, const Frame& frame,
                                                                         const Packet& packet,
                                                                         CoreCounters& counters) noexcept {
  if (plan.is_view(out)) [[likely]] {
    const Bytes payload = plan.payload(out, {});
    if (payload.size() == out.length) [[likely]]
      return payload;
    counters.unread.add();
    return std::nullopt;
  }
  return read_payload(plan, out, frame, packet, counters);
}

// The plan's segments after the first. `headers` is Ethernet and IP of the first, which is gone by now.
template <ReplySink Sink>
void send_further(const tcp::Plan& plan, const Frame& first, Bytes headers, const Packet& packet,
                  const Interface& interface, const TcpPorts& ports, CoreCounters& counters, Sink& sink) noexcept {
  for (std::size_t i = 1; i < plan.count; ++i) {
    const tcp::OutSegment& out = plan.segments[i];
    Frame frame;
    if (!sink.extra(frame) || !fits(frame, packet, out)) {
      counters.no_buffer.add(plan.count - i);  // the client's retransmission brings them
      return;
    }
    const auto payload = payload_of(plan, out, frame, packet, counters);
    if (!payload) continue;
    std::memcpy(frame.data, headers.data(), headers.size());
    const Written written = write_segment(frame.data + headers.size(), out, *payload, ports);
    set_ip_length(frame.data + packet.l2_length, packet.v6, written.length, interface);
    frame.tx = first.tx;
    frame.length = headers.size() + written.length;
    finish_tcp_checksum(frame, packet, interface, written);
    counters.extra_segments.add();
    sink.send_extra(frame);
  }
}

template <ReplySink Sink>
[[nodiscard]] Verdict tcp_segment(Frame& frame, const Packet& packet, const Interface& interface,
                                  const Registry& services, tcp::Responder& responder, TimedFlows& timed,
                                  CoreCounters& counters, Sink& sink) noexcept {
  tcp::Segment segment;
  segment.resumed = frame.resumed;
  segment.timer = frame.timer;
  TcpPorts ports;
  if (const Verdict verdict = read_segment(frame, packet, segment, ports); verdict != kContinue) return verdict;
  StreamService* const service = services.stream(ports.server.host());
  if (service == nullptr && interface.kernel) return Verdict::to_kernel;
  const tcp::Plan& plan = responder.handle(segment, service);
  const Verdict verdict = verdict_of(plan.outcome);
  if (plan.outcome == tcp::Outcome::suspended && !suspend(frame, interface, plan.ticket)) {
    return verdict_of(tcp::Outcome::drop_waiting);
  }
  // It does already where another frame of its flow waits.
  if (plan.waits) [[unlikely]]
    (void)suspend(frame, interface, plan.ticket);
  // Without timestamps a FIN is acknowledged on its word; here that would cover the query that waits before it.
  if (plan.outcome == tcp::Outcome::acked_fin && service != nullptr && service->has_waiting(segment.flow.view())) {
    return verdict_of(tcp::Outcome::drop_waiting);
  }
  if (plan.link != tcp::Plan::kNoLink) [[unlikely]]
    timed.keep(plan.link, frame, packet, interface);
  if (plan.count == 0) return verdict;
  const tcp::OutSegment& out = plan.segments[0];
  if (!fits(frame, packet, out)) {
    counters.no_buffer.add(plan.count);
    return verdict;
  }
  const auto payload = payload_of(plan, out, frame, packet, counters);
  if (!payload) return verdict;
  const std::size_t l4_at = packet.reply_l4_offset();
  const Written written = write_segment(frame.data + l4_at, out, *payload, ports);
  write_reply_headers(frame, packet, interface, wire::IpProtocol::tcp, written.length);
  finish_tcp_checksum(frame, packet, interface, written);
  if (plan.count == 1) {
    sink.reply(frame);
    return verdict;
  }
  std::array<std::uint8_t, 18 + 40> headers;  // Ethernet with a VLAN tag, IPv6
  std::memcpy(headers.data(), frame.data, l4_at);
  const Frame first = frame;
  sink.reply(frame);
  send_further(plan, first, {headers.data(), l4_at}, packet, interface, ports, counters, sink);
  return verdict;
}

}  // namespace gl::datapath
