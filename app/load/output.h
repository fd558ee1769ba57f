// Where frames to send come from and go to: mbufs in stock, and the burst that waits for the port.
// Ownership: holds its stock and its waiting frames; take() lends one, send() and recycle() take it back.
// Thread: the generator's core only.
#pragma once

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>
#include <cstdint>

namespace gl::load {

inline constexpr std::uint16_t kBurst = 64;

class Output {
 public:
  Output(std::uint16_t port, rte_mempool* pool) noexcept : port_(port), pool_(pool) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { give_back(stocked_); }

  // An mbuf of one segment and one reference; null only when the pool is empty.
  [[nodiscard]] rte_mbuf* take() noexcept {
    if (stocked_ == 0) [[unlikely]] {
      if (rte_mempool_get_bulk(pool_, reinterpret_cast<void**>(stock_.data()), kBurst) != 0) return nullptr;
      stocked_ = kBurst;
    }
    return stock_[--stocked_];
  }

  // A received frame that is done with: the next frame sent is written over it while it is still in the cache.
  void recycle(rte_mbuf* m) noexcept {
    if (m->next != nullptr || rte_mbuf_refcnt_read(m) != 1 || !RTE_MBUF_DIRECT(m)) [[unlikely]] {
      rte_pktmbuf_free(m);
      return;
    }
    if (stocked_ == stock_.size()) [[unlikely]]
      give_back(stock_.size() / 2);
    stock_[stocked_++] = m;
  }

  void send(rte_mbuf* m) noexcept {
    waiting_[count_++] = m;
    if (count_ == kBurst) flush();
  }

  // What the port does not take is lost, as on a wire: the clients' timers see to it.
  void flush() noexcept {
    if (count_ == 0) return;
    const std::uint16_t sent = rte_eth_tx_burst(port_, 0, waiting_.data(), count_);
    for (std::uint16_t i = sent; i < count_; ++i) recycle(waiting_[i]);
    frames_ += sent;
    refused_ += static_cast<std::uint64_t>(count_ - sent);
    count_ = 0;
  }

  // Buffers at hand for the next frames.
  [[nodiscard]] std::size_t stocked() const noexcept { return stocked_; }
  [[nodiscard]] std::uint64_t frames() const noexcept { return frames_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  void give_back(std::size_t count) noexcept {
    stocked_ -= count;
    rte_pktmbuf_free_bulk(stock_.data() + stocked_, static_cast<unsigned>(count));
  }

  std::uint16_t port_;
  std::uint16_t count_ = 0;
  rte_mempool* pool_;
  std::size_t stocked_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t refused_ = 0;
  std::array<rte_mbuf*, kBurst> waiting_{};
  std::array<rte_mbuf*, 512> stock_{};
};

}  // namespace gl::load
