// One core's forwarder with nothing around it: a link that keeps what is sent, a TCP helper that answers when it is
// told to, and a clock that stands still. Byte order: wire in messages.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "lib/backend/forwarder.h"
#include "lib/base/endian.h"

namespace gl::backend::test {

using Message = std::vector<std::uint8_t>;

struct Sent {
  unsigned backend = 0;
  std::uint16_t port = 0;
  Message payload;
  [[nodiscard]] std::uint16_t id() const { return load_be<std::uint16_t>(payload.data()); }
};

class FakeTx final : public BackendTx {
 public:
  std::deque<Sent> sent;
  std::vector<bool> no_way = std::vector<bool>(kMaxBackends);
  bool asks_for_way = false;
  bool no_buffer = false;

  [[nodiscard]] bool reachable(unsigned backend) const noexcept override { return !no_way[backend]; }
  [[nodiscard]] bool resolving(unsigned backend) const noexcept override { return asks_for_way && no_way[backend]; }
  [[nodiscard]] std::uint16_t source_port(unsigned, std::uint32_t random) const noexcept override {
    return static_cast<std::uint16_t>(1024 + random % 60000);
  }
  [[nodiscard]] MutableBytes begin(unsigned backend) noexcept override {
    if (no_buffer || no_way[backend]) return {};
    backend_ = backend;
    return buffer_;
  }
  void send(std::uint16_t source_port, std::size_t length) noexcept override {
    sent.push_back({backend_, source_port, Message(buffer_.begin(), buffer_.begin() + static_cast<long>(length))});
  }

 private:
  unsigned backend_ = 0;
  std::array<std::uint8_t, 1400> buffer_{};
};

class FakeJobs final : public TcpJobs {
 public:
  explicit FakeJobs(std::size_t count) : all_(count) {
    for (TcpJob& job : all_) {
      job.reply = std::make_unique<std::uint8_t[]>(TcpJob::kMaxReply);
      free.push_back(&job);
    }
  }
  std::vector<TcpJob*> free;
  std::deque<TcpJob*> under_way;
  std::deque<TcpJob*> done;

  [[nodiscard]] TcpJob* take() noexcept override {
    if (free.empty()) return nullptr;
    TcpJob* const job = free.back();
    free.pop_back();
    return job;
  }
  void submit(TcpJob* job) noexcept override { under_way.push_back(job); }
  [[nodiscard]] TcpJob* completed() noexcept override {
    if (done.empty()) return nullptr;
    TcpJob* const job = done.front();
    done.pop_front();
    return job;
  }
  void give_back(TcpJob* job) noexcept override { free.push_back(job); }

  // The oldest under way ends so; `message` goes behind its length.
  void finish(TcpJob::Result result, const Message& message = {}) {
    ASSERT_FALSE(under_way.empty());
    TcpJob* const job = under_way.front();
    under_way.pop_front();
    job->result = result;
    job->reply_length = static_cast<std::uint32_t>(2 + message.size());
    store_be(job->reply.get(), static_cast<std::uint16_t>(message.size()));
    if (!message.empty()) std::memcpy(job->reply.get() + 2, message.data(), message.size());
    done.push_back(job);
  }

 private:
  std::vector<TcpJob> all_;
};

inline std::string numbered(char letter, unsigned number) {
  std::string label(1, letter);
  label.append(std::to_string(number));
  return label;
}

inline Message name_of(const std::string& label) {
  Message name(label.size() + 2);
  name[0] = static_cast<std::uint8_t>(label.size());
  std::memcpy(name.data() + 1, label.data(), label.size());
  return name;
}

inline Message query_for(const std::string& label, std::uint16_t id, std::uint8_t opcode = 0, std::uint16_t type = 1,
                         std::size_t padding = 0) {
  Message m(12);
  store_be(m.data(), id);
  m[2] = static_cast<std::uint8_t>(opcode << 3 | (opcode == 0 ? 1 : 0));
  m[5] = 1;
  const Message name = name_of(label);
  m.insert(m.end(), name.begin(), name.end());
  m.push_back(static_cast<std::uint8_t>(type >> 8));
  m.push_back(static_cast<std::uint8_t>(type));
  m.push_back(0);
  m.push_back(1);
  if (padding != 0) {  // an option of its own, private use
    const Message opt{0, 0, 41, 4, 208, 0, 0, 0, 0};
    m[11] = 1;
    m.insert(m.end(), opt.begin(), opt.end());
    const std::size_t length = padding + 4;
    m.insert(m.end(), {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length), 0xff, 0x01,
                       static_cast<std::uint8_t>(padding >> 8), static_cast<std::uint8_t>(padding)});
    m.insert(m.end(), padding, 7);
  }
  return m;
}

