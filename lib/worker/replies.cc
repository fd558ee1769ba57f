#include "lib/worker/replies.h"

#include <rte_cycles.h>

#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"
#include "lib/wire/udp.h"
#include "lib/worker/run_frame.h"

namespace gl::worker {

namespace {

using datapath::Verdict;

// Where the datagram's ports are. Its headers were those of a fragment that the stages accepted.
std::size_t udp_at(const rte_mbuf* whole, Bytes bytes) noexcept {
  const std::uint8_t first = bytes[whole->l2_len];
  return whole->l2_len + (first >> 4 == 6 ? sizeof(wire::Ipv6Header) : std::size_t{first & 0x0fu} * 4);
}

// A reply is written over its request, and there is nothing to write over here: only replies of backends are for it.
bool is_for_a_service(const WorkerContext& context, const rte_mbuf* whole, Bytes bytes) noexcept {
  if (bytes.size() <= whole->l2_len) return true;
  const std::size_t at = udp_at(whole, bytes) + 2;
  return bytes.size() < at + 2 || context.services.datagram(load_be<std::uint16_t>(bytes.data() + at)) != nullptr;
}

void run_whole(WorkerContext& context, PortQueue& port, rte_mbuf* whole) noexcept {
  const MutableBytes bytes = context.reassembly->linear(whole);
  if (is_for_a_service(context, whole, bytes)) {
    const bool v6 = bytes.size() > whole->l2_len && bytes[whole->l2_len] >> 4 == 6;
    context.pipeline.count(v6 ? Verdict::drop_ipv6_fragment : Verdict::drop_ipv4_fragment);
    rte_pktmbuf_free(whole);
    return;
  }
  datapath::Frame frame;
  frame.data = bytes.data();
  frame.length = frame.capacity = bytes.size();
  frame.ipv4_checksum_good = true;  // each fragment's was; the whole has none
  run_frame(context, port, dpdk::Mbuf(whole), frame);
}

}  // namespace

void keep_fragment(WorkerContext& context, PortQueue& port, rte_mbuf* fragment) noexcept {
  rte_mbuf* const whole = context.reassembly->take(fragment, rte_get_tsc_cycles());
  if (whole == nullptr) return;
  context.counters.resumed.add();
  run_whole(context, port, whole);
}

unsigned take_handed_off(WorkerContext& context, Round& round) noexcept {
  if (context.handoff.rings == nullptr) return 0;
  return context.handoff.rings->take(context.handoff.core, dpdk::kBurst, [&](rte_mbuf* mbuf) {
    PortQueue& port = context.ports[mbuf->port];
    round.begin();
    context.counters.resumed.add();
    if (mbuf->nb_segs != 1) {
      run_whole(context, port, mbuf);
    } else {
      run_frame(context, port, dpdk::Mbuf(mbuf), frame_of(mbuf));
    }
  });
}

}  // namespace gl::worker
