// A forwarding service with everything around it played: the link to the backends, the TCP helper, the clients.
// Ownership: the fixture's. Thread: one.
#pragma once

#include <deque>
#include <memory>

#include "lib/backend/forwarder.h"
#include "lib/services/dns/forward.h"
#include "tests/unit/forward_messages.h"

namespace gl::test {

class PlayedTx final : public backend::BackendTx {
 public:
  struct Sent {
    unsigned backend;
    std::uint16_t source_port;
    Message payload;
  };
  [[nodiscard]] bool reachable(unsigned) const noexcept override { return true; }
  [[nodiscard]] std::uint16_t source_port(unsigned, std::uint32_t random) const noexcept override {
    return static_cast<std::uint16_t>(1024 + random % 60000);
  }
  [[nodiscard]] MutableBytes begin(unsigned backend) noexcept override {
    backend_ = backend;
    return buffer_;
  }
  void send(std::uint16_t port, std::size_t length) noexcept override {
    sent.push_back({backend_, port, Message(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(length))});
  }
  std::deque<Sent> sent;

 private:
  unsigned backend_ = 0;
  std::array<std::uint8_t, 1452> buffer_{};
};

// One job, given back at once with what the test wants.
class PlayedTcp final : public backend::TcpJobs {
 public:
  PlayedTcp() { job_.reply = std::make_unique<std::uint8_t[]>(backend::TcpJob::kMaxReply); }
  [[nodiscard]] backend::TcpJob* take() noexcept override { return std::exchange(free_, nullptr); }
  void submit(backend::TcpJob* job) noexcept override {
    asked.emplace_back(job->query.begin(), job->query.begin() + job->query_length);
  }
  [[nodiscard]] backend::TcpJob* completed() noexcept override { return std::exchange(done_, nullptr); }
  void give_back(backend::TcpJob* job) noexcept override { free_ = job; }

  void answer(const Message& framed) {
    std::copy(framed.begin(), framed.end(), job_.reply.get());
    job_.reply_length = static_cast<std::uint32_t>(framed.size());
    job_.result = backend::TcpJob::Result::answered;
    done_ = &job_;
  }
  std::deque<Message> asked;

 private:
  backend::TcpJob job_;
  backend::TcpJob* free_ = &job_;
  backend::TcpJob* done_ = nullptr;
};

inline Message framed(const Message& m) {
  Message f;
  put16(f, static_cast<unsigned>(m.size()));
  return joined(f, m);
}

class ForwardBench {
 public:
  explicit ForwardBench(backend::ForwardSettings settings) : settings_(std::move(settings)) { forwarder.tick(0); }

  // One backend at 192.0.2.10 for each of the suffixes.
  static backend::ForwardSettings pools(const std::vector<std::string>& suffixes) {
    backend::ForwardSettings settings;
    settings.health_interval_ms = 0;
    settings.store_mb = 1;
    settings.tries = 1;
    for (const std::string& suffix : suffixes) {
      settings.pools.push_back({wire_name(suffix), {static_cast<unsigned>(settings.backends.size())}});
      backend::BackendSettings one;
      one.name = suffix;
      one.address = kBackend;
      settings.backends.push_back(one);
    }
    return settings;
  }

  Answer stream(const Message& request, Message& out, RequestContext context = {}) {
    context.flow = flow_;
    out.assign(kMaxRenderedAnswer, 0);
    const Answer reply = service.answer(request, out, context);
    out.resize(reply.kind == Answer::Kind::answered ? reply.length : 0);
    return reply;
  }
  Answer datagram(const Message& request, Message& out, std::size_t room = 1472) {
    out.assign(room, 0);
    const Answer reply = service.answer_datagram(request, out, {.flow = flow_});
    out.resize(reply.kind == Answer::Kind::answered ? reply.length : 0);
    return reply;
  }
  // The backend answers the oldest question with this message, whose ID is set right.
  backend::Forwarder::ReplyEnd backend_says(Message reply) {
    const PlayedTx::Sent asked = link.sent.front();
    link.sent.pop_front();
    std::copy_n(asked.payload.begin(), 2, reply.begin());
    return forwarder.take_reply(reply, kBackend.bytes, 53, asked.source_port);
  }
  void tick(std::uint64_t milliseconds) {
    now_us_ += milliseconds * 1000;
    forwarder.tick(now_us_);
  }

  static constexpr wire::Ipv4Address kBackend{{192, 0, 2, 10}};

 private:
  backend::ForwardSettings settings_;
  Message flow_ = flow_v4();
  std::uint64_t now_us_ = 0;

 public:
  PlayedTx link;
  PlayedTcp tcp;
  backend::Forwarder forwarder{settings_, link, &tcp, 1600};
  services::DnsForwardService service{forwarder};
};

}  // namespace gl::test
