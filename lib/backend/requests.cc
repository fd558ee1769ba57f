#include "lib/backend/requests.h"

#include <algorithm>
#include <bit>

namespace gl::backend {

Requests::Requests(std::size_t entries) : sets_(std::max(std::bit_ceil(entries), kWays) / kWays) {}

Request* Requests::find(std::uint64_t tag) noexcept {
  Request* const set = set_of(tag);
  for (Request* request = set; request != set + kWays; ++request) {
    if (request->tag == tag) return request;
  }
  return nullptr;
}

Request& Requests::enter(std::uint64_t tag, std::uint64_t asked_at, std::uint64_t now_ms) noexcept {
  Request* chosen = find(tag);
  if (chosen == nullptr) {
    Request* const set = set_of(tag);
    chosen = set;
    for (Request* request = set; request != set + kWays; ++request) {
      if (request->tag == 0) {
        chosen = request;
        break;
      }
      if (request->since(now_ms) > chosen->since(now_ms)) chosen = request;
    }
  }
  *chosen = {.tag = tag, .asked_at = asked_at, .time_ms = static_cast<std::uint32_t>(now_ms)};
  return *chosen;
}

}  // namespace gl::backend
