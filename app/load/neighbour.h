// The link layer of the clients: asks for the server's MAC address once at the start, and answers whoever asks
// for the clients' addresses. ARP (RFC 826) and neighbour discovery (RFC 4861 section 7).
// Byte order: wire. Ownership: borrows the output. Thread: the generator's core only.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <optional>

#include "app/load/options.h"
#include "app/load/output.h"
#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace gl::load {

class Neighbour {
 public:
  Neighbour(const Options& options, const wire::MacAddress& ours, Output& output)
      : options_(options), ours_(ours), output_(output) {}

  // Asks once a quarter of a second, for three seconds at most.
  [[nodiscard]] Result<wire::MacAddress> resolve(std::uint16_t port);
  // A frame that is not for the clients: answered where it asks for one of their addresses. Takes the mbuf.
  void receive(rte_mbuf* m) noexcept;

 private:
  void ask() noexcept;
  void receive_arp(Bytes frame) noexcept;
  void receive_ndp(Bytes frame) noexcept;
  void send_arp(std::uint16_t operation, const std::uint8_t* target_mac, const std::uint8_t* sender_ip,
                const std::uint8_t* target_ip) noexcept;
  void send_ndp(std::uint8_t type, const std::uint8_t* to_mac, const std::uint8_t* from, const std::uint8_t* to,
                const std::uint8_t* about) noexcept;
  [[nodiscard]] bool is_ours(const std::uint8_t* address) const noexcept;

  const Options& options_;
  wire::MacAddress ours_;
  Output& output_;
  std::optional<wire::MacAddress> found_;
};

}  // namespace gl::load
