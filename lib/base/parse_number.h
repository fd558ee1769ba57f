// A number that somebody has written, in a flag or a file.
// Thread: pure function. Errors: one line that says what is allowed, without the flag's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/base/text.h"

namespace gl {

[[nodiscard]] inline Result<std::uint32_t> parse_number(std::string_view text, std::uint32_t low, std::uint32_t high) {
  if (const auto value = parse_decimal(text, low, high)) return *value;
  return Error{"'" + std::string(text) + "' is not a number from " + std::to_string(low) + " to " +
               std::to_string(high)};
}

}  // namespace gl
