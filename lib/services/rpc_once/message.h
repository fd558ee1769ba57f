// The messages of RPC with ACK, exactly once: request[N], reply[N], ACK[N], denied. docs/rpc-once.md is the definition.
// Units: bytes. Byte order: wire in spans, host in Message. Ownership: a body is a view of the datagram. Thread: pure
// functions. Errors: nothing where a datagram is no message. Source: Dordal, An Introduction to Computer Networks,
// "Remote Procedure Call (RPC)".
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"

namespace gl::rpc_once {

inline constexpr std::uint32_t kMagic = 0x474c5231;  // "GLR1"
inline constexpr std::size_t kHeaderSize = 32;
inline constexpr std::size_t kMaxBody = 1024;
// A client's outstanding calls lie within so many numbers, from its oldest on.
inline constexpr std::uint32_t kWindow = 32;

enum class MessageType : std::uint8_t { request = 1, reply = 2, ack = 3, denied = 4 };
enum class Procedure : std::uint8_t { echo = 1, append = 2, count = 3 };
enum class ReplyStatus : std::uint16_t { success = 0, unknown_procedure = 1, bad_arguments = 2, not_executed = 3 };
enum class DenyReason : std::uint16_t { server_boot = 1, client_boot = 2 };

// Whether the procedure may be executed twice without harm: the server keeps nothing of such a call.
[[nodiscard]] constexpr bool is_idempotent(std::uint8_t procedure) noexcept {
  return procedure != static_cast<std::uint8_t>(Procedure::append);
}

struct Message {
  MessageType type = MessageType::request;
  std::uint8_t procedure = 0;     // request, reply
  std::uint16_t status = 0;       // reply: ReplyStatus; denied: DenyReason
  std::uint64_t client = 0;       // drawn at random, and kept for as long as the boot counter is
  std::uint32_t client_boot = 0;  // of the request, in all that belongs to it
  std::uint32_t server_boot = 0;  // request, ACK: as the client knows it, 0: not at all
  std::uint32_t call = 0;         // N
  std::uint32_t oldest = 0;       // request, ACK: the calls before this one are finished, or given up
  Bytes body{};                   // request: arguments; reply: results
};

namespace detail {
[[nodiscard]] inline bool is_sound(const Message& m) noexcept {
  if (m.client == 0 || m.client_boot == 0 || m.call == 0) return false;
  switch (m.type) {
    case MessageType::request:
      return m.status == 0 && m.oldest >= 1 && m.oldest <= m.call;
    case MessageType::reply:
      return m.server_boot != 0 && m.oldest == 0;
    case MessageType::ack:
      return m.procedure == 0 && m.status == 0 && m.oldest >= 1 && m.server_boot != 0 && m.body.empty();
    case MessageType::denied:
      return m.procedure == 0 && m.status != 0 && m.server_boot != 0 && m.oldest == 0 && m.body.empty();
  }
  return false;
}
}  // namespace detail

[[nodiscard]] inline std::optional<Message> parse_message(Bytes datagram) noexcept {
  if (datagram.size() < kHeaderSize || datagram.size() > kHeaderSize + kMaxBody) return std::nullopt;
  const std::uint8_t* const at = datagram.data();
  if (load_be<std::uint32_t>(at) != kMagic || at[4] < 1 || at[4] > 4) return std::nullopt;
  const Message message{.type = static_cast<MessageType>(at[4]),
                        .procedure = at[5],
                        .status = load_be<std::uint16_t>(at + 6),
                        .client = load_be<std::uint64_t>(at + 8),
                        .client_boot = load_be<std::uint32_t>(at + 16),
                        .server_boot = load_be<std::uint32_t>(at + 20),
                        .call = load_be<std::uint32_t>(at + 24),
                        .oldest = load_be<std::uint32_t>(at + 28),
                        .body = datagram.subspan(kHeaderSize)};
  if (!detail::is_sound(message)) return std::nullopt;
  return message;
}

// How many bytes were written; 0: `out` has no room.
[[nodiscard]] inline std::size_t write_message(const Message& message, MutableBytes out) noexcept {
  const std::size_t length = kHeaderSize + message.body.size();
  if (out.size() < length) return 0;
  std::uint8_t* const at = out.data();
  store_be(at, kMagic);
  at[4] = static_cast<std::uint8_t>(message.type);
  at[5] = message.procedure;
  store_be(at + 6, message.status);
  store_be(at + 8, message.client);
  store_be(at + 16, message.client_boot);
  store_be(at + 20, message.server_boot);
  store_be(at + 24, message.call);
  store_be(at + 28, message.oldest);
  std::ranges::copy(message.body, at + kHeaderSize);
  return length;
}

}  // namespace gl::rpc_once
