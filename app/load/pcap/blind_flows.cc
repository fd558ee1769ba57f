#include "app/load/pcap/blind_flows.h"

#include <netinet/in.h>

#include <algorithm>
#include <string>

#include "app/load/slots.h"
#include "app/load/target.h"
#include "app/load/udp_header.h"

namespace gl::load {
namespace {

template <class Ip>
Template<Ip> tcp_template(const Options& o, const Link& link, std::uint8_t flags) {
  const TcpHeader h(o, flags);
  return Template<Ip>(o, link, IPPROTO_TCP, h.bytes, h.length);
}

// --rate is flows a second; without it a frame a microsecond, the finest that the format knows.
std::uint64_t step_ns(const Options& o) {
  if (o.rate == 0) return 1000;
  unsigned frames = 0;
  for (std::size_t kind = 0; kind < kFrameKinds.size(); ++kind) {
    frames += o.pcap.frames.has(static_cast<FrameKind>(kind)) ? 1u : 0u;
  }
  return static_cast<std::uint64_t>(std::min(1e9 / o.rate / frames, 1e12));
}

}  // namespace

template <class Ip, bool kTs>
BlindFlows<Ip, kTs>::BlindFlows(const Options& options, const Queries& queries, const Link& link,
                                ReferenceServer& server, PcapFile& file, std::uint64_t begin_ns)
    : options_(options),
      queries_(queries),
      server_(server),
      file_(file),
      target_low_(target_low(options.target)),
      syn_(tcp_template<Ip>(options, link, kSyn)),
      ack_(tcp_template<Ip>(options, link, kAck)),
      query_(tcp_template<Ip>(options, link, kPsh | kAck)),
      fin_(tcp_template<Ip>(options, link, kFin | kAck)),
      datagram_(options, link, IPPROTO_UDP, UdpHeader(options.target_port).bytes, sizeof(UdpHeader)),
      time_ns_(begin_ns),
      step_ns_(step_ns(options)) {}

template <class Ip, bool kTs>
Status BlindFlows<Ip, kTs>::write() {
  const FrameKinds kinds = options_.pcap.frames;
  const bool tcp = kinds.has(FrameKind::syn) || kinds.need_cookies();
  for (std::uint32_t number = 0; number < options_.pcap.flows; ++number) {
    Flow next = flow(number);
    if (tcp) {
      if (Status status = write_connection(next); !status) return status;
    }
    if (kinds.has(FrameKind::udp)) {
      if (Status status = write_datagram(next); !status) return status;
    }
  }
  return success();
}

// Each has an address and a port that no other has, and asks the next question.
template <class Ip, bool kTs>
typename BlindFlows<Ip, kTs>::Flow BlindFlows<Ip, kTs>::flow(std::uint32_t number) noexcept {
  Flow flow;
  flow.fields.source_low = options_.sources.low + (number >> SlotTable::kPortBits);
  flow.fields.source_port = static_cast<std::uint16_t>(SlotTable::kFirstPort | (number & (SlotTable::kFirstPort - 1)));
  flow.fields.seq = variety_.next();
  flow.fields.ts_value = variety_.next();
  flow.query = &queries_[number % queries_.size()];
  flow.id = static_cast<std::uint16_t>(variety_.next());
  return flow;
}

template <class Ip, bool kTs>
Status BlindFlows<Ip, kTs>::write_connection(Flow& flow) {
  const FrameKinds kinds = options_.pcap.frames;
  if (Status status = segment(FrameKind::syn, flow, syn_, nullptr); !status) return status;
  if (Status status = take_reply(flow); !status) return status;
  ++flow.fields.seq;
  if (kinds.has(FrameKind::ack)) {
    if (Status status = segment(FrameKind::ack, flow, ack_, nullptr); !status) return status;
  }
  if (!kinds.has(FrameKind::query) && !kinds.has(FrameKind::fin)) return success();
  if (Status status = segment(FrameKind::query, flow, query_, flow.query); !status) return status;
  return kinds.has(FrameKind::fin) ? write_fin(flow) : success();
}

template <class Ip, bool kTs>
Status BlindFlows<Ip, kTs>::write_fin(Flow& flow) {
  if (verdict_ != datapath::verdict_of(tcp::Outcome::answered) || server_.replies() != 1) {
    return Error{"--frames: no fin for a question whose answer takes more than one segment"};
  }
  flow.fields.seq += flow.query->stream_length;
  if (Status status = take_reply(flow); !status) return status;
  return segment(FrameKind::fin, flow, fin_, nullptr);
}

template <class Ip, bool kTs>
Status BlindFlows<Ip, kTs>::write_datagram(const Flow& flow) {
  datagram_.udp(frame_.mbuf(), flow.fields.source_low, flow.fields.source_port, *flow.query, flow.id);
  return give(FrameKind::udp);
}

template <class Ip, bool kTs>
Status BlindFlows<Ip, kTs>::segment(FrameKind kind, const Flow& flow, const Template<Ip>& form, const Query* query) {
  const std::size_t timestamps_at = kind == FrameKind::syn ? kSynTimestampsAt : kTimestampsAt;
  form.template tcp<kTs>(frame_.mbuf(), flow.fields, timestamps_at, query, flow.id);
  return give(kind);
}

template <class Ip, bool kTs>
Status BlindFlows<Ip, kTs>::give(FrameKind kind) {
  verdict_ = server_.give(frame_.bytes());
  const datapath::VerdictText& text = datapath::kVerdictTexts[datapath::index(verdict_)];
  // The ACK of a handshake asks for nothing.
  if (!text.is_reply() && kind != FrameKind::ack) {
    return Error{std::string("--write-pcap: a server would not answer a frame of the kind ") +
                 kFrameKinds[static_cast<std::size_t>(kind)] + ": " + std::string(text.help)};
  }
  if (!options_.pcap.frames.has(kind)) return success();
  file_.add(frame_.bytes(), time_ns_);
  time_ns_ += step_ns_;
  ++tally_.frames;
  tally_.bytes += frame_.bytes().size();
  tally_.replies += server_.replies();
  ++tally_.verdicts[datapath::index(verdict_)];
  return success();
}

template <class Ip, bool kTs>
Status BlindFlows<Ip, kTs>::take_reply(Flow& flow) {
  const auto received = receive<Ip>(server_.reply(), options_.sources, target_low_, IPPROTO_TCP);
  const auto in = received ? read_segment(*received) : std::nullopt;
  if (!in || (in->flags & kRst) != 0) return Error{"--write-pcap: a server would reset the connection"};
  flow.fields.ack = in->seq + static_cast<std::uint32_t>(in->length) + ((in->flags & (kSyn | kFin)) != 0 ? 1 : 0);
  flow.fields.ts_echo = in->ts_value;
  ++flow.fields.ts_value;
  return success();
}

template class BlindFlows<Ip4, true>;
template class BlindFlows<Ip4, false>;
template class BlindFlows<Ip6, true>;
template class BlindFlows<Ip6, false>;

}  // namespace gl::load
