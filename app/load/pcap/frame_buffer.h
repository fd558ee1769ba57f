// A frame in memory of its own, as an mbuf, so that templates write it and clients read it. No pool, no EAL.
// Units: bytes. Ownership: owns both. Thread: one.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include "lib/base/bytes.h"

namespace gl::load {

class FrameBuffer {
 public:
  static constexpr std::size_t kRoom = 2048;  // for one frame

  FrameBuffer() : mbuf_(std::make_unique<rte_mbuf>()) {
    mbuf_->buf_addr = memory_.data();
    mbuf_->data_off = RTE_PKTMBUF_HEADROOM;
    mbuf_->nb_segs = 1;
  }
  FrameBuffer(const FrameBuffer&) = delete;
  FrameBuffer& operator=(const FrameBuffer&) = delete;
  ~FrameBuffer() = default;

  [[nodiscard]] rte_mbuf* mbuf() noexcept { return mbuf_.get(); }
  [[nodiscard]] const rte_mbuf* mbuf() const noexcept { return mbuf_.get(); }
  [[nodiscard]] std::uint8_t* data() noexcept { return memory_.data() + RTE_PKTMBUF_HEADROOM; }
  [[nodiscard]] Bytes bytes() const noexcept { return {memory_.data() + RTE_PKTMBUF_HEADROOM, mbuf_->data_len}; }

  // What was written to data().
  void set_length(std::size_t length) noexcept {
    mbuf_->data_len = static_cast<std::uint16_t>(length);
    mbuf_->pkt_len = mbuf_->data_len;
  }
  // At most kRoom bytes.
  void copy(Bytes frame) noexcept {
    std::memcpy(data(), frame.data(), frame.size());
    set_length(frame.size());
  }

 private:
  std::unique_ptr<rte_mbuf> mbuf_;
  alignas(64) std::array<std::uint8_t, RTE_PKTMBUF_HEADROOM + kRoom> memory_{};
};

}  // namespace gl::load
