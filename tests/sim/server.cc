#include "tests/sim/server.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "lib/datapath/pipeline.h"
#include "tests/allocations.h"
#include "tests/sim/frame_sink.h"
#include "tests/sim/segments.h"

namespace gl::sim {
namespace {

tcp::ResponderSettings responder_settings(const ServerSettings& settings) {
  tcp::ResponderSettings tcp;
  tcp.flow_cache = settings.flow_cache;
  tcp.bulk_flows = settings.bulk_flows;
  tcp.bulk_rate = settings.bulk_rate;
  tcp.window = settings.window;
  tcp.mss_v4 = tcp.mss_v6 = settings.mss;
  return tcp;
}

}  // namespace

struct Server::Node {
  Node(const ServerSettings& settings, const Ends& ends, SimService& service, unsigned which)
      : number(which), responder(std::make_unique<tcp::Responder>(responder_settings(settings))) {
    if (!settings.frames) return;
    interface.mac = ends.server_mac;
    if (!interface.add(ends.server4) || !interface.add(ends.server6) || !services.add(ends.server_port, service)) {
      throw std::logic_error("no room for one service");
    }
    sink = std::make_unique<FrameSink>();
    open();
  }
  void open() { pipeline = std::make_unique<datapath::Pipeline>(services, *responder, counters); }
  void restart(const ServerSettings& settings) {
    responder = std::make_unique<tcp::Responder>(responder_settings(settings));
    suspended.reset();
    if (settings.frames) open();
  }
  // As a core's forwarder does: a flow waits once, and a repetition that is no shorter replaces what waits.
  void suspend(const Packet& packet, std::uint64_t until) {
    if (!suspended) {
      suspended = Waiting{packet, until};
    } else if (packet.payload.size() >= suspended->packet.payload.size()) {
      suspended->packet = packet;
    }
  }

