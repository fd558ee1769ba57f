// The VLANs whose frames a port takes (IEEE 802.1Q). Identifier 0 stands for frames without a tag, and for those whose
// tag says a priority alone.
// Byte order: host. Ownership: filled by the main core before the workers start. Thread: read-only then.
#pragma once

#include <bitset>
#include <cstdint>

namespace gl::wire {

class VlanSet {
 public:
  static constexpr std::uint16_t kUntagged = 0;
  static constexpr std::uint16_t kLast = 4094;  // 4095 is reserved

  void add(std::uint16_t id) noexcept { ids_.set(id & kMask); }
  // IEEE 802.1Q table 9-2: shall not be transmitted in a tag header.
  [[nodiscard]] static constexpr bool is_reserved(std::uint16_t control) noexcept { return (control & kMask) == kMask; }
  // `control`: of a tag, with its priority; or kUntagged.
  [[nodiscard]] bool has(std::uint16_t control) const noexcept { return ids_[control & kMask]; }

  template <class Call>
  void for_each(Call call) const {
    for (std::uint16_t id = 0; id <= kLast; ++id) {
      if (ids_[id]) call(id);
    }
  }

 private:
  static constexpr std::uint16_t kMask = 0xfff;
  std::bitset<kMask + 1> ids_;
};

}  // namespace gl::wire
