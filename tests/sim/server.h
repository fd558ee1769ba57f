// The server's side: one to four nodes with one secret, each with its own responder, in front of one another at random.
// A node takes segments, or whole frames through its datapath. Between any two packets a node may start anew, the keys
// may step on, and the zone may change. Units: milliseconds. Ownership: owns the nodes. Thread: one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/frames.h"
#include "tests/sim/network.h"
#include "tests/sim/service.h"

namespace gl::sim {

struct ServerSettings {
  std::uint32_t flow_cache = 0;  // entries a node
  std::uint32_t bulk_flows = 0;  // long answers at once, a node
  std::uint32_t bulk_rate = 0;   // bytes a second of each
  unsigned nodes = 1;            // each packet goes to one of them at random
  double restarts = 0;           // share of packets before which their node starts anew
  bool frames = false;           // through the whole datapath
  bool v6 = false;
  unsigned epoch_at = 0;      // the packet before which the key changes, 0: never; a second and third later it drains
  std::uint64_t slow_ms = 0;  // answers take up to so long, and segments wait for them; 0: none does
  unsigned zone_at = 0;       // the packet before which the zone changes, 0: never
  std::uint16_t mss = 1460;
  std::uint16_t window = 4094;
  std::uint8_t key = 0;
  std::size_t largest_reply = kMaxRenderedAnswer;  // as the service declares it
};

// What happened at the server, for a trace.
class ServerWatcher {
 public:
  virtual ~ServerWatcher() = default;
  virtual void arrived(std::uint64_t now_ms, const Packet& packet, unsigned node) = 0;
  virtual void sent(const Packet& packet, bool lost) = 0;
  virtual void event(std::uint64_t now_ms, const std::string& what) = 0;
};

class Server {
 public:
  Server(const ServerSettings& settings, std::uint64_t seed);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void receive(std::uint64_t now_ms, const Delivery& delivery, Network& network);
  // When the next segment that waits is to be resumed.
  [[nodiscard]] std::optional<std::uint64_t> next_at() const;
  void resume_frame(std::uint64_t now_ms, Network& network);
  void watch(ServerWatcher* watcher) { watcher_ = watcher; }
  [[nodiscard]] const Ends& ends() const { return ends_; }
  // How often the packet path asked for memory: never, or it is no packet path.
  [[nodiscard]] std::uint64_t allocations() const { return allocations_; }
  // How many frames were sent that no client would take.
  [[nodiscard]] std::uint64_t broken_frames() const { return broken_frames_; }

 private:
  struct Node;
  void happen(std::uint64_t now_ms, Node& node);
  void step_epoch(std::uint64_t now_ms);
  void through_responder(Node& node, const Packet& packet, bool resumed);
  void respond(Node& node, const tcp::Segment& segment, const Packet* packet);
  [[nodiscard]] bool run_timer(std::uint64_t now_ms, Node& node, Network& network);
  void send(std::uint64_t now_ms, Network& network);
  void through_datapath(Node& node, ByteString frame, bool flipped, bool timer = false);

  ServerSettings settings_;
  Random random_;
  Ends ends_;
  std::vector<tcp::CookieKeys> keys_;  // one a node: their clocks differ
  SimService service_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Packet> out_;
  std::array<std::uint8_t, 65536> room_;
  unsigned packets_ = 0;
  std::uint64_t allocations_ = 0;
  std::uint64_t broken_frames_ = 0;
  ServerWatcher* watcher_ = nullptr;
};

}  // namespace gl::sim
