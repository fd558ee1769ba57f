// One core's pipeline over heap buffers, with a service that reverses what it is sent. No EAL, no port.
// Ownership: owns everything. Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "lib/datapath/pipeline.h"
#include "tests/unit/frame_builder.h"

namespace gl::test {

// One request is everything up to its length prefix; the answer is it backwards, `repeat` times.
class Reverser final : public StreamService, public DatagramService {
 public:
  Reverser() : StreamService(2), DatagramService({.factor = 1}) {}
  std::size_t repeat = 1;
  bool early = false;  // TCP Fast Open

  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override {
    const std::size_t at = prefix_consumed ? 0 : 2;
    if (!prefix_consumed && stream.size() == 2) return {Framed::Kind::prefix_only, {}, 2};
    if (stream.size() < at) return {};
    const std::size_t length = prefix_consumed ? stream.size() : load_be<std::uint16_t>(stream.data());
    if (stream.size() < at + length) return {};
    return {Framed::Kind::complete, stream.subspan(at, length), at + length};
  }
  [[nodiscard]] Answer answer(Bytes request, MutableBytes out, const RequestContext&) noexcept override {
    const std::size_t length = request.size() * repeat;
    store_be<std::uint16_t>(out.data(), static_cast<std::uint16_t>(length));
    for (std::size_t i = 0; i < length; ++i) out[2 + i] = request[request.size() - 1 - i % request.size()];
    return {Answer::Kind::answered, 2 + length, false};
  }
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override {
    const MutableBytes out = sink.room();
    if (datagram.payload.empty() || datagram.payload.size() > out.size()) return;
    std::reverse_copy(datagram.payload.begin(), datagram.payload.end(), out.begin());
    (void)sink.send(datagram.local_port, datagram.payload.size());
  }
  [[nodiscard]] bool has_idempotent_requests() const noexcept override { return early; }
  [[nodiscard]] std::size_t largest_answer() const noexcept override { return kMaxRenderedAnswer; }
};

// Collects what was sent; every buffer is its own heap block of exactly its capacity.
struct Collector {
  struct Sent {
    Buffer bytes;
    datapath::TxOffload tx;
  };
  std::vector<Sent> sent;
  std::size_t buffers = 100;  // further ones that may be had
  std::size_t capacity = 1518;
  std::unique_ptr<std::uint8_t[]> lent;
  bool takes = false;  // frames of other cores
  std::vector<unsigned> handed_to{};

  void reply(datapath::Frame& frame) noexcept { sent.push_back({{frame.data, frame.data + frame.length}, frame.tx}); }
  [[nodiscard]] bool hand_off(unsigned core) noexcept {
    if (takes) handed_to.push_back(core);
    return takes;
  }
  [[nodiscard]] bool extra(datapath::Frame& frame) noexcept {
    if (buffers == 0) return false;
    --buffers;
    lent = std::make_unique<std::uint8_t[]>(capacity);
    frame.data = lent.get();
    frame.capacity = capacity;
    return true;
  }
  void send_extra(datapath::Frame& frame) noexcept { reply(frame); }
};

struct Harness {
  datapath::Interface interface;
  Reverser service;
  Registry services;
  tcp::CookieKeys keys;
  tcp::Responder responder{tcp::ResponderSettings{}};
  datapath::CoreCounters counters;
  datapath::Pipeline pipeline{services, responder, counters};
  Collector out;
  std::uint64_t received = 0;
  bool checksums_good = false;  // as a port with receive offload says

  Harness() {
    interface.mac = kOurMac;
    EXPECT_TRUE(interface.add(kOurs4) && interface.add(kOurs6) && services.add(53, service));
    keys.by_parity[0].fill(7);
    responder.begin_burst(1000, keys);
  }
  // The frame's fate; replies are in `out`.
  datapath::Verdict give(const Buffer& bytes) {
    out.sent.clear();
    const auto block = std::make_unique<std::uint8_t[]>(std::max(out.capacity, bytes.size()));
    std::copy(bytes.begin(), bytes.end(), block.get());
    datapath::Frame frame;
    frame.data = block.get();
    frame.length = bytes.size();
    frame.capacity = std::max(out.capacity, bytes.size());
    frame.ipv4_checksum_good = frame.l4_checksum_good = checksums_good;
    ++received;
    return pipeline.process(frame, interface, out);
  }
  [[nodiscard]] const Buffer& reply() const { return out.sent.at(0).bytes; }
};

inline Buffer part(const Buffer& bytes, std::size_t from, std::size_t length = SIZE_MAX) {
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, length > bytes.size() - from ? bytes.end() : begin + static_cast<std::ptrdiff_t>(length)};
}

}  // namespace gl::test
