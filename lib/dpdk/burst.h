// Frames on their way out through one queue of one port, collected and sent together.
// Units: frames. Ownership: owns the mbufs it holds until the port takes them; what the port does not take is freed.
// Thread: one core, but for counters(), which any thread reads. Errors: counted here, and by the caller from flush()'s
// result.
#pragma once

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <utility>

#include "lib/base/counter.h"
#include "lib/dpdk/mbuf_pool.h"

namespace gl::dpdk {

inline constexpr std::uint16_t kBurst = 32;     // frames received at once
inline constexpr std::uint16_t kTxBurst = 128;  // frames collected before they are pushed out

struct TxResult {
  std::uint64_t sent = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t lost = 0;
};

// What went out through one queue, ever.
struct TxCounters {
  Counter sent;
  Counter sent_bytes;
  Counter lost;
};

class TxBurst {
 public:
  TxBurst() = default;
  TxBurst(const TxBurst&) = delete;
  TxBurst& operator=(const TxBurst&) = delete;
  ~TxBurst() { free_from(0); }

  void bind(std::uint16_t port, std::uint16_t queue, bool prepare) noexcept {
    port_ = port;
    queue_ = queue;
    prepare_ = prepare;
  }
  [[nodiscard]] bool full() const noexcept { return count_ == kTxBurst; }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  // There is room: the caller has looked at full().
  void push(Mbuf mbuf) noexcept { mbufs_[count_++] = mbuf.release(); }

  // Pushes everything out, with a bounded number of retries.
  TxResult flush() noexcept {
    constexpr unsigned kRetries = 16;
    TxResult result;
    std::uint64_t bytes = 0;
    for (std::uint16_t i = 0; i < count_; ++i) bytes += mbufs_[i]->pkt_len;
    std::uint16_t at = 0;
    const std::uint16_t ready = prepare_ ? prepare() : count_;
    for (unsigned retry = 0; at < ready && retry < kRetries; ++retry) {
      at = static_cast<std::uint16_t>(
          at + rte_eth_tx_burst(port_, queue_, mbufs_.data() + at, static_cast<std::uint16_t>(ready - at)));
    }
    result.sent = at;
    result.lost = static_cast<std::uint64_t>(count_ - at);
    for (std::uint16_t i = at; i < count_; ++i) bytes -= mbufs_[i]->pkt_len;
    result.sent_bytes = bytes;
    free_from(at);
    count(result);
    return result;
  }
  [[nodiscard]] const TxCounters& counters() const noexcept { return counters_; }

 private:
  void count(const TxResult& result) noexcept {
    counters_.sent.add(result.sent);
    counters_.sent_bytes.add(result.sent_bytes);
    counters_.lost.add(result.lost);
  }
  // Some drivers set up their descriptors' pseudo headers here. Frames that one refuses go behind those it takes.
  std::uint16_t prepare() noexcept {
    std::uint16_t good = 0;
    std::uint16_t end = count_;
    while (good < end) {
      good = static_cast<std::uint16_t>(
          good + rte_eth_tx_prepare(port_, queue_, mbufs_.data() + good, static_cast<std::uint16_t>(end - good)));
      if (good < end) std::swap(mbufs_[good], mbufs_[--end]);
    }
    return good;
  }
  void free_from(std::uint16_t at) noexcept {
    if (at < count_) rte_pktmbuf_free_bulk(mbufs_.data() + at, static_cast<unsigned>(count_ - at));
    count_ = 0;
  }

  std::uint16_t port_ = 0;
  std::uint16_t queue_ = 0;
  std::uint16_t count_ = 0;
  bool prepare_ = false;
  TxCounters counters_;
  std::array<rte_mbuf*, kTxBurst> mbufs_{};
};

}  // namespace gl::dpdk
