// The last 32 bits of the server's address, by which frames from it are told.
// Byte order: host. Thread: pure function.
#pragma once

#include <cstdint>

#include "lib/base/endian.h"
#include "lib/wire/address.h"

namespace gl::load {

[[nodiscard]] inline std::uint32_t target_low(const wire::IpAddress& target) noexcept {
  if (const auto* v4 = std::get_if<wire::Ipv4Address>(&target)) return load_be<std::uint32_t>(v4->bytes.data());
  return load_be<std::uint32_t>(std::get<wire::Ipv6Address>(target).bytes.data() + 12);
}

}  // namespace gl::load
