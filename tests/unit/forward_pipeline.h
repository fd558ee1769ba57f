// One core's pipeline with backends: the real services and forwarder, a link that keeps what is sent, and
// the part of the poll loop that takes frames up again. No EAL, no port.
// Units: milliseconds. Ownership: owns everything. Thread: the test's.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "lib/services/dns/router.h"
#include "tests/unit/forward_frames.h"
#include "tests/unit/forwarder_support.h"
#include "tests/unit/pipeline_harness.h"

namespace gl::test {

using backend::test::query_for;
using backend::test::reply_to;
using datapath::Verdict;

inline std::string_view name(Verdict verdict) {
  return datapath::kVerdictTexts[datapath::index(verdict)].name;
}

// A collector that has other cores beside it.
struct ForwardSink : Collector {
  ForwardSink() { takes = true; }
};

class ForwardPipeline {
 public:
  ForwardPipeline(const Way& way, const tcp::ResponderSettings& tcp, backend::ForwardSettings given,
                  std::size_t frame_bytes = 1518)
      : way_(way),
        settings_(with_family(std::move(given), way.v6)),
        forwarder(settings_, link, nullptr, frame_bytes),
        responder_(tcp) {
    interface_.mac = kOurMac;
    interface_.backends = &backends_;
    EXPECT_TRUE(interface_.add(kOurs4) && interface_.add(kOurs6) && services_.add(53, router_));
    keys_.by_parity[0].fill(7);
    pipeline_.forward_to({&forwarder, 0, nullptr});
    pass_ms(0);
  }
  ~ForwardPipeline() { EXPECT_EQ(counters.received.value() + counters.resumed.value(), counters.verdict_sum()); }

  // As if there were two cores, and this the first.
  void two_cores() {
    owners_ = datapath::ReplyOwners({{settings_.backends[0].address, 53, {}}}, 2);
    pipeline_.forward_to({&forwarder, 0, &owners_});
  }
  void pass_ms(std::uint64_t ms) {
    now_us_ += ms * 1000;
    forwarder.tick(now_us_);
    responder_.begin_burst(now_us_ / 1000, keys_);
    router_.begin_burst(now_us_ / 1000);
  }
  // The frame's fate; what was sent to clients is in `out`.
  std::string_view give(const Buffer& bytes) {
    out.sent.clear();
    counters.received.add();
    return run(bytes, nullptr);
  }
  // Those whose answer has come, in the order in which they came; what was sent to clients is in `out`.
  std::vector<std::string_view> resume_frame() {
    out.sent.clear();
    std::vector<std::string_view> ends;
    while (const Suspended* const suspended = forwarder.resume()) {
      counters.resumed.add();
      ends.push_back(run({suspended->frame.begin(), suspended->frame.end()}, suspended));
      forwarder.release();
    }
    return ends;
  }
  // The oldest question in flight, taken out.
  backend::test::Sent asked() {
    EXPECT_FALSE(link.sent.empty());
    if (link.sent.empty()) return {};
    backend::test::Sent sent = std::move(link.sent.front());
    link.sent.pop_front();
    return sent;
  }
  // It is answered: a record that ends so, and bulk of that size.
  std::string_view backend_answers(std::uint8_t last, std::size_t bulk = 0) {
    const auto sent = asked();
    return give(reply_to_us(way_, reply_to(sent.payload, last, 0x8180, bulk), sent.port));
  }

 private:
  static backend::ForwardSettings with_family(backend::ForwardSettings settings, bool v6) {
    if (v6) settings.backends[0].address = kBackend6;
    return settings;
  }
  std::string_view run(const Buffer& bytes, const Suspended* suspended) {
    EXPECT_LE(bytes.size(), out.capacity);
    const auto block = std::make_unique<std::uint8_t[]>(out.capacity);
    std::copy(bytes.begin(), bytes.end(), block.get());
    datapath::Frame frame;
    frame.data = block.get();
    frame.length = bytes.size();
    frame.capacity = out.capacity;
    if (suspended != nullptr) datapath::resume_frame(frame, *suspended);
    return name(pipeline_.process(frame, interface_, out));
  }

  const Way way_;
  const backend::ForwardSettings settings_;
  std::uint64_t now_us_ = 5'000'000'000;
  std::atomic<const zone::PublishedZones*> zones_{nullptr};
  datapath::ReplyOwners owners_;
  const datapath::ReplyOwners backends_{{{settings_.backends[0].address, 53, {}}}, 1};

 public:
  backend::test::FakeTx link;
  backend::Forwarder forwarder;
  datapath::CoreCounters counters;
  ForwardSink out;

 private:
  datapath::Interface interface_;
  services::DnsZoneService zone_service_{services::DnsSettings{}, zones_};
  services::DnsForwardService forward_service_{forwarder};
  services::DnsRouter router_{zone_service_, forward_service_};
  Registry services_;
  tcp::CookieKeys keys_;
  tcp::Responder responder_;
  datapath::Pipeline pipeline_{services_, responder_, counters};
};

}  // namespace gl::test
