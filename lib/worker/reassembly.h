// Fragments of replies of the backends, put together by rte_ip_frag (RFC 791 section 3.2, RFC 8200
// section 4.5). A datagram may come in as many fragments as DPDK was built for, within a second; overlapping fragments
// make it nobody's (RFC 5722), and a table of fixed size holds what is not complete. Units: bytes; cycles of the TSC.
// Ownership: owns the fragments it keeps. Thread: one core's own; made by the main core. Errors: what is dropped is
// counted.
#pragma once

#include <rte_config.h>
#include <rte_ip_frag.h>
#include <rte_mbuf.h>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/counter.h"
#include "lib/base/result.h"

namespace gl::worker {

class Reassembly {
 public:
  static constexpr unsigned kFragments = RTE_LIBRTE_IP_FRAG_MAX_FRAG;  // of one datagram
  static constexpr unsigned kDatagrams = 128;                          // incomplete ones at a time
  static constexpr unsigned kMbufs = kDatagrams * kFragments + RTE_IP_FRAG_DEATH_ROW_MBUF_LEN;  // kept at most
  static constexpr unsigned kTimeoutMs = 1000;
  static constexpr std::size_t kLongest = 14 + 4 + 40 + 65535;  // a whole frame

  // `cycles_per_ms` of the clock that take() is given. `dropped` counts fragments that no datagram came of: too late,
  // overlapping, too many, or no room.
  [[nodiscard]] static Result<std::unique_ptr<Reassembly>> create(int socket, std::uint64_t cycles_per_ms,
                                                                  Counter& dropped);
  Reassembly(const Reassembly&) = delete;
  Reassembly& operator=(const Reassembly&) = delete;
  ~Reassembly();

  // A frame that the stages found to be a fragment to keep; it is the table's. Returns the whole packet, a chain of
  // mbufs, where this was the last one missing; its IPv4 checksum is not set.
  [[nodiscard]] rte_mbuf* take(rte_mbuf* fragment, std::uint64_t now) noexcept;
  // The bytes of such a chain in one piece, valid until the next call.
  [[nodiscard]] MutableBytes linear(const rte_mbuf* whole) noexcept;

 private:
  struct Destroy {
    void operator()(rte_ip_frag_tbl* table) const noexcept { rte_ip_frag_table_destroy(table); }
  };
  using Table = std::unique_ptr<rte_ip_frag_tbl, Destroy>;
  Reassembly(Table table, Counter& dropped) noexcept : table_(std::move(table)), dropped_(dropped) {}
  [[nodiscard]] rte_mbuf* insert(rte_mbuf* fragment, std::uint64_t now) noexcept;
  void drop(rte_mbuf* mbuf) noexcept;

  Table table_;
  Counter& dropped_;
  rte_ip_frag_death_row dead_{};
  std::array<std::uint8_t, kLongest> room_{};
};

// The largest UDP payload that fits as many fragments as a datagram may have, over links with this MTU.
[[nodiscard]] constexpr std::size_t max_reassembled(std::size_t mtu, bool v6) noexcept {
  const std::size_t each = (mtu - (v6 ? 40 + 8 : 20)) / 8 * 8;
  const std::size_t most = (v6 ? 65535 : 65535 - 20) - 8;
  const std::size_t whole = Reassembly::kFragments * each - 8;
  return whole < most ? whole : most;
}

}  // namespace gl::worker
