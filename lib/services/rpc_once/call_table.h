// The reply cache of one core: what it knows of the calls of each client, so that none is executed twice.
// An entry is a client. It has the numbers from `base` on, as many as kWindow; those before are finished. Of a call
// whose reply was acknowledged the number is kept until the base has passed it: a request may still be on its way.
// Units: milliseconds, bytes. Ownership: owns its entries, all made once. Thread: that core only. Errors: by value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/service/datagram_service.h"
#include "lib/services/rpc_once/message.h"

namespace gl::rpc_once {

// Longer than anything of a client may come after it: a client gives a call up 60 s after it has first sent it, and no
// datagram lives longer than 120 s in the network (RFC 9293 section 3.4.1: MSL).
inline constexpr std::uint64_t kClientLifetimeMs = 300'000;
// The server sends a reply again by itself after 1, 2 and 4 s, as far as its budget goes.
inline constexpr std::uint64_t kResendMs = 1000;
inline constexpr std::uint8_t kMaxResends = 3;
// To an address that may be forged: a call draws no more bytes than so many times those of its last request.
inline constexpr std::uint32_t kAmplification = 3;

struct Call {
  enum class State : std::uint8_t { unknown, executing, replied, acknowledged };
  std::uint64_t value = 0;      // what it returned
  std::uint64_t resend_at = 0;  // where `replied`
  std::uint32_t number = 0;
  std::uint32_t budget = 0;  // bytes that may still be sent for it
  ReplyStatus status = ReplyStatus::success;
  State state = State::unknown;
  std::uint8_t resends = 0;

  // Whether so many bytes may be sent for it; they are then.
  [[nodiscard]] bool charge(std::size_t bytes) noexcept {
    if (bytes > budget) return false;
    budget -= static_cast<std::uint32_t>(bytes);
    return true;
  }
};

// Names an execution: of an entry that has served another client or boot since, it names nothing.
struct CallHandle {
  std::uint32_t entry = 0;
  std::uint32_t generation = 0;
  std::uint32_t call = 0;
};

class CallTable {
 public:
  enum class Admission : std::uint8_t {
    execute,         // its first request: `call` is `executing` now
    executing,       // it is being executed
    repeat,          // the reply is to be sent again
    finished,        // it was acknowledged, or the client has gone on without it
    outside_window,  // the client has more outstanding than it may have
    old_client,      // a client of the same id has been started since
    full,            // no entry is free
  };
  struct Client {
    std::uint64_t id = 0;
    std::uint64_t heard_at = 0;
    std::uint32_t boot = 0;
    std::uint32_t base = 0;
    std::uint32_t generation = 0;
    Peer peer;  // the sender of its last request
    std::array<Call, kWindow> calls;
  };
  struct Admitted {
    Admission what = Admission::full;
    Client* client = nullptr;
    Call* call = nullptr;
    CallHandle handle{};
  };

  // `clients`: a power of two, from kWays on. `seed`: random, so that nobody chooses ids that get in each other's way.
  CallTable(std::size_t clients, std::uint64_t seed);

  [[nodiscard]] Admitted admit(const Message& request, const Peer& peer, std::size_t received,
                               std::uint64_t now_ms) noexcept;
  // It is not executed after all: its next request is again the first.
  static void withdraw(Call& call) noexcept { call.state = Call::State::unknown; }
  // False: no such call waits for it.
  bool acknowledge(const Message& ack, std::uint64_t now_ms) noexcept;
  // What was executed returned. Null: nobody waits for it any more.
  [[nodiscard]] Admitted complete(const CallHandle& handle, ReplyStatus status, std::uint64_t value,
                                  std::uint64_t now_ms) noexcept;
  // Gives `resend(client, call)` each reply whose time has come.
  template <class Resend>
  void resend_due(std::uint64_t now_ms, Resend resend) noexcept {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (resend_at_[i] <= now_ms) resend_entry(i, now_ms, resend);
    }
  }

  static constexpr std::size_t kWays = 8;

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  [[nodiscard]] Client* find(std::uint64_t id) noexcept;
  [[nodiscard]] Client* find_or_begin(const Message& request, std::uint64_t now_ms) noexcept;
  void begin(Client& client, const Message& request) noexcept;
  [[nodiscard]] std::size_t first_way(std::uint64_t id) const noexcept;
  [[nodiscard]] std::size_t index_of(const Client& client) const noexcept {
    return static_cast<std::size_t>(&client - clients_.data());
  }
  void schedule(const Client& client, std::uint64_t at) noexcept {
    std::uint64_t& earliest = resend_at_[index_of(client)];
    earliest = at < earliest ? at : earliest;
  }

  template <class Resend>
  void resend_entry(std::size_t index, std::uint64_t now_ms, Resend& resend) noexcept {
    Client& client = clients_[index];
    resend_at_[index] = kNever;
    for (Call& call : client.calls) {
      if (call.state != Call::State::replied || call.number < client.base || call.resends == kMaxResends) continue;
      if (call.resend_at <= now_ms) {
        ++call.resends;
        call.resend_at = now_ms + (kResendMs << call.resends);
        resend(client, call);
      }
      schedule(client, call.resend_at);
    }
  }

  std::vector<Client> clients_;
  std::vector<std::uint64_t> resend_at_;  // of each entry, the earliest or before
  const std::uint64_t seed_;
};

// Spreads ids evenly, in a way that nobody knows who has not the seed.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t id, std::uint64_t seed) noexcept {
  std::uint64_t x = id ^ seed;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace gl::rpc_once