  struct Waiting {
    Packet packet;
    std::uint64_t until_ms = 0;
  };
  unsigned number;
  std::optional<Waiting> suspended;
  std::unique_ptr<tcp::Responder> responder;
  datapath::Interface interface;
  Registry services;
  datapath::CoreCounters counters;
  std::unique_ptr<datapath::Pipeline> pipeline;
  std::unique_ptr<FrameSink> sink;
};

Server::Server(const ServerSettings& settings, std::uint64_t seed)
    : settings_(settings), random_(seed), service_(settings.largest_reply) {
  ends_.v6 = settings.v6;
  if (settings.bulk_flows != 0) service_.give_long_answers();
  if (settings.slow_ms != 0) service_.be_slow(settings.slow_ms, seed + 1);
  tcp::CookieKeys keys;
  keys.by_parity[0].fill(settings.key);
  keys.by_parity[1].fill(static_cast<std::uint8_t>(settings.key + 1));
  keys_.assign(settings.nodes, keys);
  for (unsigned i = 0; i < settings.nodes; ++i) {
    nodes_.push_back(std::make_unique<Node>(settings_, ends_, service_, i));
  }
}
Server::~Server() = default;

// The other parity's slot gets the next key; then the nodes sign with it, one by one; then they close what is old.
void Server::step_epoch(std::uint64_t now_ms) {
  const auto all = static_cast<unsigned>(keys_.size());
  const unsigned step = packets_ - settings_.epoch_at;
  if (step == 0) {
    for (tcp::CookieKeys& keys : keys_) keys.by_parity[1].fill(static_cast<std::uint8_t>(settings_.key + 2));
  } else if (step <= all) {
    keys_[step - 1].current = 1;
  } else if (step > 2 * all && step <= 3 * all) {
    keys_[step - 2 * all - 1].draining = true;
  }
  if (watcher_ == nullptr) return;
  if (step == all) watcher_->event(now_ms, "epoch rotate");
  if (step == 3 * all) watcher_->event(now_ms, "epoch drain");
}

void Server::happen(std::uint64_t now_ms, Node& node) {
  ++packets_;
  if (settings_.epoch_at != 0 && packets_ >= settings_.epoch_at) step_epoch(now_ms);
  if (packets_ == settings_.zone_at) {
    service_.change();
    if (watcher_ != nullptr) watcher_->event(now_ms, "service changes");
  }
  if (random_.chance(settings_.restarts)) {
    node.restart(settings_);
    if (watcher_ != nullptr) watcher_->event(now_ms, "restart");
  }
}

void Server::receive(std::uint64_t now_ms, const Delivery& delivery, Network& network) {
  Node& node = *nodes_[random_.below(nodes_.size())];
  happen(now_ms, node);
  out_.clear();
  if (!settings_.frames && delivery.flipped) return;  // the checksum's business; with frames it is put to the test
  if (watcher_ != nullptr && !delivery.flipped) watcher_->arrived(now_ms, delivery.packet, node.number);
  node.responder->begin_burst(now_ms, keys_[node.number]);
  service_.begin_burst(now_ms);
  if (settings_.frames) {
    ByteString frame = to_frame(delivery.packet, ends_);
    if (delivery.flipped) flip_bit(frame, *delivery.flipped, ends_.v6);
    through_datapath(node, std::move(frame), delivery.flipped.has_value());
  } else {
    through_responder(node, delivery.packet, false);
  }
  send(now_ms, network);
}

std::optional<std::uint64_t> Server::next_at() const {
  std::optional<std::uint64_t> next;
  for (const auto& node : nodes_) {
    if (node->suspended && (!next || node->suspended->until_ms < *next)) next = node->suspended->until_ms;
    const std::optional<std::uint32_t> timer = node->responder->next_deadline();
    if (timer && (!next || *timer < *next)) next = *timer;
  }
  return next;
}

void Server::resume_frame(std::uint64_t now_ms, Network& network) {
  for (const auto& node : nodes_) {
    if (run_timer(now_ms, *node, network)) return;
    if (!node->suspended || node->suspended->until_ms > now_ms) continue;
    const Packet packet = std::move(node->suspended->packet);
    node->suspended.reset();
    out_.clear();
    if (watcher_ != nullptr) watcher_->event(now_ms, "taken up again");
    node->responder->begin_burst(now_ms, keys_[node->number]);
    service_.begin_burst(now_ms);
    through_responder(*node, packet, true);
    send(now_ms, network);
    return;
  }
}

// One turn of a long answer that is due. False: none is.
bool Server::run_timer(std::uint64_t now_ms, Node& node, Network& network) {
  const std::optional<std::uint32_t> due = node.responder->next_due(now_ms);
  if (!due) return false;
  out_.clear();
  if (watcher_ != nullptr) watcher_->event(now_ms, "timer");
  node.responder->begin_burst(now_ms, keys_[node.number]);
  service_.begin_burst(now_ms);
  if (settings_.frames) {
    ByteString frame(datapath::TimedFlows::kFrame);
    datapath::Frame written;
    written.data = frame.data();
    node.pipeline->write_timer_frame(*due, written);
    frame.resize(written.length);
    through_datapath(node, std::move(frame), false, true);
  } else {
    tcp::Segment segment;
    segment.flow = node.responder->bulk_key(*due);
    segment.timer = true;
    respond(node, segment, nullptr);
  }
  send(now_ms, network);
  return true;
}

void Server::send(std::uint64_t now_ms, Network& network) {
  for (Packet& packet : out_) {
    const bool arrives = network.send(now_ms, false, packet);
    if (watcher_ != nullptr) watcher_->sent(packet, !arrives);
  }
}

void Server::through_responder(Node& node, const Packet& packet, bool resumed) {
  tcp::FlowKey flow;
  flow.bytes.fill(9);
  flow.offset = settings_.v6 ? 0 : 24;
  tcp::Segment segment = to_segment(packet, flow);
  segment.resumed = resumed;
  respond(node, segment, &packet);
}

void Server::respond(Node& node, const tcp::Segment& segment, const Packet* packet) {
  const std::uint64_t before = test::allocations_so_far();
  const tcp::Plan& plan = node.responder->handle(segment, &service_);
  allocations_ += test::allocations_so_far() - before;
  if (plan.outcome == tcp::Outcome::suspended) node.suspend(*packet, service_.pending_until());
  allocations_ += append_packets(plan, room_, out_);
}

void Server::through_datapath(Node& node, ByteString bytes, bool flipped, bool timer) {
  const std::size_t length = bytes.size();
  bytes.resize(std::max(length, FrameSink::kRoom));
  datapath::Frame frame;
  frame.data = bytes.data();
  frame.length = length;
  frame.capacity = bytes.size();
  frame.timer = timer;
  frame.resumed = frame.ipv4_checksum_good = frame.l4_checksum_good = timer;
  node.sink->clear();
  const std::uint64_t before = test::allocations_so_far();
  static_cast<void>(node.pipeline->process(frame, node.interface, *node.sink));
  allocations_ += test::allocations_so_far() - before;
  for (const Bytes& sent : std::span(node.sink->sent).first(node.sink->count)) {
    // A frame that answers one with a turned bit may be for somebody else.
    if (std::optional<Packet> packet = from_frame(sent, ends_)) {
      out_.push_back(std::move(*packet));
    } else if (!flipped) {
      ++broken_frames_;
    }
  }
}

}  // namespace gl::sim
