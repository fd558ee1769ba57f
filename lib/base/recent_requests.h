// Which requests of one core were seen a short while ago: a request over TCP is given again whenever its segments come
// again, and is one request all the same.
// Ownership: a fixed table. Thread: one core's. Errors: it forgets: one that another took the place of counts as new.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"

namespace gl {

// `flow` and `position` name a request, as in RequestContext. T is what is known of it.
template <class T>
class RecentRequests {
 public:
  struct Entry {
    std::uint32_t name = 0;  // 0: none
    [[no_unique_address]] T value{};
  };
  struct Found {
    Entry& entry;
    bool is_new;  // the entry was another's until now, and its value is T{}
  };

  [[nodiscard]] Found find(Bytes flow, std::uint32_t position) noexcept {
    std::uint64_t hash = position;
    for (const std::uint8_t byte : flow) hash = (hash ^ byte) * 0x100000001b3u;
    Entry& entry = entries_[hash % entries_.size()];
    const auto name = static_cast<std::uint32_t>(hash >> 32) | 1;
    const bool is_new = entry.name != name;
    if (is_new) entry = {name, T{}};
    return {entry, is_new};
  }

 private:
  std::array<Entry, 4099> entries_{};
};

}  // namespace gl
