// The PROXY protocol, version 2: who asks, in front of a question over UDP.
// Byte order: wire. Ownership: writes into the caller's buffer. Thread: pure functions. Errors: 0.
// Source: the PROXY protocol's specification, section 2.2.
#pragma once

#include <cstddef>

#include "lib/base/bytes.h"

namespace gl::backend {

inline constexpr std::size_t kProxyFixed = 16;  // signature, version, family, length

// Writes the header for `flow` (as RequestContext::flow; it has the specification's order). Returns its length, 28 or
// 52; 0: it does not fit, or that is no flow.
[[nodiscard]] std::size_t write_proxy_v2(Bytes flow, MutableBytes out) noexcept;

}  // namespace gl::backend
