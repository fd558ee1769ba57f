// The access log: what each core tells the main core of the requests that it has answered, and the file that they are
// written to, in the Common Log Format of Apache and nginx.
// Units: bytes, seconds since 1970. Byte order: wire. Ownership: AccessLog owns the file and borrows the queues.
// Thread: note() on one core, everything else on the main core. Errors: one line; lines that the main core is too slow
// for are lost, and the core counts them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/append_file.h"
#include "lib/base/bytes.h"
#include "lib/base/recent_requests.h"
#include "lib/base/result.h"
#include "lib/base/spsc_queue.h"

namespace gl::http {

// One request as it was answered.
struct AccessLine {
  static constexpr std::size_t kMaxRequestLine = 200;  // what is longer is cut
  std::int64_t unix_time = 0;
  std::uint64_t body = 0;
  std::array<std::uint8_t, 16> peer{};
  std::uint8_t peer_length = 0;  // 4 or 16
  std::uint8_t line_length = 0;
  std::uint16_t status = 0;
  std::array<char, kMaxRequestLine> line{};  // as the client sent it
};

// Every `every`th request of one core.
class AccessQueue {
 public:
  explicit AccessQueue(std::uint32_t every) noexcept : every_(every) {}

  // `flow` and `position` as in RequestContext: a request that comes again soon is told once. False: it is to be told,
  // and there is no room.
  [[nodiscard]] bool note(Bytes request, Bytes flow, std::uint32_t position, std::int64_t unix_time,
                          std::uint16_t status, std::uint64_t body) noexcept {
    if (!told_.find(flow, position).is_new || ++seen_ < every_) return true;
    seen_ = 0;
    AccessLine line;
    line.unix_time = unix_time;
    line.status = status;
    line.body = body;
    line.peer_length = flow.size() > 12 ? 16 : 4;
    std::copy_n(flow.begin(), std::min<std::size_t>(flow.size(), line.peer_length), line.peer.begin());
    const std::size_t length = std::min(request.size(), AccessLine::kMaxRequestLine);
    const auto end = std::find_if(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(length),
                                  [](std::uint8_t c) { return c == '\r' || c == '\n'; });
    line.line_length = static_cast<std::uint8_t>(end - request.begin());
    std::copy(request.begin(), end, line.line.begin());
    return lines_.push(line);
  }
  [[nodiscard]] bool pop(AccessLine& line) noexcept { return lines_.pop(line); }

 private:
  struct Nothing {};
  RecentRequests<Nothing> told_;
  const std::uint32_t every_;
  std::uint32_t seen_ = 0;
  SpscQueue<AccessLine, 4096> lines_;
};

// `192.0.2.1 - - [27/Nov/2026:15:40:00 +0000] "GET / HTTP/1.1" 200 33`, without an end of line. What is not printable,
// a quotation mark and a backslash are written as \xHH.
[[nodiscard]] std::string access_text(const AccessLine& line);

class AccessLog {
 public:
  explicit AccessLog(std::string path) : file_(std::move(path)) {}

  // Opens the file, or opens it again: whoever rotates it has moved it away.
  [[nodiscard]] Status open() { return file_.open(); }
  void add(AccessQueue& queue) { queues_.push_back(&queue); }
  // Writes what the cores have told.
  [[nodiscard]] std::optional<std::string> write();

 private:
  AppendFile file_;
  std::vector<AccessQueue*> queues_;
};

}  // namespace gl::http
