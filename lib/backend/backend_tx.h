// One core's way to the backends: a datagram out. The worker's link writes mbufs; a test's writes any memory.
// Byte order: ports host, payload as on the wire. Ownership: the buffer belongs to the link. Thread: one core's own.
// Errors: an empty buffer, whose reason the link counts.
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/wire/address.h"

namespace gl::backend {

class BackendTx {
 public:
  BackendTx() = default;
  BackendTx(const BackendTx&) = delete;
  BackendTx& operator=(const BackendTx&) = delete;
  virtual ~BackendTx() = default;

  // Whether the backend's next hop is known.
  [[nodiscard]] virtual bool reachable(unsigned backend) const noexcept = 0;
  // Whether it is being asked for, and may answer yet.
  [[nodiscard]] virtual bool resolving(unsigned) const noexcept { return false; }
  // Our address toward it.
  [[nodiscard]] virtual wire::IpAddress source(unsigned) const noexcept { return {}; }
  // A source port of this core for questions to this backend, chosen by `random` (uniform, 32 bits): its replies come
  // back to this core, or are handed off to it.
  [[nodiscard]] virtual std::uint16_t source_port(unsigned backend, std::uint32_t random) const noexcept = 0;
  // Room for the payload of one datagram (the rest of an MTU), or nothing: no buffer, or no next hop.
  [[nodiscard]] virtual MutableBytes begin(unsigned backend) noexcept = 0;
  // Sends the first `length` bytes of what begin() gave last, to that backend.
  virtual void send(std::uint16_t source_port, std::size_t length) noexcept = 0;
};

}  // namespace gl::backend
