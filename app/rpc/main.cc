// The client of RPC with ACK, exactly once (docs/rpc-once.md).
//   goldilocks-rpc [-4|-6] [-s NAMESERVER] [-p PORT] [--outstanding N] [--boot FILE] HOST PROCEDURE [TEXT]...
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "app/rpc/calls.h"
#include "app/rpc/identity.h"
#include "app/rpc/options.h"
#include "lib/base/clock.h"

namespace gl::rpc_client {
namespace {

using rpc_once::Procedure;
using rpc_once::ReplyStatus;

constexpr int kFailed = 1;
constexpr int kUncertain = 3;

int fail(const std::string& what) {
  std::cerr << "goldilocks-rpc: " << what << '\n';
  return kFailed;
}

// The socket, and the datagrams that it is to lose.
class Channel {
 public:
  Channel(int s, const Options& options) : socket_(s), loss_percent_(options.loss_percent), random_(options.seed) {}

  void send(const std::vector<Datagram>& datagrams) {
    for (const Datagram& datagram : datagrams) {
      // That nobody listens is said of an earlier one; it counts as lost, as this one may.
      if (!loses() && ::send(socket_, datagram.data(), datagram.size(), 0) < 0 && errno == ECONNREFUSED)
        refused_ = true;
    }
  }
  // Waits for up to so long. Nothing: nothing came, or it was lost.
  std::optional<Datagram> receive(std::uint64_t wait_ms) {
    pollfd heard{socket_, POLLIN, 0};
    if (poll(&heard, 1, static_cast<int>(std::min<std::uint64_t>(wait_ms, 1000))) <= 0) return std::nullopt;
    Datagram datagram(rpc_once::kHeaderSize + rpc_once::kMaxBody + 1);
    const ssize_t length = recv(socket_, datagram.data(), datagram.size(), 0);
    if (length < 0 && errno == ECONNREFUSED) refused_ = true;
    if (length < 0 || loses()) return std::nullopt;
    datagram.resize(static_cast<std::size_t>(length));
    return datagram;
  }
  [[nodiscard]] bool refused() const { return refused_; }

 private:
  bool loses() { return random_() % 100 < loss_percent_; }

  const int socket_;
  const std::uint32_t loss_percent_;
  std::mt19937 random_;
  bool refused_ = false;
};

// What came of the calls, in their order.
class Report {
 public:
  explicit Report(Procedure procedure) : procedure_(procedure) {}

  void add(std::uint32_t call, std::string text) { texts_[call] = std::move(text); }
  void take(const Outcome& outcome) {
    outcomes_[outcome.call] = outcome;
    for (auto it = outcomes_.find(next_); it != outcomes_.end(); it = outcomes_.find(++next_)) say(it->second);
  }
  [[nodiscard]] int status() const { return status_; }

 private:
  void problem(const Outcome& outcome, const char* what, int status) {
    (void)fail("call " + std::to_string(outcome.call) + ", '" + texts_[outcome.call] + "': " + what);
    status_ = std::max(status_, status);
  }
  void say(const Outcome& outcome) {
    switch (outcome.kind) {
      case Outcome::Kind::replied:
        return say_reply(outcome);
      case Outcome::Kind::uncertain:
        return problem(outcome, "the server was started anew: it was executed once, or not at all", kUncertain);
      case Outcome::Kind::gave_up:
        return problem(outcome, "no answer: it was executed once, or not at all", kFailed);
      case Outcome::Kind::never_executed:
        return problem(outcome, "no answer", kFailed);
      case Outcome::Kind::old_client:
        return problem(outcome, "not executed: the server knows a later start of this client; the boot file is old",
                       kFailed);
    }
  }
  void say_reply(const Outcome& outcome) {
    constexpr const char* kWhy[] = {"", "the server has no such procedure", "the server does not take it",
                                    "not executed: the server cannot write its journal"};
    if (outcome.status != ReplyStatus::success) {
      const auto status = static_cast<std::size_t>(outcome.status);
      return problem(outcome, status < std::size(kWhy) ? kWhy[status] : "refused", kFailed);
    }
    if (procedure_ == Procedure::echo) {
      std::cout.write(reinterpret_cast<const char*>(outcome.result.data()),
                      static_cast<std::streamsize>(outcome.result.size()));
      std::cout << std::endl;
      return;
    }
    if (outcome.result.size() != 8) return problem(outcome, "its result is no number", kFailed);
    const std::uint64_t number = load_be<std::uint64_t>(outcome.result.data());
    if (procedure_ == Procedure::append && !numbers_.insert(number).second) {
      return problem(outcome, "another call returned the same number", kFailed);
    }
    std::cout << number << (procedure_ == Procedure::append ? " " + texts_[outcome.call] : "") << std::endl;
  }

  const Procedure procedure_;
  std::map<std::uint32_t, std::string> texts_;
  std::map<std::uint32_t, Outcome> outcomes_;
  std::set<std::uint64_t> numbers_;
  std::uint32_t next_ = 1;
  int status_ = 0;
};

int run(const Options& options, Calls& calls, Report& report) {
  const auto server = connect_to(options.host, options.port, options.lookup);
  if (!server) return fail(server.error());
  Channel channel(server->socket, options);
  while (!calls.finished()) {
    std::vector<Datagram> out;
    calls.on_time(monotonic_ms(), out);
    channel.send(out);
    out.clear();
    const std::uint64_t now = monotonic_ms();
    if (const auto heard = channel.receive(calls.deadline() > now ? calls.deadline() - now : 0)) {
      calls.receive(*heard, monotonic_ms(), out);
      channel.send(out);
    }
    for (const Outcome& outcome : calls.take_outcomes()) report.take(outcome);
  }
  close(server->socket);
  if (calls.server_boot() == 0 && channel.refused()) (void)fail("nobody listens at " + server->where);
  return report.status();
}

bool submit(const Options& options, Calls& calls, Report& report) {
  std::vector<std::string> texts = options.texts;
  if (options.procedure == Procedure::count) texts = {""};
  if (texts.empty()) {
    for (std::string line; std::getline(std::cin, line);) texts.push_back(line);
  }
  for (std::string& text : texts) {
    const bool too_short = options.procedure == Procedure::append && text.empty();
    if (too_short || text.size() > rpc_once::kMaxBody) {
      (void)fail(too_short ? "an empty line cannot be appended" : "a text is longer than 1024 bytes");
      return false;
    }
    const Bytes arguments(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    const std::uint32_t call = calls.submit(options.procedure, arguments);
    report.add(call, std::move(text));
  }
  return true;
}

}  // namespace
}  // namespace gl::rpc_client

int main(int argc, char** argv) {
  using namespace gl::rpc_client;
  const auto options = parse_options(argc, argv);
  if (!options || options->help) {
    std::fputs(kUsage, options ? stdout : stderr);
    return options ? 0 : 2;
  }
  const auto identity = Identity::next(options->boot_file);
  if (!identity) return fail(identity.error());
  Calls calls({.client = identity->id(),
               .client_boot = identity->boot(),
               .outstanding = options->outstanding,
               .give_up_ms = std::uint64_t{options->wait_seconds} * 1000});
  Report report(options->procedure);
  if (!submit(*options, calls, report)) return 2;
  const int status = run(*options, calls, report);
  if (options->statistics) {
    std::cerr << "requests sent again: " << calls.sent_again()
              << ", replies that came again: " << calls.repeated_replies() << '\n';
  }
  return status;
}
