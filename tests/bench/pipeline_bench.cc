// Per-frame cost of the whole pipeline, from received bytes to the finished reply, software checksums included: SYN to
// SYN-ACK, a query over TCP, a datagram. The service costs nothing on purpose: it gives a fixed answer.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "lib/datapath/pipeline.h"
#include "tests/unit/frame_builder.h"

namespace gl::test {
namespace {

class FixedAnswer final : public StreamService, public DatagramService {
 public:
  FixedAnswer() : StreamService(2), DatagramService({.fixed = kAnswer}) {}
  [[nodiscard]] Framed next_request(Bytes stream, bool) const noexcept override {
    return {Framed::Kind::complete, stream.subspan(2), stream.size()};
  }
  [[nodiscard]] Answer answer(Bytes, MutableBytes out, const RequestContext&) noexcept override {
    std::memset(out.data(), 7, kAnswer + 2);
    return {Answer::Kind::answered, kAnswer + 2, false};
  }
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override {
    std::memset(sink.room().data(), 7, kAnswer);
    (void)sink.send(datagram.local_port, kAnswer);
  }
  [[nodiscard]] std::size_t largest_answer() const noexcept override { return kAnswer + 2; }

 private:
  static constexpr std::size_t kAnswer = 100;
};

struct LastReply {
  Buffer bytes;
  bool keep = false;
  std::uint64_t count = 0;
  void reply(datapath::Frame& frame) noexcept {
    ++count;
    if (keep) bytes.assign(frame.data, frame.data + frame.length);
  }
  [[nodiscard]] bool hand_off(unsigned) noexcept { return false; }
  [[nodiscard]] bool extra(datapath::Frame&) noexcept { return false; }
  void send_extra(datapath::Frame&) noexcept {}
};

struct Core {
  datapath::Interface interface;
  FixedAnswer service;
  Registry services;
  tcp::CookieKeys keys;
  tcp::Responder responder{tcp::ResponderSettings{}};
  datapath::CoreCounters counters;
  datapath::Pipeline pipeline{services, responder, counters};
  LastReply out;
  std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(2048);

  Core() {
    interface.mac = kOurMac;
    if (!interface.add(kOurs4) || !interface.add(kOurs6) || !services.add(53, service)) std::abort();
    responder.begin_burst(1, keys);
  }
  datapath::Verdict give(const Buffer& bytes) {
    std::memcpy(buffer.data(), bytes.data(), bytes.size());
    datapath::Frame frame;
    frame.data = buffer.data();
    frame.length = bytes.size();
    frame.capacity = buffer.size();
    return pipeline.process(frame, interface, out);
  }
};

const Buffer kQuery = Buffer{0, 29} + Buffer(29, 'q');

Buffer ip_frame(bool v6, unsigned protocol, const Buffer& l4, std::size_t checksum_at) {
  return v6 ? eth().ipv6().sealed(protocol, l4, checksum_at) : eth().ipv4().sealed(protocol, l4, checksum_at);
}

Tcp linux_syn() {
  Tcp syn;
  syn.options = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7};
  return syn;
}

void run(benchmark::State& state, Core& core, const Buffer& frame, datapath::Verdict expected) {
  if (core.give(frame) != expected) state.SkipWithError("the frame does not end as it should");
  for (auto _ : state) benchmark::DoNotOptimize(core.give(frame));
  state.SetItemsProcessed(state.iterations());
}

void SynToSynAck(benchmark::State& state) {
  Core core;
  run(state, core, ip_frame(state.range(0) == 6, 6, linux_syn()(), 16), datapath::Verdict::tcp_syn_ack);
}
BENCHMARK(SynToSynAck)->Arg(4)->Arg(6);

void TcpQuery(benchmark::State& state) {
  Core core;
  const bool v6 = state.range(0) == 6;
  const std::size_t l4_at = v6 ? 54 : 34;
  core.out.keep = true;
  (void)core.give(ip_frame(v6, 6, linux_syn()(), 16));
  core.out.keep = false;
  Tcp data;
  data.seq = 1001;
  data.ack = load_be<std::uint32_t>(core.out.bytes.data() + l4_at + 4) + 1;
  data.flags = 0x18;
  data.options = {1, 1, 8, 10, 0, 0, 0, 2};
  const auto timestamp = core.out.bytes.begin() + static_cast<std::ptrdiff_t>(l4_at + 20 + 4 + 4);
  data.options.insert(data.options.end(), timestamp, timestamp + 4);
  run(state, core, ip_frame(v6, 6, data(kQuery), 16), datapath::Verdict::tcp_answered);
}
BENCHMARK(TcpQuery)->Arg(4)->Arg(6);

void UdpQuery(benchmark::State& state) {
  Core core;
  run(state, core, ip_frame(state.range(0) == 6, 17, udp(Buffer(29, 'q')), 6), datapath::Verdict::udp_reply);
}
BENCHMARK(UdpQuery)->Arg(4)->Arg(6);

void Dropped(benchmark::State& state) {
  Core core;
  run(state, core, ip_frame(state.range(0) == 6, 17, udp(Buffer(29, 'q'), 40000, 54), 6),
      datapath::Verdict::drop_udp_closed);
}
BENCHMARK(Dropped)->Arg(4)->Arg(6);

}  // namespace
}  // namespace gl::test
