// One round: the question goes to every address, over UDP and over TCP, all at once.
// Units: milliseconds. Ownership: values. Thread: one; it waits for the answers. Errors: one line, of the first fault.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/health/question.h"
#include "app/lookup/lookup.h"
#include "lib/base/result.h"

namespace gl::health {

// All have answered within the time, or what was wrong.
[[nodiscard]] Status ask_all(const std::vector<Endpoint>& targets, const Message& question, std::uint32_t timeout_ms);

}  // namespace gl::health
