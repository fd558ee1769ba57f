// RPC with ACK, exactly once, on one core. docs/rpc-once.md is the protocol.
// A client belongs to one core, by its id: a datagram that came to another core is handed to that one, so a call has
// one place in one table, whatever port or address it comes from. What is not idempotent is executed by the main core:
// the core hands it over and gets its result back, and its client gets the reply then. Units: milliseconds, bytes.
// Ownership: owns its table and queues; borrows the registry and Shared. Thread: receive() and on_time() on one core;
// take() and finish() on the main core beside it. Errors: counted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/counter.h"
#include "lib/base/spsc_queue.h"
#include "lib/service/datagram_service.h"
#include "lib/service/registry.h"
#include "lib/service/service.h"
#include "lib/services/rpc_once/call_table.h"
#include "lib/services/rpc_once/message.h"

namespace gl::rpc_once {

// Every name is a counter of each core.
#define GL_RPC_ONCE_COUNTERS(X)                                                              \
  X(requests, "requests, those that were repeated included")                                 \
  X(idempotent, "requests that were answered at once, and whenever they are repeated")       \
  X(executed, "calls that are executed once, and were")                                      \
  X(repeated, "replies sent again because their request came again")                         \
  X(resent, "replies sent again because nothing was heard of the client")                    \
  X(acknowledged, "replies that were acknowledged")                                          \
  X(late_acks, "ACKs that no reply waits for: repeated ones, and those of idempotent calls") \
  X(failed, "calls that were not executed: the journal could not be written")                \
  X(denied_server_boot, "requests that carry another boot counter of the server, or none")   \
  X(denied_client_boot, "requests of a client that has been started anew since")             \
  X(refused_procedure, "requests for a procedure that is not there")                         \
  X(refused_arguments, "requests whose arguments the procedure does not take")               \
  X(handed_over, "datagrams that another core was given, whose client it is")                \
  X(drop_malformed, "datagrams that are no message")                                         \
  X(drop_unexpected, "messages that only a client may be sent: replies, denied")             \
  X(drop_source_port, "datagrams from a port below 1024, or one of our own services")        \
  X(drop_old_ack, "ACKs that carry another boot counter of the server")                      \
  X(drop_executing, "requests of a call that is being executed")                             \
  X(drop_finished, "requests of a call that is finished: old duplicates")                    \
  X(drop_outside_window, "requests of a client that has more outstanding than it may")       \
  X(drop_table_full, "requests of clients that there is no entry for")                       \
  X(drop_queue_full, "requests that the main core has no room for: not executed")            \
  X(drop_handover_full, "datagrams that the client's core has no room for")                  \
  X(drop_budget, "replies that would have been more than three times what was received")     \
  X(drop_no_room, "replies that there was no buffer for")

class RpcOnceService final : public Service, public DatagramService {
 public:
  static constexpr std::size_t kClients = 4096;    // of one core
  static constexpr std::size_t kExecutions = 256;  // under way at once, of one core
  static constexpr std::size_t kHandovers = 64;    // from one core to one other
  static constexpr std::uint64_t kSweepMs = 100;   // how often replies are looked for that are due again

  // What all cores have in common. The main core writes it before they start, and `lines` whenever it has written.
  struct Shared {
    std::uint32_t server_boot = 1;
    std::uint64_t seed = 0;
    std::atomic<std::uint64_t> lines{0};  // of the journal
    std::vector<class RpcOnceService*> cores;
  };
  // A call for the main core.
  struct Execution {
    CallHandle handle;
    std::uint64_t client = 0;
    std::uint32_t client_boot = 0;
    std::uint16_t length = 0;
    std::array<char, kMaxBody> line;  // valid up to `length`
  };
  // What became of it.
  struct Outcome {
    CallHandle handle;
    ReplyStatus status = ReplyStatus::success;
    std::uint64_t value = 0;
  };

  // Adds itself to the shared cores; to be called for one core after the other, before any of them runs.
  RpcOnceService(Shared& shared, const Registry& registry, std::size_t clients = kClients);

  [[nodiscard]] std::string_view name() const noexcept override { return "rpc-once"; }
  void begin_burst(std::uint64_t now_ms) noexcept override { now_ms_ = now_ms; }
  void read_counters(CounterReader& reader) const override;
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override;
  [[nodiscard]] bool has_deadlines() const noexcept override { return true; }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept override { return next_turn_; }
  void on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept override;

  // Main core: the next call to execute, oldest first; false: none. Each has to be finished.
  [[nodiscard]] bool take(Execution& execution) noexcept { return executions_.pop(execution); }
  // Never fails: a core has no more under way than there is room for.
  void finish(const Outcome& outcome) noexcept { (void)outcomes_.push(outcome); }

 private:
  static constexpr Allowance kAllowance{.factor = kAmplification};

  // A datagram of a client that belongs to another core.
  struct Handover {
    Peer peer;
    std::uint16_t length = 0;
    std::array<std::uint8_t, kHeaderSize + kMaxBody> datagram;
  };
  using Handovers = SpscQueue<Handover, kHandovers>;

  [[nodiscard]] RpcOnceService& owner(std::uint64_t client) const noexcept;
  void hand_over(RpcOnceService& to, const Datagram& datagram) noexcept;
  void take_handed_over(DatagramSender& sender) noexcept;
  void take_outcomes(DatagramSender& sender) noexcept;
  bool send_to(const CallTable::Client& client, Call& call, DatagramSender& sender) noexcept;

  // Of a request or ACK whose client is this core's: the reply that is due to it now. Null: none.
  struct Due {
    CallTable::Client* client = nullptr;
    Call* call = nullptr;
    bool denied = false;
  };
  [[nodiscard]] Due on_append(const Message& request, const Peer& peer, std::size_t received) noexcept;
  [[nodiscard]] Due execute(const CallTable::Admitted& admitted, const Message& request) noexcept;
  void on_ack(const Message& ack) noexcept;
  // What needs no table: the reply to an idempotent request, or to one that cannot be executed.
  [[nodiscard]] bool answer_at_once(const Message& request, MutableBytes result, Message& reply) noexcept;
  [[nodiscard]] Message denied(const Message& request, DenyReason reason) noexcept;
  [[nodiscard]] Message reply_of(const CallTable::Client& client, const Call& call, MutableBytes result) const noexcept;

  Shared& shared_;
  const Registry& registry_;
  const std::size_t index_;
#define X(name, help) Counter name##_;
  GL_RPC_ONCE_COUNTERS(X)
#undef X
  CallTable table_;
  std::uint64_t now_ms_ = 0;
  std::uint64_t next_turn_ = 0;
  std::uint64_t next_sweep_ = 0;
  std::size_t under_way_ = 0;                        // executions whose outcome has not been taken
  std::vector<std::unique_ptr<Handovers>> inbound_;  // of every other core; null: its own
  SpscQueue<Execution, kExecutions> executions_;     // to the main core
  SpscQueue<Outcome, kExecutions> outcomes_;         // back
};

}  // namespace gl::rpc_once
