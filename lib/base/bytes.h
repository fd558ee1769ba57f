// Views of raw memory. Byte order: none, bytes only. Ownership: never owns.
// Thread: as the memory behind it.
#pragma once

#include <cstdint>
#include <span>

namespace gl {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

}  // namespace gl
