// The frames of clients who send without reading: of each flow a SYN, an ACK, a query, a FIN or a datagram, each as a
// real client sends it at that point of its connection. What the server said before is asked of a ReferenceServer.
// Units: nanoseconds since 1970. Byte order: host but for the frames. Ownership: borrows all it is given. Thread: one.
// Errors: one line, where the server would not answer a frame. Sources: RFC 9293 section 3, RFC 7323, RFC 7766.
#pragma once

#include <array>
#include <cstdint>

#include "app/load/pacing.h"
#include "app/load/pcap/frame_buffer.h"
#include "app/load/pcap/pcap_file.h"
#include "app/load/pcap/reference_server.h"
#include "app/load/queries.h"
#include "app/load/tcp_segments.h"

namespace gl::load {

// What is in the file, and what a server is expected to make of it.
struct PcapTally {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;    // of the frames
  std::uint64_t replies = 0;  // frames that the server sends
  std::array<std::uint64_t, datapath::kVerdicts> verdicts{};
};

template <class Ip, bool kTimestamps>
class BlindFlows {
 public:
  // `begin_ns`: the time of the first frame.
  BlindFlows(const Options& options, const Queries& queries, const Link& link, ReferenceServer& server, PcapFile& file,
             std::uint64_t begin_ns);

  // All of them, one after the other.
  [[nodiscard]] Status write();
  [[nodiscard]] const PcapTally& tally() const noexcept { return tally_; }

 private:
  struct Flow {
    TcpFields fields{};  // of the next segment
    const Query* query = nullptr;
    std::uint16_t id = 0;
  };
  [[nodiscard]] Flow flow(std::uint32_t number) noexcept;
  [[nodiscard]] Status write_connection(Flow& flow);
  [[nodiscard]] Status write_fin(Flow& flow);
  [[nodiscard]] Status write_datagram(const Flow& flow);
  // A segment of the flow: to the server, and where such frames are wanted into the file.
  [[nodiscard]] Status segment(FrameKind kind, const Flow& flow, const Template<Ip>& form, const Query* query);
  [[nodiscard]] Status give(FrameKind kind);
  // What the server's reply changes in the client's next segment.
  [[nodiscard]] Status take_reply(Flow& flow);

  const Options& options_;
  const Queries& queries_;
  ReferenceServer& server_;
  PcapFile& file_;
  std::uint32_t target_low_;
  Template<Ip> syn_;
  Template<Ip> ack_;
  Template<Ip> query_;
  Template<Ip> fin_;
  Template<Ip> datagram_;
  Prng variety_{1};  // the same file each time
  FrameBuffer frame_;
  datapath::Verdict verdict_{};  // of the last frame
  PcapTally tally_;
  std::uint64_t time_ns_;
  std::uint64_t step_ns_;  // from one frame to the next
};

extern template class BlindFlows<Ip4, true>;
extern template class BlindFlows<Ip4, false>;
extern template class BlindFlows<Ip6, true>;
extern template class BlindFlows<Ip6, false>;

}  // namespace gl::load
