// The edge between mbufs and frames: what a port says about checksums, and what it is asked to compute.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "lib/worker/mbuf_sink.h"

namespace gl::worker {
namespace {

using datapath::TxOffload;

struct Buffer {
  std::array<std::uint8_t, 512> room{};
  std::unique_ptr<rte_mbuf> owned = std::make_unique<rte_mbuf>();
  rte_mbuf& mbuf = *owned;
  Buffer() {
    mbuf.buf_addr = room.data();
    mbuf.buf_len = static_cast<std::uint16_t>(room.size());
    mbuf.data_off = RTE_PKTMBUF_HEADROOM;
    mbuf.data_len = 60;
    mbuf.pkt_len = 60;
    mbuf.nb_segs = 1;
  }
};

TEST(FrameOfMbuf, IsItsBytesAndItsRoom) {
  Buffer buffer;
  const datapath::Frame frame = frame_of(&buffer.mbuf);
  EXPECT_EQ(frame.data, buffer.room.data() + RTE_PKTMBUF_HEADROOM);
  EXPECT_EQ(frame.length, 60u);
  EXPECT_EQ(frame.capacity, buffer.room.size() - RTE_PKTMBUF_HEADROOM);
}

// "Good" is believed, and "none", which a frame from the same host has. Bad and unknown are looked at again, so that
// the right verdict counts them.
TEST(FrameOfMbuf, BelievesOnlyWhatThePortVouchesFor) {
  const struct {
    std::uint64_t flags;
    bool ipv4;
    bool l4;
  } cases[] = {
      {0, false, false},
      {RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD, true, true},
      {RTE_MBUF_F_RX_IP_CKSUM_BAD | RTE_MBUF_F_RX_L4_CKSUM_BAD, false, false},
      {RTE_MBUF_F_RX_IP_CKSUM_NONE | RTE_MBUF_F_RX_L4_CKSUM_NONE, true, true},
      {RTE_MBUF_F_RX_IP_CKSUM_GOOD, true, false},
  };
  for (const auto& c : cases) {
    Buffer buffer;
    buffer.mbuf.ol_flags = c.flags;
    EXPECT_EQ(frame_of(&buffer.mbuf).ipv4_checksum_good, c.ipv4) << c.flags;
    EXPECT_EQ(frame_of(&buffer.mbuf).l4_checksum_good, c.l4) << c.flags;
  }
}

TEST(SealMbuf, AsksForWhatTheStagesLeftOut) {
  Buffer buffer;
  buffer.mbuf.ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH;
  datapath::Frame frame = frame_of(&buffer.mbuf);
  frame.length = 100;
  finish_mbuf(&buffer.mbuf, frame);
  EXPECT_EQ(buffer.mbuf.ol_flags, 0u);
  EXPECT_TRUE(buffer.mbuf.data_len == 100 && buffer.mbuf.pkt_len == 100);

  frame.tx = {TxOffload::Layer4::tcp, true, false, 18, 20};
  finish_mbuf(&buffer.mbuf, frame);
  EXPECT_EQ(buffer.mbuf.ol_flags, RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4);
  EXPECT_TRUE(buffer.mbuf.l2_len == 18 && buffer.mbuf.l3_len == 20);

  frame.tx = {TxOffload::Layer4::udp, false, true, 14, 40};
  finish_mbuf(&buffer.mbuf, frame);
  EXPECT_EQ(buffer.mbuf.ol_flags, RTE_MBUF_F_TX_UDP_CKSUM | RTE_MBUF_F_TX_IPV6);
  EXPECT_TRUE(buffer.mbuf.l2_len == 14 && buffer.mbuf.l3_len == 40);
}

}  // namespace
}  // namespace gl::worker
