// relay: joins two interfaces of a network namespace as a long or bad path would. --help says more.
// Frames come and go through AF_PACKET. A frame's time begins with the kernel's own note of when it came, so that it is
// not late because this process was; between frames it sleeps.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "tests/netns/relay_way.h"

namespace gl::relay {
namespace {

constexpr int kBatch = 64;  // frames from one side before the other has its turn
constexpr std::int64_t kNsPerS = 1'000'000'000;
constexpr std::int64_t kOldest = kNsPerS / 4;  // a frame may have waited this long for us; beyond, the clock was set

volatile std::sig_atomic_t ended = 0;

std::int64_t now(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return t.tv_sec * kNsPerS + t.tv_nsec;
}

int failed(const char* what, const char* interface) {
  std::fprintf(stderr, "relay: %s: %s: %s\n", interface, what, std::strerror(errno));
  return -1;
}

template <typename T>
bool set(int socket, int level, int name, const T& value) {
  return setsockopt(socket, level, name, &value, sizeof value) == 0;
}

// All that comes in by this interface, whomever it is for; -1 after an error.
int open_interface(const char* name) {
  const unsigned index = if_nametoindex(name);
  if (index == 0) return failed("no such interface here", name);
  const int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (s < 0) return failed("AF_PACKET", name);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  packet_mreq all{};
  all.mr_ifindex = static_cast<int>(index);
  all.mr_type = PACKET_MR_PROMISC;
  constexpr int kRoom = 32 << 20, kYes = 1;
  if (!set(s, SOL_PACKET, PACKET_IGNORE_OUTGOING, kYes) || !set(s, SOL_SOCKET, SO_TIMESTAMPNS, kYes) ||
      !set(s, SOL_SOCKET, SO_RCVBUFFORCE, kRoom) || !set(s, SOL_SOCKET, SO_SNDBUFFORCE, kRoom) ||
      !set(s, SOL_PACKET, PACKET_ADD_MEMBERSHIP, all)) {
    return failed("setsockopt", name);
  }
  if (bind(s, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed("bind", name);
  return s;
}

// When this frame came, by the monotonic clock.
std::int64_t arrival(msghdr& message) {
  const std::int64_t here = now(CLOCK_MONOTONIC);
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS) continue;
    timespec t{};
    std::memcpy(&t, CMSG_DATA(c), sizeof t);
    const std::int64_t age = now(CLOCK_REALTIME) - (t.tv_sec * kNsPerS + t.tv_nsec);
    if (age > 0 && age < kOldest) return here - age;
  }
  return here;
}

// False where the interface is gone.
bool receive(int socket, OneWay& way, const char* interface) {
  for (int n = 0; n < kBatch; ++n) {
    std::uint8_t frame[kLargestFrame];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
    iovec part = {frame, sizeof frame};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT);
    if (length < 0) return errno == EAGAIN || errno == EINTR || failed("recvmsg", interface) == 0;
    if ((message.msg_flags & MSG_TRUNC) != 0) {
      ++way.counts.too_long;
    } else {
      way.take({frame, static_cast<std::size_t>(length)}, arrival(message));
    }
  }
  return true;
}

void print_counts(const char* from, const char* to, const Counts& c) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("%s>%s: forwarded=%llu bytes=%llu lost=%llu queue-full=%llu doubled=%llu overtook=%llu too-long=%llu ",
              from, to, number(c.forwarded), number(c.bytes), number(c.lost), number(c.queue_full), number(c.doubled),
              number(c.overtook), number(c.too_long));
  std::printf("not-sent=%llu latest-us=%lld\n", number(c.not_sent), static_cast<long long>(c.latest_ns / 1000));
}

// SIGTERM and SIGINT are let in only while we wait, so that none comes between the look at `ended` and the wait.
sigset_t end_by_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { ended = 1; };
  sigset_t blocked, before;
  sigemptyset(&blocked);
  for (const int number : {SIGTERM, SIGINT}) {
    sigaction(number, &action, nullptr);
    sigaddset(&blocked, number);
  }
  sigprocmask(SIG_BLOCK, &blocked, &before);
  return before;
}

// True until something is to be done: a frame has come, one is due, or a signal.
void wait(pollfd (&sockets)[2], const OneWay (&ways)[2], const sigset_t& let_in) {
  std::int64_t due = 0, earliest = INT64_MAX;
  for (const auto& way : ways) {
    if (way.next(due)) earliest = std::min(earliest, due);
  }
  const std::int64_t left = std::max<std::int64_t>(earliest == INT64_MAX ? 0 : earliest - now(CLOCK_MONOTONIC), 0);
  const timespec limit = {left / kNsPerS, left % kNsPerS};
  if (ppoll(sockets, 2, earliest == INT64_MAX ? nullptr : &limit, &let_in) < 0) {
    for (auto& s : sockets) s.revents = 0;
  }
}

bool forward(const Options& options, const int (&sockets)[2], OneWay (&ways)[2]) {
  const sigset_t let_in = end_by_signals();
  std::puts("ready");
  std::fflush(stdout);
  pollfd ready[2] = {{sockets[0], POLLIN, 0}, {sockets[1], POLLIN, 0}};
  while (ended == 0) {
    wait(ready, ways, let_in);
    for (std::size_t n = 0; n < 2; ++n) {
      if (ready[n].revents != 0 && !receive(sockets[n], ways[n], options.interfaces[n])) return false;
    }
    for (std::size_t n = 0; n < 2; ++n) {
      ways[n].leave(now(CLOCK_MONOTONIC), [to = sockets[1 - n]](std::span<const std::uint8_t> frame) {
        return send(to, frame.data(), frame.size(), MSG_DONTWAIT) == static_cast<ssize_t>(frame.size());
      });
    }
  }
  return true;
}

// On time also on a busy machine, where we may; a relay that is late is a longer path.
void be_prompt() {
  const sched_param priority = {1};
  sched_setscheduler(0, SCHED_FIFO, &priority);
  prctl(PR_SET_TIMERSLACK, 1UL);
}

int run(const Options& options) {
  const int sockets[2] = {open_interface(options.interfaces[0]), open_interface(options.interfaces[1])};
  if (sockets[0] < 0 || sockets[1] < 0) return 1;
  be_prompt();
  OneWay ways[2] = {{options.ways[0], options.seed * 2}, {options.ways[1], options.seed * 2 + 1}};
  const bool well = forward(options, sockets, ways);
  for (std::size_t n = 0; n < 2; ++n) {
    print_counts(options.interfaces[n], options.interfaces[1 - n], ways[n].counts);
  }
  return well ? 0 : 1;
}

}  // namespace
}  // namespace gl::relay

int main(int argc, char** argv) {
  const auto options = gl::relay::parse_options(argc, argv);
  if (const int* status = std::get_if<int>(&options)) return *status;
  return gl::relay::run(std::get<gl::relay::Options>(options));
}
