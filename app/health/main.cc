// Announces the service's route while the node answers its own question (docs/scaling.md, "Health").
//   goldilocks-health [OPTION]... --up COMMAND --down COMMAND ADDRESS...
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>

#include "app/ctl/connection.h"
#include "app/health/command.h"
#include "app/health/options.h"
#include "app/health/standing.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"

namespace gl::health {
namespace {

constexpr int kWrongUsage = 2;
constexpr std::uint32_t kControlSeconds = 1;

void say(const std::string& what) {
  std::fprintf(stderr, "goldilocks-health: %s\n", what.c_str());
}

struct Seen {
  Round round = Round::answered;
  std::string why;
};

// What the server says of itself; it says so on another socket than clients use, so that alone proves nothing.
Seen ask_control(const std::string& socket) {
  const auto line = ctl::ask(socket, R"({"command":"health"})", kControlSeconds);
  if (!line) return {Round::failed, line.error()};
  const Json answer(json_loads(line->c_str(), 0, nullptr));
  if (answer == nullptr) return {Round::failed, socket + ": the answer is no JSON"};
  const std::string state = text_member(answer.get(), "state");
  if (state == "serving") return {};
  if (state == "draining" || state == "ending") return {Round::draining, "it says that it is " + state};
  return {Round::failed, socket + ": " + text_member(answer.get(), "error")};
}

Seen look(const Options& options) {
  if (options.control) {
    Seen seen = ask_control(options.socket);
    if (seen.round != Round::answered) return seen;
  }
  const Status status = ask_all(options.targets, options.question, options.timeout_ms);
  return status ? Seen{} : Seen{Round::failed, status.error()};
}

class Monitor {
 public:
  explicit Monitor(const Options& options) : options_(options), standing_(options.rise, options.fall) {}

  void look_once() {
    const Seen seen = look(options_);
    const State before = standing_.state();
    const State now = standing_.observe(seen.round);
    if (now != before) {
      say(now == State::up ? "up: it answers" : "down: " + seen.why);
      due_ = true;
    } else if (options_.repeat_seconds != 0 && now != State::unknown) {
      due_ = due_ || monotonic_ms() >= told_at_ + std::uint64_t{options_.repeat_seconds} * 1000;
    }
    if (due_) tell(now);
  }
  void end() { tell(State::down); }

 private:
  // A command that fails is run again in the next round.
  void tell(State state) {
    const Status status = run_command(state == State::up ? options_.up : options_.down, options_.command_ms);
    due_ = !status;
    told_at_ = monotonic_ms();
    if (!status) say(status.error());
  }

  const Options& options_;
  Standing standing_;
  bool due_ = false;
  std::uint64_t told_at_ = 0;
};

// False: a signal has come that ends us.
bool wait_until(std::uint64_t at_ms, const sigset_t& ending) {
  for (;;) {
    const std::uint64_t now = monotonic_ms();
    if (now >= at_ms) return true;
    const std::uint64_t left = at_ms - now;
    const timespec time{static_cast<time_t>(left / 1000), static_cast<long>(left % 1000 * 1000000)};
    if (sigtimedwait(&ending, nullptr, &time) > 0) return false;
  }
}

int watch(const Options& options) {
  sigset_t ending;
  sigemptyset(&ending);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, number);
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  Monitor monitor(options);
  std::uint64_t next = monotonic_ms();
  do {
    monitor.look_once();
    next = std::max(next + options.interval_ms, monotonic_ms() + 1);
  } while (wait_until(next, ending));
  monitor.end();
  return 0;
}

int run(int argc, char** argv) {
  auto options = parse_options(argc, argv);
  if (!options) {
    if (!options.error().empty()) say(options.error());
    std::fputs(kUsage, stderr);
    return kWrongUsage;
  }
  if (options->help) return std::fputs(kUsage, stdout), 0;
  if (options->socket.empty()) options->socket = ctl::default_socket(options->prefix);
  if (!options->once) return watch(*options);
  const Seen seen = look(*options);
  if (seen.round != Round::answered) say(seen.why);
  return seen.round == Round::answered ? 0 : 1;
}

}  // namespace
}  // namespace gl::health

int main(int argc, char** argv) try { return gl::health::run(argc, argv); } catch (const std::exception& e) {
  std::fprintf(stderr, "goldilocks-health: %s\n", e.what());
  return 1;
}
