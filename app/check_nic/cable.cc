#include "app/check_nic/cable.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gl::check_nic {

namespace {

constexpr unsigned kBuffers = 16383;
constexpr std::uint16_t kDescriptors = 1024;

std::uint64_t in_ms(std::uint64_t ms) {
  return rte_get_tsc_cycles() + rte_get_tsc_hz() / 1000 * ms;
}

}  // namespace

Result<std::unique_ptr<Cable>> Cable::open(const Settings& settings) {
  const bool loop = settings.from == settings.to;
  const std::uint16_t room = std::max(dpdk::Port::buffer_length(settings.from, settings.mtu),
                                      dpdk::Port::buffer_length(settings.to, settings.mtu));
  auto pool = dpdk::MbufPool::create("check_nic", {kBuffers, room, SOCKET_ID_ANY});
  if (!pool) return Error{pool.error()};
  std::unique_ptr<Cable> cable(new Cable(std::move(*pool)));
  const dpdk::PortSettings own{kDescriptors, kDescriptors, settings.mtu};
  std::vector<rte_mempool*> pools(settings.queues, cable->pool_.get());
  if (!loop) {
    auto port = dpdk::Port::open(settings.from, own, pools);
    if (!port) return Error{port.error()};
    cable->ports_.push_back(std::move(*port));
  }
  auto port = dpdk::Port::open(settings.to, own, pools);
  if (!port) return Error{port.error()};
  cable->ports_.push_back(std::move(*port));
  for (dpdk::Port& end : cable->ports_) {
    if (Status status = end.start(&end == &cable->ports_.back() ? settings.groups : std::vector<wire::MacAddress>());
        !status) {
      return Error{status.error()};
    }
  }
  cable->out_.bind(settings.from, 0, cable->from().offloads().any_tx());
  return cable;
}

bool Cable::wait_for_link(unsigned seconds) const {
  for (const std::uint64_t end = in_ms(seconds * 1000ull); rte_get_tsc_cycles() < end; rte_delay_us_sleep(10000)) {
    if (from().link_up() && to().link_up()) return true;
  }
  return false;
}

unsigned Cable::receive(const std::function<void(rte_mbuf*, std::uint16_t)>& take) {
  std::array<rte_mbuf*, dpdk::kBurst> mbufs;
  unsigned total = 0;
  for (std::uint16_t queue = 0; queue < to().queues(); ++queue) {
    const std::uint16_t count = rte_eth_rx_burst(to().id(), queue, mbufs.data(), dpdk::kBurst);
    for (std::uint16_t i = 0; i < count; ++i) take(mbufs[i], queue);
    rte_pktmbuf_free_bulk(mbufs.data(), count);
    total += count;
  }
  return total;
}

// Until nothing has come for a while: what others say on the cable, and frames of the check before. Who always talks is
// not waited for.
void Cable::drain() {
  constexpr std::uint64_t kQuietMs = 20;
  constexpr std::uint64_t kLongestMs = 500;
  const std::uint64_t last = in_ms(kLongestMs);
  for (std::uint64_t end = in_ms(kQuietMs); rte_get_tsc_cycles() < std::min(end, last);) {
    if (receive([](rte_mbuf*, std::uint16_t) {}) != 0) end = in_ms(kQuietMs);
  }
}

std::vector<Arrival> Cable::exchange(const Ends& ends, const Shape& shape, std::uint32_t count) {
  drain();
  std::vector<Arrival> arrived;
  const auto take = [&](rte_mbuf* mbuf, std::uint16_t queue) {
    const auto seen = read_frame(mbuf);
    if (seen) arrived.push_back({*seen, queue, mbuf->ol_flags});
  };
  for (std::uint32_t number = 0; number < count; ++number) {
    dpdk::Mbuf mbuf = pool_.allocate();
    if (mbuf == nullptr) break;
    write_frame(mbuf.get(), ends, shape, number, from().offloads());
    out_.push(std::move(mbuf));
    if (!out_.full() && number + 1 != count) continue;
    static_cast<void>(out_.flush());
    // No more under way than a small ring holds, unless they do not come.
    constexpr std::uint32_t kUnderWay = 128;
    for (const std::uint64_t end = in_ms(20); number + 1 - arrived.size() > kUnderWay && rte_get_tsc_cycles() < end;) {
      receive(take);
    }
  }
  for (const std::uint64_t end = in_ms(1000); arrived.size() < count && rte_get_tsc_cycles() < end;) receive(take);
  return arrived;
}

Cable::Rate Cable::flood(const Shape& shape, unsigned seconds) {
  drain();
  Rate rate;
  const auto take = [&](rte_mbuf* mbuf, std::uint16_t) { rate.received += read_frame(mbuf) ? 1u : 0u; };
  const std::uint64_t begin = rte_get_tsc_cycles();
  const std::uint64_t end = begin + rte_get_tsc_hz() * seconds;
  std::uint32_t number = 0;
  while (rte_get_tsc_cycles() < end) {
    while (!out_.full()) {
      dpdk::Mbuf mbuf = pool_.allocate();
      if (mbuf == nullptr) break;
      write_frame(mbuf.get(), ends(), shape, number++, from().offloads());
      out_.push(std::move(mbuf));
    }
    rate.sent += out_.flush().sent;
    receive(take);
  }
  rate.seconds = static_cast<double>(rte_get_tsc_cycles() - begin) / static_cast<double>(rte_get_tsc_hz());
  for (const std::uint64_t last = in_ms(200); rte_get_tsc_cycles() < last;) receive(take);
  return rate;
}

}  // namespace gl::check_nic
