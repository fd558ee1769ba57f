// An exchange written as a packetdrill dialogue, in the notation of tests/golden: seen from the server.
// With one node and no change of the answers' lengths, tests/golden/golden_runner can play what it writes.
// Ownership: borrows the text it appends to. Thread: one.
#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/scenario.h"

namespace gl::sim {

class Trace final : public ServerWatcher {
 public:
  Trace(const Scenario& scenario, std::string& text);

  void arrived(std::uint64_t now_ms, const Packet& packet, unsigned node) override;
  void sent(const Packet& packet, bool lost) override;
  void event(std::uint64_t now_ms, const std::string& what) override;
  void comment(std::uint64_t now_ms, const std::string& what);
  void lost_on_the_way(std::uint64_t now_ms, const Packet& packet);

 private:
  [[nodiscard]] bool too_late(std::uint64_t now_ms);
  void at(std::uint64_t now_ms);
  [[nodiscard]] std::string from_client(const Packet& packet) const;

  std::string& text_;
  tcp::SeqNum client_isn_;
  tcp::SeqNum server_isn_;
  bool several_nodes_;
  std::uint64_t last_ms_ = 0;
  bool ended_ = false;
};

}  // namespace gl::sim
