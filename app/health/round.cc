#include "app/health/round.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "lib/base/clock.h"
#include "lib/base/descriptor.h"
#include "lib/base/endian.h"

namespace gl::health {
namespace {

constexpr std::size_t kPrefix = 2;

// One question on its way. Over TCP what is sent and read has the length in front (RFC 1035 section 4.2.2).
class Asking {
 public:
  Asking(const Endpoint& target, bool tcp, const Message& question)
      : target_(target), tcp_(tcp), question_(with_new_number(question)) {
    const int type = (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
    socket_.reset(socket(target.address.ss_family, type, 0));
    if (tcp) unsent_ = {static_cast<std::uint8_t>(question_.size() >> 8), static_cast<std::uint8_t>(question_.size())};
    unsent_.insert(unsent_.end(), question_.begin(), question_.end());
    const auto* const address = reinterpret_cast<const sockaddr*>(&target.address);
    if (connect(socket_.get(), address, target.length) != 0 && errno != EINPROGRESS) fail(std::strerror(errno));
  }

  [[nodiscard]] pollfd waits_for() const {
    const int events = unsent_.empty() ? POLLIN : POLLOUT;
    return {done_ ? -1 : socket_.get(), static_cast<short>(events), 0};
  }
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] const std::string& fault() const { return fault_; }
  void fail(const std::string& what) {
    fault_ = target_.text + " over " + (tcp_ ? "TCP: " : "UDP: ") + what;
    done_ = true;
  }
  void go_on() {
    if (unsent_.empty()) return receive();
    const ssize_t length = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (length < 0) return failed_call();
    unsent_.erase(unsent_.begin(), unsent_.begin() + length);
  }

 private:
  void failed_call() {
    if (errno != EAGAIN && errno != EINTR && errno != EINPROGRESS) fail(std::strerror(errno));
  }
  void receive() {
    std::array<std::uint8_t, 65535 + kPrefix> part;
    const ssize_t length = recv(socket_.get(), part.data(), part.size(), 0);
    if (length < 0) return failed_call();
    if (!tcp_) return judge({part.data(), static_cast<std::size_t>(length)});
    if (length == 0) return fail("the connection ended before the answer");
    received_.insert(received_.end(), part.data(), part.data() + length);
    if (received_.size() < kPrefix) return;
    const std::size_t whole = load_be<std::uint16_t>(received_.data());
    if (received_.size() >= kPrefix + whole) judge(Bytes(received_).subspan(kPrefix, whole));
  }
  void judge(Bytes answer) {
    const std::string fault = fault_of(question_, answer);
    if (!fault.empty()) return fail(fault);
    done_ = true;
  }

  const Endpoint& target_;
  bool tcp_;
  bool done_ = false;
  Message question_;
  Message unsent_;
  Message received_;
  Descriptor socket_;
  std::string fault_;
};

// False: the time is over.
bool wait_for_some(std::vector<std::unique_ptr<Asking>>& all, std::uint64_t end_ms) {
  const std::uint64_t now = monotonic_ms();
  if (now >= end_ms) return false;
  std::vector<pollfd> polled;
  polled.reserve(all.size());
  for (const auto& asking : all) polled.push_back(asking->waits_for());
  if (poll(polled.data(), polled.size(), static_cast<int>(end_ms - now)) < 0) return errno == EINTR;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (polled[i].revents != 0) all[i]->go_on();
  }
  return true;
}

}  // namespace

Status ask_all(const std::vector<Endpoint>& targets, const Message& question, std::uint32_t timeout_ms) {
  std::vector<std::unique_ptr<Asking>> all;
  for (const Endpoint& target : targets) {
    for (const bool tcp : {false, true}) all.push_back(std::make_unique<Asking>(target, tcp, question));
  }
  const auto under_way = [&all] {
    for (const auto& asking : all) {
      if (!asking->done()) return true;
    }
    return false;
  };
  const std::uint64_t end = monotonic_ms() + timeout_ms;
  while (under_way() && wait_for_some(all, end)) {
  }
  for (const auto& asking : all) {
    if (!asking->done()) asking->fail("no answer within " + std::to_string(timeout_ms) + " ms");
    if (!asking->fault().empty()) return Error{asking->fault()};
  }
  return success();
}

}  // namespace gl::health
