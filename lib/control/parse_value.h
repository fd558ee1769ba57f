// Values of flags as the operator wrote them.
// Thread: pure functions. Errors: one line that says what is allowed, without the flag's name.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"
#include "lib/control/settings.h"

namespace gl::control {

[[nodiscard]] Result<std::uint32_t> parse_number(const std::string& text, std::uint32_t low, std::uint32_t high);
// ADDRESS[@PORT]: IPv4 or IPv6, and the DPDK port that answers for it.
[[nodiscard]] Result<AddressSetting> parse_address(const std::string& text);
// [ORIGIN=]FILE
[[nodiscard]] Result<zone::ZoneSource> parse_zone(const std::string& text);

}  // namespace gl::control
