// The client's side of RPC with ACK, exactly once: which datagram is to be sent when, and what became of each call.
// Units: milliseconds of a monotonic clock. Byte order: datagrams as on the wire. Ownership: owns what is outstanding.
// Thread: one. Errors: outcomes. Source: docs/rpc-once.md.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "lib/services/rpc_once/message.h"

namespace gl::rpc_client {

using Datagram = std::vector<std::uint8_t>;

struct CallSettings {
  std::uint64_t client = 1;       // random
  std::uint32_t client_boot = 1;  // higher with each start under the same id
  std::uint32_t outstanding = 8;  // up to rpc_once::kWindow
  std::uint64_t first_wait_ms = 500;
  std::uint64_t longest_wait_ms = 4000;
  std::uint64_t give_up_ms = 60'000;  // at most that: the server forgets a client some time later
};

struct Outcome {
  enum class Kind : std::uint8_t {
    replied,         // executed, once; or refused, as `status` says
    uncertain,       // the server was started anew: executed once, or not at all
    gave_up,         // no answer: likewise
    never_executed,  // no answer, and no server can have taken it for a request of its time
    old_client,      // the server knows a later start of this client: not executed
  };
  std::uint32_t call = 0;
  Kind kind = Kind::replied;
  rpc_once::ReplyStatus status = rpc_once::ReplyStatus::success;
  std::vector<std::uint8_t> result{};
};

class Calls {
 public:
  explicit Calls(const CallSettings& settings) : settings_(settings) {}

  // Returns its number. It is sent by on_time().
  std::uint32_t submit(rpc_once::Procedure procedure, Bytes arguments);
  // Sends what is due: calls that may be outstanding now, and those that nothing was heard of.
  void on_time(std::uint64_t now_ms, std::vector<Datagram>& out);
  void receive(Bytes datagram, std::uint64_t now_ms, std::vector<Datagram>& out);

  [[nodiscard]] bool finished() const { return outstanding_.empty() && waiting_.empty(); }
  // When on_time() is to be called, if nothing is received before.
  [[nodiscard]] std::uint64_t deadline() const;
  [[nodiscard]] std::vector<Outcome> take_outcomes() { return std::exchange(outcomes_, {}); }
  [[nodiscard]] std::uint32_t server_boot() const { return server_boot_; }
  // How often a request was sent again, and how many replies came for a call that had its reply.
  [[nodiscard]] std::uint64_t sent_again() const { return sent_again_; }
  [[nodiscard]] std::uint64_t repeated_replies() const { return repeated_replies_; }

 private:
  struct Waiting {
    std::uint32_t number = 0;
    rpc_once::Procedure procedure{};
    std::vector<std::uint8_t> arguments;
  };
  struct Outstanding {
    Waiting call;
    std::uint32_t server_boot = 0;  // that its request carries
    std::uint64_t first_sent = 0;
    std::uint64_t resend_at = 0;
    std::uint64_t wait_ms = 0;
  };

  [[nodiscard]] std::uint32_t oldest() const;
  [[nodiscard]] bool may_begin() const;
  [[nodiscard]] static bool may_have_been_executed(const Outstanding& o) {
    return o.server_boot != 0 && !rpc_once::is_idempotent(static_cast<std::uint8_t>(o.call.procedure));
  }
  void send(Outstanding& o, std::uint64_t now_ms, std::vector<Datagram>& out);
  void on_reply(const rpc_once::Message& reply, std::vector<Datagram>& out);
  void on_denied(const rpc_once::Message& denied, std::uint64_t now_ms, std::vector<Datagram>& out);
  void on_server_boot(std::uint32_t server_boot, std::uint64_t now_ms, std::vector<Datagram>& out);
  void acknowledge(const rpc_once::Message& reply, std::vector<Datagram>& out);

  const CallSettings settings_;
  std::uint32_t server_boot_ = 0;
  std::uint32_t next_number_ = 1;
  std::deque<Waiting> waiting_;
  std::map<std::uint32_t, Outstanding> outstanding_;  // by number
  std::vector<Outcome> outcomes_;
  std::uint64_t sent_again_ = 0;
  std::uint64_t repeated_replies_ = 0;
};

}  // namespace gl::rpc_client
