// RPC with ACK, exactly once: whatever datagrams come, at whatever core and time, no call is executed twice, none
// without its request, and no sender draws more than three times what it sent.
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <vector>

#include "lib/services/rpc_once/rpc_once.h"
#include "tests/fuzz/check.h"

namespace {

using namespace gl::rpc_once;
using gl::Bytes;
using gl::MutableBytes;
using gl::fuzz::check;

constexpr std::uint32_t kBoot = 5;

class Sink final : public gl::DatagramSink {
 public:
  Sink(MutableBytes room, std::size_t allowance) : DatagramSink(room, allowance) {}
  [[nodiscard]] std::size_t sent() const { return sent_one() ? first_length() : 0; }

 private:
  MutableBytes further_room() noexcept override { return {}; }
  bool send_further(std::uint16_t, std::size_t) noexcept override { return false; }
  bool refuse() noexcept override {
    check(false, "an answer is no longer than its sender may draw");
    return false;
  }
};

class World final : public gl::DatagramSender {
 public:
  World() {
    shared_.server_boot = kBoot;
    for (int i = 0; i < 2; ++i) cores_.push_back(std::make_unique<RpcOnceService>(shared_, registry_, 16));
  }
  void receive(std::size_t core, std::uint16_t port, Bytes payload) {
    const auto message = parse_message(payload);
    if (message) check_message(*message, payload);
    Sink sink(room_, cores_[core]->allowance(payload.size()));
    const std::array<std::uint8_t, 4> address = {192, 0, 2, 1};
    gl::Datagram datagram{.peer = address.data(), .local = address.data(), .address_length = 4};
    datagram.peer_port = port;
    datagram.payload = payload;
    received_ += payload.size();
    cores_[core]->begin_burst(now_);
    cores_[core]->receive(datagram, sink);
    if (sink.sent() != 0) check_answer(sink.sent());
  }
  void pass(std::uint64_t ms) {
    for (const auto& core : cores_) {
      for (RpcOnceService::Execution e; core->take(e);) {
        const auto call = std::tuple(e.client, e.client_boot, e.handle.call);
        check(asked_.contains(call), "what is executed was asked for");
        // Behind the lifetime of an entry a number may come again, and does not in a network.
        const auto [at, first] = executed_.try_emplace(call, now_);
        check(first || now_ >= at->second + kClientLifetimeMs, "no call is executed twice");
        at->second = now_;
        core->finish({e.handle, ReplyStatus::success, 1});
      }
    }
    now_ += ms;
    for (const auto& core : cores_) {
      if (core->next_deadline() <= now_) core->on_time(now_, *this);
    }
  }
  MutableBytes room(const gl::Peer&) noexcept override { return room_; }
  void send(const gl::Peer&, std::uint16_t, std::size_t length) noexcept override { check_answer(length); }

 private:
  void check_message(const Message& message, Bytes payload) {
    std::array<std::uint8_t, kHeaderSize + kMaxBody> again;
    const std::size_t length = write_message(message, again);
    check(std::ranges::equal(Bytes(again).first(length), payload), "a message is its bytes");
    if (message.type == MessageType::request) asked_.emplace(message.client, message.client_boot, message.call);
  }
  void check_answer(std::size_t length) {
    const auto answer = parse_message(Bytes(room_).first(length));
    check(answer && answer->server_boot == kBoot, "an answer is a message");
    check(answer->type == MessageType::reply || answer->type == MessageType::denied, "of a server");
    sent_ += length;
    check(sent_ <= kAmplification * received_, "no more than three times what came");
  }

  gl::Registry registry_;
  RpcOnceService::Shared shared_;
  std::vector<std::unique_ptr<RpcOnceService>> cores_;
  std::array<std::uint8_t, 1500> room_{};
  std::set<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>> asked_;
  std::map<std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>, std::uint64_t> executed_;
  std::uint64_t now_ = 1000;
  std::size_t received_ = 0;
  std::size_t sent_ = 0;
};

// Few clients, boot counters and numbers, so that they meet: type, procedure, client, boot, server, number, oldest,
// length.
constexpr std::size_t kShortForm = 8;
std::vector<std::uint8_t> long_form(const std::uint8_t* at) {
  const std::array<std::uint8_t, 64> body{};
  const Message message{.type = static_cast<MessageType>(1 + at[0] % 4),
                        .procedure = at[1],
                        .client = 1u + at[2] % 20,
                        .client_boot = 1u + at[3] % 3,
                        .server_boot = at[4] % 8 == 0 ? at[4] / 8u : kBoot,
                        .call = at[5],
                        .oldest = at[6],
                        .body = Bytes(body).first(at[7] % 65)};
  std::vector<std::uint8_t> datagram(kHeaderSize + message.body.size());
  (void)write_message(message, datagram);
  return datagram;
}

}  // namespace

// A step is a byte that says what is done, and what it needs.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  for (std::size_t at = 0; at < size;) {
    const std::uint8_t step = data[at++];
    if (step % 8 < 5 && size - at >= kShortForm) {
      world.receive(step >> 7, static_cast<std::uint16_t>(40000 + step / 16), long_form(data + at));
      at += kShortForm;
    } else if (step % 8 == 5) {
      const std::size_t length = std::min<std::size_t>(size - at, step / 4u);
      world.receive(step >> 7, 40000, Bytes(data + at, length));
      at += length;
    } else {
      world.pass(step % 8 == 6 ? 1u + step : 1000u << (step / 32u));
    }
  }
  return 0;
}
