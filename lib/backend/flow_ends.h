// The two ends of a client's flow, as RequestContext::flow has them: client address, our address, client port, our
// port; 12 bytes or 36. Byte order: wire. Ownership: borrows. Errors: empty where it is no flow.
#pragma once

#include "lib/base/bytes.h"

namespace gl::backend {

inline constexpr std::size_t kFlowV4 = 12;
inline constexpr std::size_t kFlowV6 = 36;

[[nodiscard]] inline Bytes client_address(Bytes flow) noexcept {
  if (flow.size() == kFlowV4) return flow.first(4);
  return flow.size() == kFlowV6 ? flow.first(16) : Bytes{};
}

}  // namespace gl::backend
