// One connection to the control socket: lines in, a line back for each, one at a time. Nothing here blocks, and what is
// kept is bounded: a line of kLongestLine bytes, and one answer.
// Units: milliseconds of the monotonic clock. Ownership: owns the descriptor. Thread: main core. Errors: a client that
// goes wrong is told, where it still reads, and closed.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lib/base/descriptor.h"

namespace gl::control {

// Asked again and again until it has the answer.
using LaterAnswer = std::function<std::optional<std::string>()>;
using ControlAnswer = std::variant<std::string, LaterAnswer>;
// One line in, without its end; the answer likewise.
using AnswerLine = std::function<ControlAnswer(std::string_view line)>;

class ControlClient {
 public:
  static constexpr std::size_t kLongestLine = 4096;
  static constexpr std::uint64_t kIdleMs = 10'000;  // without a whole line, or without taking any of its answer

  ControlClient(int descriptor, std::uint64_t now_ms) : socket_(descriptor), since_ms_(now_ms) {}

  [[nodiscard]] pollfd polled() const noexcept;
  // Does what can be done now. `ready`: what poll() said of it.
  void serve(short ready, std::uint64_t now_ms, const AnswerLine& answer);
  // One more line to it, and then its end.
  void refuse(std::string_view line);

  [[nodiscard]] bool is_over() const noexcept { return over_; }
  // Has asked for nothing that is still to be answered.
  [[nodiscard]] bool is_idle() const noexcept { return !later_ && out_.empty(); }
  [[nodiscard]] std::uint64_t since_ms() const noexcept { return since_ms_; }

 private:
  void receive();
  void answer_lines(std::uint64_t now_ms, const AnswerLine& answer);
  void take_later();
  void send_out(std::uint64_t now_ms);
  void say(std::string line);

  Descriptor socket_;
  std::uint64_t since_ms_;  // of the last thing that was done for it
  std::string in_;
  std::string out_;         // what is still to be sent
  LaterAnswer later_;       // empty: nothing is waited for
  bool heard_all_ = false;  // it will not send any more
  bool last_ = false;       // ends when `out_` is sent
  bool over_ = false;
};

}  // namespace gl::control
