// All zones that are served at one moment, immutable: which zone answers for a name, what the zones are.
// Byte order: wire. Ownership: shares its zones with the snapshots before and after it that have the same; they are
// counted on the main core only. Thread: built by the main core, then read by any.
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
inline constexpr std::size_t kMaxAliases = 64;

class ZoneSnapshot {
 public:
  // Their origins differ. `before` is what was served until now; the zones know their generations already.
  explicit ZoneSnapshot(std::vector<std::shared_ptr<const Zone>> zones, const ZoneSnapshot* before = nullptr);

  // The generation that changed anything here last, see generation.h: equal numbers, equal answers.
  [[nodiscard]] std::uint32_t generation() const noexcept { return generation_; }
  [[nodiscard]] const std::vector<std::shared_ptr<const Zone>>& zones() const noexcept { return zones_; }

  // The zone with the most labels that `name` is in; with `parent_side` (for DS), where that zone starts at the name,
  // the one above that delegates it, if it is here too. Null: none.
  struct Found {
    const Zone* zone;
    std::uint32_t since;  // the generation from which on it is this one
  };
  [[nodiscard]] Found locate(const HashedName& name, bool parent_side) const noexcept;
  [[nodiscard]] const Zone* find(const HashedName& name, bool parent_side) const noexcept {
    return locate(name, parent_side).zone;
  }

  struct Info {
    std::string_view origin;  // as text
    std::string_view path;
    std::uint32_t serial;
    std::uint64_t records;
  };
  [[nodiscard]] std::vector<Info> list() const;

  // Bytes of all zones' images.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }

  // No DNS message of an answer from here is longer, an OPT without options included; at most 65535.
  [[nodiscard]] std::size_t largest_answer() const noexcept { return largest_answer_; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    const Zone* zone = nullptr;
    std::uint32_t since = 0;
  };
  [[nodiscard]] const Slot* at(Bytes origin, std::uint64_t hash) const noexcept;
  [[nodiscard]] const Slot* at(const Zone& zone) const noexcept;
  void insert(const Zone& zone);
  void compare_origins(const ZoneSnapshot* before);

  std::vector<std::shared_ptr<const Zone>> zones_;
  std::vector<Slot> slots_;                             // open addressing by origin, a power of two, at most half full
  std::array<bool, dns::kMaxLabels + 1> depth_used_{};  // some origin has that many labels
  std::size_t max_depth_ = 0;
  std::size_t largest_answer_ = 0;
  std::size_t memory_ = 0;
  std::uint32_t generation_ = 1;
  std::uint32_t origins_since_ = 1;  // the generation that brought or took a zone last
};

}  // namespace gl::zone
