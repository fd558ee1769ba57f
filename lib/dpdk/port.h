// An Ethernet port with one queue pair a worker.
// Units: bytes, descriptors. Ownership: stops and closes the device at the end. Thread: main core; a queue is used by
// one core. Errors: one line that names the port.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"
#include "lib/dpdk/mbuf_pool.h"
#include "lib/wire/address.h"
#include "lib/wire/vlan_set.h"

namespace gl::dpdk {

struct PortSettings {
  std::uint16_t rx_descriptors = 1024;  // a queue; the driver's limits are kept to
  std::uint16_t tx_descriptors = 1024;
  std::uint16_t mtu = 0;       // 0: as the port has it
  bool rx_interrupts = false;  // whether they are wanted
};

struct PortOffloads {
  bool tx_ipv4_checksum = false;
  bool tx_udp_checksum = false;
  bool tx_tcp_checksum = false;
  bool rx_ipv4_checksum = false;
  bool rx_udp_checksum = false;
  bool rx_tcp_checksum = false;
  bool rss = false;
  [[nodiscard]] bool any_rx() const noexcept { return rx_ipv4_checksum || rx_udp_checksum || rx_tcp_checksum; }
  [[nodiscard]] bool any_tx() const noexcept { return tx_ipv4_checksum || tx_udp_checksum || tx_tcp_checksum; }
};

class Port {
 public:
  // Every port the EAL found; an error line that says how to name one where it found none.
  [[nodiscard]] static Result<std::vector<std::uint16_t>> list();
  // The largest frame that the port's MTU, or `mtu` where not 0, brings.
  [[nodiscard]] static std::uint16_t frame_length(std::uint16_t id, std::uint16_t mtu);
  // Room of a buffer, headroom apart, that the port puts such a frame in whole: NICs round a buffer's size down, and
  // would begin another one.
  [[nodiscard]] static std::uint16_t buffer_length(std::uint16_t id, std::uint16_t mtu);
  [[nodiscard]] static int socket(std::uint16_t id);

  // Configured and with its queues, not started. One pool a queue.
  [[nodiscard]] static Result<Port> open(std::uint16_t id, const PortSettings& settings,
                                         std::span<rte_mempool* const> pools);

  Port(Port&& other) noexcept { *this = std::move(other); }
  Port& operator=(Port&& other) noexcept;
  ~Port();

  enum class Multicast : std::uint8_t { groups, all };
  // `groups`: multicast addresses to receive, by filter where no others are wanted, else all multicast, else
  // promiscuous.
  // `vlans`: which a filter of the port's, where it has one, is to let through; null: all.
  [[nodiscard]] Status start(std::span<const wire::MacAddress> groups, Multicast wanted = Multicast::groups,
                             const wire::VlanSet* vlans = nullptr);
  // The same of the port to the kernel, which gets whatever the kernel sends to whom.
  [[nodiscard]] Status start_promiscuous();
  void stop() noexcept;
  // Its device is gone: it is left as it is. Some drivers wait without end for what is no longer there.
  void abandon() noexcept { open_ = started_ = false; }

  // True where neither the driver nor the kernel knows otherwise.
  [[nodiscard]] bool link_up() const;

  [[nodiscard]] std::uint16_t id() const noexcept { return id_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& driver() const noexcept { return driver_; }
  [[nodiscard]] wire::MacAddress mac() const noexcept { return mac_; }
  [[nodiscard]] std::uint16_t mtu() const noexcept { return mtu_; }
  // Queue pairs.
  [[nodiscard]] std::uint16_t queues() const noexcept { return queues_; }
  // Bytes of the longest frame, one VLAN tag included.
  [[nodiscard]] std::uint16_t frame_length() const noexcept { return frame_length(id_, mtu_); }
  [[nodiscard]] const PortOffloads& offloads() const noexcept { return offloads_; }
  [[nodiscard]] const std::string& group_filter() const noexcept { return group_filter_; }

 private:
  Port() = default;
  [[nodiscard]] Status configure(const PortSettings& settings, std::uint16_t queues);
  [[nodiscard]] Status set_up_queues(const PortSettings& settings, std::span<rte_mempool* const> pools);
  [[nodiscard]] Status let_vlans_in(const wire::VlanSet* wanted);
  [[nodiscard]] Error failure(const std::string& what, int code) const;

  std::uint16_t id_ = 0;
  std::uint16_t mtu_ = 0;
  std::uint16_t queues_ = 0;
  bool open_ = false;
  bool started_ = false;
  bool filters_vlans_ = false;  // unless each is named
  std::string name_;
  std::string driver_;
  std::string group_filter_ = "none";
  wire::MacAddress mac_;
  PortOffloads offloads_;
};

}  // namespace gl::dpdk
