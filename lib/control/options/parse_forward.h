// Values of the --forward flags as the operator wrote them.
// Byte order: addresses and names as on the wire, ports host. Thread: pure functions. Errors: one line that says what
// is allowed, without the flag's name.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/backend/settings.h"
#include "lib/base/result.h"

namespace gl::control {

// One --forward: a backend, and the names that go to it.
struct ForwardEntry {
  std::vector<std::uint8_t> suffix;  // wire form, lower case
  backend::BackendSettings backend;
};

// [SUFFIX=]ADDRESS[:PORT][@DPDKPORT][,weight=N][,proxy][,tcp=off|ADDRESS[:PORT]][,name=TEXT]
[[nodiscard]] Result<ForwardEntry> parse_forward(const std::string& text);
// Into the pool of its suffix, which is made if it is new. A backend is its address and port: given again, it is the
// same one, and must have been given with the same settings.
[[nodiscard]] Status add_forward(backend::ForwardSettings& settings, ForwardEntry entry);

// off, or V4LEN/V6LEN.
[[nodiscard]] Status parse_ecs(const std::string& text, backend::ForwardSettings& settings);
// NAME[/TYPE]
[[nodiscard]] Status parse_health_query(const std::string& text, backend::ForwardSettings& settings);
// 0, or what a datagram can carry.
[[nodiscard]] Result<std::uint16_t> parse_payload(const std::string& text);

}  // namespace gl::control
