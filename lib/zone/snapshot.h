// All zones that are served at one moment, immutable: which zone answers for a name, what the zones are.
// Byte order: wire. Ownership: owns its zones. Thread: built by the main core, then read by any.
// Source: RFC 1034 4.3.2 step 2 (the nearest zone), RFC 4035 3.1.4.1 (DS belongs to the parent).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/zone/zone_data.h"

namespace gl::zone {

// An answer follows this many aliases (CNAME or synthesised from DNAME) and then ends as it is.
inline constexpr std::size_t kMaxAliases = 16;

class ZoneSnapshot {
 public:
  // Their origins differ.
  explicit ZoneSnapshot(std::vector<std::unique_ptr<const Zone>> zones);

  // The zone with the most labels that `name` is in; with `parent_side` (for DS), where that zone starts at the name,
  // the one above that delegates it, if it is here too. Null: none.
  [[nodiscard]] const Zone* find(const HashedName& name, bool parent_side) const noexcept;

  struct Info {
    std::string_view origin;  // as text
    std::string_view path;
    std::uint32_t serial;
    std::uint64_t records;
  };
  [[nodiscard]] std::vector<Info> list() const;

  // No DNS message of an answer from here is longer, an OPT without options included; at most 65535.
  [[nodiscard]] std::size_t largest_answer() const noexcept { return largest_answer_; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const Zone* zone = nullptr;
  };
  [[nodiscard]] const Zone* at(Bytes origin, std::uint64_t hash) const noexcept;

  std::vector<std::unique_ptr<const Zone>> zones_;
  std::vector<Slot> slots_;                             // open addressing by origin, a power of two, at most half full
  std::array<bool, dns::kMaxLabels + 1> depth_used_{};  // some origin has that many labels
  std::size_t max_depth_ = 0;
  std::size_t largest_answer_ = 0;
};

}  // namespace gl::zone
