// A node that forwards, as one core of the program is: pipeline, responder, service and forwarder, run in rounds as the
// poll loop runs them. It may start anew between any two frames; then all but the secret is gone.
// Units: milliseconds. Ownership: borrows the world and the backends. Thread: one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/backend/forwarder.h"
#include "tests/sim/forward_backend.h"
#include "tests/sim/frame_sink.h"

namespace gl::sim {

class ForwardNode {
 public:
  ForwardNode(const ForwardWorld& world, SimBackends& backends, std::uint64_t seed);
  ~ForwardNode();
  ForwardNode(const ForwardNode&) = delete;
  ForwardNode& operator=(const ForwardNode&) = delete;

  // A round: begin, any number of frames, end.
  void begin_round(std::uint64_t now_ms);
  void receive(const ByteString& frame, bool checked);
  void end_round();
  // The frames that it has sent since the last call.
  [[nodiscard]] std::vector<ByteString> sent() { return std::exchange(sent_, {}); }
  // How many frames were resumed since the last call.
  [[nodiscard]] unsigned resumed() { return std::exchange(resumed_, 0); }

  // How the last frame ended.
  [[nodiscard]] std::string_view outcome() const { return outcome_; }

  void restart();
  // Frames that wait, or questions that are under way.
  [[nodiscard]] bool busy() const;
  [[nodiscard]] std::uint64_t waiting() const;
  // What the counters say that cannot be: empty if nothing. `quiet`: nothing is under way.
  [[nodiscard]] std::string contradiction(bool quiet) const;
  [[nodiscard]] std::uint64_t allocations() const { return allocations_; }
  [[nodiscard]] const backend::ForwardCounters& counters() const;

 private:
  struct Core;
  void process(bool resumed, bool checked, const Suspended* suspended);

  const ForwardWorld& world_;
  SimBackends& backends_;
  std::uint64_t seed_;
  std::uint64_t now_ms_ = 0;
  std::unique_ptr<Core> core_;
  std::vector<std::uint8_t> buffer_;  // the mbuf
  std::size_t length_ = 0;            // of the frame in it
  FrameSink sink_;
  std::vector<ByteString> sent_;
  unsigned resumed_ = 0;
  std::string_view outcome_;
  std::uint64_t allocations_ = 0;
};

}  // namespace gl::sim
