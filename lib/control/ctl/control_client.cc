#include "lib/control/ctl/control_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace gl::control {

pollfd ControlClient::polled() const noexcept {
  // That the other end has gone is told without being asked for.
  const short wanted = later_ || heard_all_ ? short{0} : short{POLLIN};
  return {socket_.get(), out_.empty() ? wanted : short{POLLOUT}, 0};
}

void ControlClient::serve(short ready, std::uint64_t now_ms, const AnswerLine& answer) {
  if ((ready & (POLLERR | POLLNVAL)) != 0 || ((ready & POLLHUP) != 0 && !is_idle())) over_ = true;
  if (over_) return;
  if ((ready & (POLLIN | POLLHUP)) != 0 && is_idle()) receive();
  if (later_) take_later();
  if (!out_.empty()) send_out(now_ms);
  answer_lines(now_ms, answer);
  if (heard_all_ && is_idle()) over_ = true;
  if (!later_ && now_ms - since_ms_ >= kIdleMs) over_ = true;
}

void ControlClient::receive() {
  std::array<char, kLongestLine> part;
  const ssize_t length = recv(socket_.get(), part.data(), part.size(), 0);
  if (length > 0) {
    in_.append(part.data(), static_cast<std::size_t>(length));
  } else if (length == 0) {
    heard_all_ = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    over_ = true;
  }
}

void ControlClient::answer_lines(std::uint64_t now_ms, const AnswerLine& answer) {
  while (!over_ && !last_ && is_idle()) {
    const std::size_t end = in_.find('\n');
    if (std::min(end, in_.size()) > kLongestLine) {
      refuse(R"({"ok":false,"error":"a line has at most )" + std::to_string(kLongestLine) + R"( bytes"})");
      return send_out(now_ms);
    }
    if (end == std::string::npos) return;
    ControlAnswer given = answer(std::string_view(in_).substr(0, end));
    in_.erase(0, end + 1);
    if (auto* const text = std::get_if<std::string>(&given)) {
      say(std::move(*text));
    } else {
      later_ = std::move(std::get<LaterAnswer>(given));
      take_later();
    }
    if (!out_.empty()) send_out(now_ms);
  }
}

void ControlClient::take_later() {
  std::optional<std::string> text = later_();
  if (!text) return;
  later_ = nullptr;
  say(std::move(*text));
}

void ControlClient::say(std::string line) {
  out_ = std::move(line);
  out_ += '\n';
}

void ControlClient::refuse(std::string_view line) {
  later_ = nullptr;
  say(std::string(line));
  last_ = true;
}

void ControlClient::send_out(std::uint64_t now_ms) {
  const ssize_t sent = send(socket_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (sent < 0) {
    over_ = errno != EAGAIN && errno != EINTR;
    return;
  }
  since_ms_ = now_ms;
  out_.erase(0, static_cast<std::size_t>(sent));
  if (out_.empty() && last_) over_ = true;
}

}  // namespace gl::control
