// Stages of the stateless TCP: the cookie made and checked, and the responder on a SYN and on a query, IPv4 and IPv6.
#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <memory>

#include "lib/base/endian.h"
#include "lib/tcp/cookie.h"
#include "lib/tcp/ledger.h"
#include "lib/tcp/responder.h"

namespace {

using namespace gl::tcp;
using gl::Be16;
using gl::Bytes;

constexpr std::size_t kFlows = 1024;  // as many clients in turn, so that no branch is learnt by heart

CookieKeys some_keys() {
  CookieKeys keys;
  for (std::size_t i = 0; i < 16; ++i) {
    keys.by_parity[0][i] = static_cast<std::uint8_t>(i);
    keys.by_parity[1][i] = static_cast<std::uint8_t>(255 - i);
  }
  return keys;
}

std::array<FlowKey, kFlows> some_flows(bool v6) {
  std::array<FlowKey, kFlows> flows;
  std::uint8_t client[16] = {0x20, 0x01, 0x0d, 0xb8};
  std::uint8_t server[16] = {0x20, 0x01, 0x0d, 0xb8, 1};
  for (std::size_t i = 0; i < kFlows; ++i) {
    gl::store_be(client, static_cast<std::uint32_t>(i * 2654435761u));
    const Be16 port(static_cast<std::uint16_t>(1024 + i));
    flows[i] = v6 ? FlowKey::v6(client, server, port, Be16(53)) : FlowKey::v4(client, server, port, Be16(53));
  }
  return flows;
}

// Answers every length-prefixed request with the same 100 bytes: what is measured is TCP.
class FixedService final : public gl::StreamService {
 public:
  FixedService() : StreamService(2) {}
  gl::Framed next_request(Bytes stream, bool) const noexcept override {
    if (stream.size() < 2) return {};
    const std::size_t length{gl::load_be<std::uint16_t>(stream.data())};
    if (stream.size() < length + 2) return {};
    return {gl::Framed::Kind::complete, stream.subspan(2, length), length + 2};
  }
  gl::Answer answer(Bytes, gl::MutableBytes out, const gl::RequestContext&) noexcept override {
    std::memset(out.data(), 7, 100);
    gl::store_be<std::uint16_t>(out.data(), 98);
    return {gl::Answer::Kind::answered, 100, false};
  }
  std::size_t largest_answer() const noexcept override { return 100; }
};

void make_isn_of(benchmark::State& state, bool v6) {
  const auto keys = some_keys();
  const auto flows = some_flows(v6);
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(make_isn(keys, flows[i++ % kFlows], 5, std::nullopt));
}
BENCHMARK_CAPTURE(make_isn_of, v4, false);
BENCHMARK_CAPTURE(make_isn_of, v6, true);

void check_ack_of(benchmark::State& state, bool v6) {
  const auto keys = some_keys();
  const auto flows = some_flows(v6);
  std::array<SeqNum, kFlows> acks;
  for (std::size_t i = 0; i < kFlows; ++i) acks[i] = make_isn(keys, flows[i], 5, std::nullopt) + 1;
  std::size_t i = 0;
  std::size_t accepted = 0;
  for (auto _ : state) {
    accepted += check_ack(keys, flows[i % kFlows], acks[i % kFlows], std::nullopt).has_value() ? 1u : 0u;
    ++i;
  }
  if (accepted != i) state.SkipWithError("a good cookie was refused");
}
BENCHMARK_CAPTURE(check_ack_of, v4, false);
BENCHMARK_CAPTURE(check_ack_of, v6, true);

Segment syn_of(const FlowKey& flow) {
  Segment s;
  s.flow = flow;
  s.seq = SeqNum(12345);
  s.flags = kSyn;
  s.window = 64240;
  s.mss = 1460;
  s.timestamps = Timestamps{1, 0};
  return s;
}

// The client's first query, in the segment that follows its handshake.
Segment query_of(const Segment& syn, const Plan& syn_ack, Bytes query) {
  const OutSegment& out = syn_ack.segments[0];
  Segment s = syn;
  s.seq = syn.seq + 1;
  s.ack = out.seq + 1;
  s.flags = kAck | kPsh;
  s.mss = 0;
  s.timestamps = Timestamps{2, out.timestamps.value};
  s.payload = query;
  return s;
}

void responder_syn(benchmark::State& state, bool v6) {
  const auto keys = some_keys();
  const auto flows = some_flows(v6);
  Responder responder{ResponderSettings{}};
  FixedService service;
  responder.begin_burst(1, keys);
  auto segments = std::make_unique<std::array<Segment, kFlows>>();
  for (std::size_t i = 0; i < kFlows; ++i) (*segments)[i] = syn_of(flows[i]);
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(responder.handle((*segments)[i++ % kFlows], &service).count);
}
BENCHMARK_CAPTURE(responder_syn, v4, false);
BENCHMARK_CAPTURE(responder_syn, v6, true);

void responder_query(benchmark::State& state, bool v6) {
  const auto keys = some_keys();
  const auto flows = some_flows(v6);
  Responder responder{ResponderSettings{}};
  FixedService service;
  responder.begin_burst(1, keys);
  std::array<std::uint8_t, 19> query{0, 17};
  auto segments = std::make_unique<std::array<Segment, kFlows>>();
  for (std::size_t i = 0; i < kFlows; ++i) {
    const Segment syn = syn_of(flows[i]);
    (*segments)[i] = query_of(syn, responder.handle(syn, &service), query);
  }
  std::size_t i = 0;
  for (auto _ : state) {
    const Plan& plan = responder.handle((*segments)[i++ % kFlows], &service);
    if (plan.outcome != Outcome::answered) state.SkipWithError("the query was not answered");
    benchmark::DoNotOptimize(plan.count);
  }
}
BENCHMARK_CAPTURE(responder_query, v4, false);
BENCHMARK_CAPTURE(responder_query, v6, true);

}  // namespace
