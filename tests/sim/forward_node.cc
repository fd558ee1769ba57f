#include "tests/sim/forward_node.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "lib/datapath/pipeline.h"
#include "lib/services/dns/forward.h"
#include "tests/allocations.h"
#include "tests/sim/frames.h"
#include "tests/sim/server.h"

namespace gl::sim {
namespace {

constexpr std::size_t kLongestFrame = 14 + 40 + 8 + 65535;
constexpr unsigned kResumedAtOnce = 64;
constexpr std::uint64_t kBootMs = 5'000'000;  // the clock is never near zero

// What the forwarder draws from the system follows from the scenario's seed too.
thread_local Random* source_of_keys = nullptr;

void seeded_bytes(void* const to, const std::size_t size) {
  auto* const bytes = static_cast<std::uint8_t*>(to);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(source_of_keys->next());
}
std::uint32_t seeded_number() {
  return static_cast<std::uint32_t>(source_of_keys->next());
}
const char* name_of_source() {
  return "simulation";
}

void draw_keys_from(Random& random) {
  // What libsodium itself draws at its start is none of the exchange.
  static const bool ready = sodium_init() >= 0;
  if (!ready) throw std::runtime_error("libsodium does not start");
  static randombytes_implementation implementation = [] {
    randombytes_implementation seeded{};
    seeded.implementation_name = name_of_source;
    seeded.random = seeded_number;
    seeded.buf = seeded_bytes;
    return seeded;
  }();
  source_of_keys = &random;
  randombytes_set_implementation(&implementation);
}

tcp::ResponderSettings responder_settings(const ForwardWorld& world) {
  const ServerSettings& server = world.parties.front().scenario.server;
  tcp::ResponderSettings tcp;
  tcp.flow_cache = server.flow_cache;
  tcp.window = server.window;
  tcp.mss_v4 = 1460;
  tcp.mss_v6 = 1220;
  tcp.immediate = world.immediate;
  tcp.rst_per_second = 1'000'000;
  return tcp;
}

}  // namespace

struct ForwardNode::Core {
  Core(const ForwardWorld& world, SimBackends& backends)
      : responder(responder_settings(world)),
        forwarder(world.settings, backends, world.jobs != 0 ? &backends : nullptr, FrameSink::kRoom),
        service(forwarder),
        pipeline(services, responder, counters) {
    const Ends ends;
    interface.mac = ends.server_mac;
    if (!interface.add(ends.server4) || !interface.add(ends.server6) || !services.add(ends.server_port, service)) {
      throw std::logic_error("no room for one service");
    }
    pipeline.forward_to({.forwarder = &forwarder});
    keys.by_parity[0].fill(world.parties.front().scenario.server.key);
    keys.by_parity[1].fill(static_cast<std::uint8_t>(world.parties.front().scenario.server.key + 1));
  }

