// A client by hand in front of one core of the server, and what it sends.
#pragma once

#include "tests/unit/rpc_once_world.h"

namespace gl::rpc_once {

inline constexpr std::uint64_t kClient = 0x0102030405060708;
inline constexpr std::uint32_t kBoot = 100;

inline Wire wire_of(const Message& message) {
  Wire wire(kHeaderSize + message.body.size());
  EXPECT_EQ(write_message(message, wire), wire.size());
  return wire;
}

// What a client sends when it is given this, and its time has come.
inline std::vector<Wire> step(Calls& client, const Wire& datagram, std::uint64_t now) {
  std::vector<Wire> out;
  client.receive(datagram, now, out);
  return out;
}
inline std::vector<Wire> begin(Calls& client, std::uint64_t now) {
  std::vector<Wire> out;
  client.on_time(now, out);
  return out;
}

// A client by hand, in front of one core.
struct Bench {
  Message request(std::uint32_t call, std::uint32_t oldest = 1, std::uint32_t boot = 1) const {
    return {.procedure = static_cast<std::uint8_t>(Procedure::append),
            .client = kClient,
            .client_boot = boot,
            .server_boot = kBoot,
            .call = call,
            .oldest = oldest,
            .body = bytes_of(line)};
  }
  Message ack(std::uint32_t call, std::uint32_t oldest = 1, std::uint32_t boot = 1) const {
    return {.type = MessageType::ack,
            .client = kClient,
            .client_boot = boot,
            .server_boot = kBoot,
            .call = call,
            .oldest = oldest};
  }
  // What comes back at once.
  std::vector<Wire> give(const Message& message, std::uint16_t port = 40000) {
    server.receive(0, wire_of(message), port, now);
    return sent();
  }
  // What comes back once the main core and the clock have had their turn.
  std::vector<Wire> later(std::uint64_t ms = 1) {
    server.execute();
    std::vector<Wire> all;
    for (const std::uint64_t end = now + ms; now < end;) {
      server.on_time(++now);
      for (Wire& wire : sent()) all.push_back(std::move(wire));
    }
    return all;
  }
  std::vector<Wire> sent() {
    std::vector<Wire> wires;
    for (auto& each : server.sent()) wires.push_back(std::move(each.datagram));
    return wires;
  }
  std::uint32_t executed() const { return static_cast<std::uint32_t>(server.journal.size()); }

  Server server{1, kBoot};
  std::uint64_t now = 1000;
  std::string line = "a line of ten or so";
};

}  // namespace gl::rpc_once
