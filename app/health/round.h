// One round: the question goes to every address, over UDP and over TCP, all at once.
// Units: milliseconds. Ownership: values. Thread: one; it waits for the answers. Errors: one line, of the first fault.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/health/question.h"
#include "lib/base/result.h"

namespace gl::health {

struct Target {
  sockaddr_storage address{};
  socklen_t length = 0;
  std::string text;  // as it was given
};

// Nothing: no address of either family.
[[nodiscard]] std::optional<Target> parse_target(const std::string& address, std::uint16_t port);

// All have answered within the time, or what was wrong.
[[nodiscard]] Status ask_all(const std::vector<Target>& targets, const Message& question, std::uint32_t timeout_ms);

}  // namespace gl::health