  tcp::Responder responder;
  backend::Forwarder forwarder;
  services::DnsForwardService service;
  datapath::Interface interface;
  Registry services;
  datapath::CoreCounters counters;
  datapath::Pipeline pipeline;
  tcp::CookieKeys keys;
};

ForwardNode::ForwardNode(const ForwardWorld& world, SimBackends& backends, std::uint64_t seed)
    : world_(world), backends_(backends), seed_(seed), buffer_(kLongestFrame) {
  restart();
}
ForwardNode::~ForwardNode() = default;

void ForwardNode::restart() {
  core_.reset();
  backends_.forget_jobs();
  Random random(++seed_);
  draw_keys_from(random);
  core_ = std::make_unique<Core>(world_, backends_);
}

void ForwardNode::begin_round(std::uint64_t now_ms) {
  now_ms_ = now_ms + kBootMs;
  core_->responder.begin_burst(now_ms_, core_->keys);
  core_->service.begin_burst(now_ms_);
  const std::uint64_t before = test::allocations_so_far();
  core_->forwarder.tick(now_ms_ * 1000);
  allocations_ += test::allocations_so_far() - before;
}

void ForwardNode::receive(const ByteString& frame, bool checked) {
  length_ = frame.size();
  std::memcpy(buffer_.data(), frame.data(), frame.size());
  core_->counters.received.add();
  process(false, checked, nullptr);
}

void ForwardNode::process(bool resumed, bool checked, const Suspended* suspended) {
  datapath::Frame frame;
  frame.data = buffer_.data();
  frame.length = length_;
  frame.capacity = std::max(length_, FrameSink::kRoom);
  frame.ipv4_checksum_good = frame.l4_checksum_good = checked;
  if (resumed) datapath::resume_frame(frame, *suspended);
  sink_.clear();
  const std::uint64_t before = test::allocations_so_far();
  const datapath::Verdict verdict = core_->pipeline.process(frame, core_->interface, sink_);
  allocations_ += test::allocations_so_far() - before;
  outcome_ = datapath::kVerdictTexts[datapath::index(verdict)].name;
  for (const Bytes& sent : std::span(sink_.sent).first(sink_.count)) sent_.emplace_back(sent.begin(), sent.end());
}

void ForwardNode::end_round() {
  for (unsigned i = 0; i < kResumedAtOnce; ++i) {
    std::uint64_t before = test::allocations_so_far();
    const Suspended* const suspended = core_->forwarder.resume();
    allocations_ += test::allocations_so_far() - before;
    if (suspended == nullptr) break;
    ++resumed_;
    core_->counters.resumed.add();
    length_ = suspended->frame.size();
    std::memcpy(buffer_.data(), suspended->frame.data(), length_);
    process(true, false, suspended);
    before = test::allocations_so_far();
    core_->forwarder.release();
    allocations_ += test::allocations_so_far() - before;
  }
  backends_.collect(now_ms_ - kBootMs);
}

const backend::ForwardCounters& ForwardNode::counters() const {
  return core_->forwarder.counters();
}

std::uint64_t ForwardNode::waiting() const {
  return counters().waiting.value() - counters().resumed.value();
}

bool ForwardNode::busy() const {
  if (waiting() != 0) return true;
  for (unsigned i = 0; i < world_.settings.backends.size(); ++i) {
    const backend::BackendCounters& backend = core_->forwarder.counters(i);
    if (backend.sent_tcp.value() != backend.answered_tcp.value() + backend.failed_tcp.value()) return true;
    if (backend.sent.value() - backend.health_sent.value() > backend.answered.value() + backend.timed_out.value()) {
      return true;
    }
  }
  return false;
}

std::string ForwardNode::contradiction(bool quiet) const {
  const datapath::CoreCounters& counters = core_->counters;
  if (counters.received.value() + counters.resumed.value() != counters.verdict_sum()) return "frames without an end";
  const backend::ForwardCounters& forward = core_->forwarder.counters();
  if (forward.waiting.value() < forward.resumed.value()) return "more resumed than suspended";
  const std::uint64_t failed = forward.failed_timeout.value() + forward.failed_down.value() +
                               forward.failed_full.value() + forward.failed_reply.value();
  if (forward.asked_udp.value() + forward.asked_tcp.value() != forward.answered.value() + failed) {
    return "requests without an end";
  }
  if (!quiet) return {};
  if (waiting() != 0) return "frames still wait";
  for (unsigned i = 0; i < world_.settings.backends.size(); ++i) {
    const backend::BackendCounters& backend = core_->forwarder.counters(i);
    const std::uint64_t ended = backend.answered.value() + backend.timed_out.value() + backend.health_failed.value();
    if (backend.sent.value() != ended) return "tries without an end";
    if (backend.sent_tcp.value() != backend.answered_tcp.value() + backend.failed_tcp.value()) {
      return "tries over TCP without an end";
    }
  }
  if (!backends_.all_jobs_free()) return "a job of the TCP helper is lost";
  return {};
}

}  // namespace gl::sim
