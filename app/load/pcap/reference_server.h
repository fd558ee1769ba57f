// The server that the frames of a file are meant for, without a port: its own pipeline, responder, zone service and
// cookie keys, given one frame at a time. So what the server's segments carry (cookie, ledger, length of the answer)
// stands in one place, and a frame that it would not answer is found when it is written. Byte order: wire. Ownership:
// owns everything; a reply is valid until the next frame. Thread: one. Errors: one line.
#pragma once

#include <atomic>
#include <memory>

#include "app/load/options.h"
#include "app/load/pcap/frame_buffer.h"
#include "lib/datapath/pipeline.h"
#include "lib/services/dns/zone.h"
#include "lib/zone/loader.h"
#include "lib/zone/snapshot.h"

namespace gl::load {

class ReferenceServer {
 public:
  // `unix_time`: what the server's clock says for as long as it lives.
  [[nodiscard]] static Result<std::unique_ptr<ReferenceServer>> make(const Options& options, std::uint64_t unix_time);

  // What becomes of a frame of the clients, which is only read.
  [[nodiscard]] datapath::Verdict give(Bytes frame) noexcept;
  // How many frames came of it, and the first of them as a client receives it; where there was none, its length is 0.
  [[nodiscard]] unsigned replies() const noexcept { return sink_.count; }
  [[nodiscard]] const rte_mbuf* reply() const noexcept { return sink_.first.mbuf(); }

 private:
  // Keeps the first frame of a reply, and counts the others.
  struct FirstReply {
    void reply(datapath::Frame& frame) noexcept;
    [[nodiscard]] bool hand_off(unsigned /*core*/) const noexcept { return false; }
    [[nodiscard]] bool extra(datapath::Frame& frame) noexcept;
    void send_extra(datapath::Frame& /*frame*/) noexcept { ++count; }

    unsigned count = 0;
    FrameBuffer first;  // the frame that came, and then the reply over it
    FrameBuffer others;
  };

  ReferenceServer(const Options& options, zone::LoadedZones zones, const tcp::CookieKeys& keys);

  zone::LoadedZones zones_;
  zone::PublishedZones published_;
  std::atomic<const zone::PublishedZones*> published_zones_{&published_};
  services::DnsZoneService dns_;
  Registry services_;
  datapath::Interface interface_;
  datapath::CoreCounters counters_;
  tcp::CookieKeys keys_;
  tcp::Responder responder_{tcp::ResponderSettings{}};
  datapath::Pipeline pipeline_{services_, responder_, counters_};
  FirstReply sink_;
};

}  // namespace gl::load