// A reply to `query`: its question, and one A record whose last byte is `last`, TTL 300, `bulk` bytes of NULL behind
// it.
inline Message reply_to(const Message& query, std::uint8_t last, std::uint16_t flags = 0x8180, std::size_t bulk = 0) {
  std::size_t end = 12;
  while (query[end] != 0) end += 1U + query[end];
  end += 5;
  Message m(query.begin(), query.begin() + static_cast<long>(end));
  store_be(m.data() + 2, static_cast<std::uint16_t>(flags | (query[2] & 0x78) << 8));
  std::memset(m.data() + 6, 0, 6);
  if ((flags & 0xf) != 0 || (flags & 0x200) != 0) return m;
  m[7] = 1;
  m.insert(m.end(), {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, last});
  while (bulk > 0) {
    const std::size_t part = std::min<std::size_t>(bulk, 60000);
    ++m[7];
    m.insert(m.end(), {0xc0, 12, 0, 10, 0, 1, 0, 0, 1, 44, static_cast<std::uint8_t>(part >> 8),
                       static_cast<std::uint8_t>(part)});
    m.insert(m.end(), part, last);
    bulk -= part;
  }
  return m;
}

inline std::array<std::uint8_t, 4> address_of(unsigned backend) {
  return {198, 51, 100, static_cast<std::uint8_t>(backend + 1)};
}

inline ForwardSettings settings_for(unsigned backends) {
  ForwardSettings settings;
  PoolSettings pool{.suffix = {0}, .backends = {}};
  for (unsigned i = 0; i < backends; ++i) {
    BackendSettings backend;
    backend.address = wire::Ipv4Address{address_of(i)};
    settings.backends.push_back(backend);
    pool.backends.push_back(i);
  }
  settings.pools.push_back(pool);
  settings.slots = 64;
  settings.waiting = 64;
  settings.store_mb = 1;
  settings.health_interval_ms = 0;
  return settings;
}

// One request of a client.
struct Client {
  std::array<std::uint8_t, 12> flow{192, 0, 2, 1, 203, 0, 113, 1, 0x30, 0x39, 0, 53};
  std::uint32_t position = 1000;
  bool stream = true;
  Message query;

  explicit Client(unsigned number, const std::string& label = "a", bool over_tcp = true) : stream(over_tcp) {
    flow[3] = static_cast<std::uint8_t>(number);
    flow[8] = static_cast<std::uint8_t>(number >> 8);
    query = query_for(label, static_cast<std::uint16_t>(number + 77));
  }
};

class ForwarderTest : public testing::Test {
 protected:
  void make(ForwardSettings given, std::size_t job_count = 4) {
    settings = std::move(given);
    jobs = std::make_unique<FakeJobs>(job_count);
    forwarder = std::make_unique<Forwarder>(settings, link, job_count != 0 ? jobs.get() : nullptr, 256);
    pass_ms(0);
  }
  void pass_ms(std::uint64_t ms) {
    now_us += ms * 1000;
    forwarder->tick(now_us);
  }

  QueryResult ask(const Client& client, bool continuation = false, bool early = false) {
    EXPECT_EQ(parse_client_query(client.query, query_), dns::Rcode::noerror);
    const QueryResult result = forwarder->ask(
        query_, 0, client.stream,
        {.continuation = continuation, .early = early, .flow = client.flow, .position = client.position});
    ticket_ = result.ticket;
    return result;
  }
  void prepare(const Client& client) {
    EXPECT_EQ(parse_client_query(client.query, query_), dns::Rcode::noerror);
    forwarder->prepare(query_, 0, {.flow = client.flow, .position = client.position});
  }
  // What asked last waits, once.
  Forwarder::Suspend suspend(const Message& frame = Message(60, 1)) {
    const Forwarder::Suspend end = forwarder->suspend({.frame = frame}, ticket_);
    ticket_.slot = Ticket::kNone;
    return end;
  }
  // Asks and waits: true if it has to.
  bool ask_and_park(const Client& client) {
    if (ask(client).kind != QueryResult::Kind::pending) return false;
    EXPECT_EQ(suspend(), Forwarder::Suspend::suspended);
    return true;
  }
  Sent take_sent() {
    EXPECT_FALSE(link.sent.empty());
    if (link.sent.empty()) return {};
    Sent sent = std::move(link.sent.front());
    link.sent.pop_front();
    return sent;
  }
  Forwarder::ReplyEnd deliver(const Sent& to, const Message& reply) {
    return forwarder->take_reply(reply, address_of(to.backend), 53, to.port);
  }
  // The one who waits next is resumed, and asks again.
  QueryResult resume_and_ask(const Client& client) {
    EXPECT_NE(forwarder->resume(), nullptr);
    const QueryResult asked = ask(client);
    forwarder->release();
    return asked;
  }
  static int last_byte(const QueryResult& asked) {
    return asked.reply.message.empty() ? -1 : asked.reply.message.back();
  }

  std::uint64_t now_us = 5'000'000'000;
  ForwardSettings settings;
  FakeTx link;
  std::unique_ptr<FakeJobs> jobs;
  std::unique_ptr<Forwarder> forwarder;

  Ticket ticket_;

 private:
  ClientQuery query_;
};

}  // namespace gl::backend::test
