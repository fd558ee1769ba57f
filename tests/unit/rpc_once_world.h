// A server of several cores, its main core, and what stands between it and clients: a channel that loses, duplicates
// and reorders datagrams, and gives each to whichever core it likes. Time is virtual, and all is told by a seed.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "app/rpc/calls.h"
#include "lib/services/rpc_once/rpc_once.h"

namespace gl::rpc_once {

using rpc_client::Calls;
using Wire = std::vector<std::uint8_t>;

inline Peer peer_of(std::uint16_t port) {
  Peer peer;
  peer.address = {192, 0, 2, 1};
  peer.address_length = 4;
  peer.port = port;
  peer.local_port = 5435;
  return peer;
}

// Takes what a service sends, in whichever way it does.
class Outbox final : public DatagramSender {
 public:
  struct Sent {
    std::uint16_t port = 0;
    Wire datagram;
  };
  class Sink final : public DatagramSink {
   public:
    Sink(MutableBytes room, std::size_t allowance) : DatagramSink(room, allowance) {}
    [[nodiscard]] std::size_t sent() const { return sent_one() ? first_length() : 0; }

   private:
    MutableBytes further_room() noexcept override { return {}; }
    bool send_further(std::uint16_t, std::size_t) noexcept override { return false; }
    bool refuse() noexcept override { return ADD_FAILURE() << "more than an unverified sender may draw", false; }
  };

  MutableBytes room(const Peer&) noexcept override { return room_; }
  void send(const Peer& peer, std::uint16_t, std::size_t length) noexcept override { add(peer.port, length); }
  void give(RpcOnceService& core, Bytes payload, std::uint16_t port) {
    Sink sink(room_, core.allowance(payload.size()));
    const std::array<std::uint8_t, 4> address = {192, 0, 2, 1};
    Datagram datagram{.peer = address.data(), .local = address.data(), .link = address.data(), .address_length = 4};
    datagram.peer_port = port;
    datagram.local_port = 5435;
    datagram.payload = payload;
    core.receive(datagram, sink);
    if (sink.sent() != 0) add(port, sink.sent());
  }
  std::vector<Sent> take() { return std::exchange(sent_, {}); }

 private:
  void add(std::uint16_t port, std::size_t length) {
    sent_.push_back({port, {room_.begin(), room_.begin() + static_cast<std::ptrdiff_t>(length)}});
  }
  std::array<std::uint8_t, 1500> room_{};
  std::vector<Sent> sent_;
};

// The server: cores, and a main core with a journal in memory.
class Server {
 public:
  explicit Server(std::size_t cores, std::uint32_t boot = 100, std::size_t clients = 64) {
    shared_.server_boot = boot;
    shared_.seed = 0x1234567;
    for (std::size_t i = 0; i < cores; ++i) {
      cores_.push_back(std::make_unique<RpcOnceService>(shared_, registry_, clients));
    }
  }
  void receive(std::size_t core, Bytes payload, std::uint16_t port, std::uint64_t now) {
    cores_[core]->begin_burst(now);
    outbox_.give(*cores_[core], payload, port);
  }
  // Every core's turn, where it is due.
  void on_time(std::uint64_t now) {
    for (const auto& core : cores_) {
      if (core->next_deadline() <= now) core->on_time(now, outbox_);
    }
  }
  void execute() {
    for (const auto& core : cores_) {
      for (RpcOnceService::Execution execution; core->take(execution);) {
        if (disk_full) {
          core->finish({execution.handle, ReplyStatus::not_executed, 0});
          continue;
        }
        journal.emplace_back(execution.line.data(), execution.length);
        shared_.lines = journal.size();
        core->finish({execution.handle, ReplyStatus::success, journal.size()});
      }
    }
  }
  std::vector<Outbox::Sent> sent() { return outbox_.take(); }
  [[nodiscard]] std::uint64_t counter(std::string_view name) const {
    struct Reader final : CounterReader {
      void read(std::string_view each, std::uint64_t value, std::string_view) override {
        found += each == wanted ? value : 0;
      }
      std::string_view wanted;
      std::uint64_t found = 0;
    } reader;
    reader.wanted = name;
    for (const auto& core : cores_) core->read_counters(reader);
    return reader.found;
  }
  [[nodiscard]] std::size_t cores() const { return cores_.size(); }

  std::vector<std::string> journal;
  bool disk_full = false;

 private:
  Registry registry_;
  RpcOnceService::Shared shared_;
  Outbox outbox_;
  std::vector<std::unique_ptr<RpcOnceService>> cores_;
};

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace gl::rpc_once
