// A name server behind the server under test, on a pair of rings of its own: it answers every question with one
// address, so that what is measured is the forwarding.
// Ownership: owns rings, ports and pools. Thread: made on the main core; poll() is one core's. Errors: one line.
#pragma once

#include <cstdint>
#include <memory>

#include "app/load/ring_pair.h"
#include "app/load/side.h"
#include "lib/base/result.h"
#include "lib/wire/address.h"

namespace gl::load {

inline constexpr wire::Ipv4Address kBenchBackend{{203, 0, 113, 1}};
inline constexpr wire::Ipv4Address kBenchForwarder{{203, 0, 113, 2}};  // the server's address toward it

class BenchBackend {
 public:
  [[nodiscard]] static Result<std::unique_ptr<BenchBackend>> make(unsigned number);

  // Of the server: the port that its questions leave by, and the pool behind it.
  [[nodiscard]] const Side& server_side() const noexcept { return server_; }
  [[nodiscard]] wire::MacAddress mac() const noexcept { return own_.port.mac(); }
  // Answers what has come.
  void poll() noexcept;

 private:
  BenchBackend(RingPair pair, Side server, Side own)
      : pair_(std::move(pair)), server_(std::move(server)), own_(std::move(own)) {}

  RingPair pair_;
  Side server_;
  Side own_;
};

}  // namespace gl::load
