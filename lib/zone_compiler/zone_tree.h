// The records of one zone, sorted into names and RRsets, and checked: what the text does not show record by record.
// Byte order: wire. Ownership: points into the Records, which have to outlive it. Thread: one; it allocates.
// Errors: one line `FILE:LINE: reason`. Source: RFC 1034 4.2, RFC 1035 5.2, RFC 2181 5 and 8, RFC 4592, RFC 6672 2.4.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/growing_array.h"
#include "lib/zone/zone_data.h"
#include "lib/zone_compiler/name_index.h"
#include "lib/zone_compiler/records.h"

namespace gl::zone {

struct TreeSet {
  std::uint32_t ttl = 0;    // the least of its records'
  std::uint32_t first = 0;  // where in ZoneTree's list: its records, then its signatures
  std::uint32_t record_count = 0;
  std::uint32_t signature_count = 0;
  std::uint16_t type = 0;
};

struct TreeNode {
  const char* name_at = nullptr;  // lower case, wire
  std::uint32_t first_set = 0;
  NodeId parent = kNoNode;
  NodeId cover = kNoNode;  // the cut at or above, or the DNAME above, that hides it
  NodeId image = kNoNode;  // its number among those that are not hidden
  std::uint16_t set_count = 0;
  std::uint8_t name_size = 0;
  std::uint8_t labels = 0;
  bool cut = false;
  bool dname = false;
  bool orphans = false;  // behind its sets there is one more: RRSIGs of types that are not here

  [[nodiscard]] std::string_view name() const noexcept { return {name_at, name_size}; }
};

using RecordList = std::span<const Record* const>;

struct ZoneTree {
  const Records* file = nullptr;
  GrowingArray<TreeNode> nodes;  // canonical order, ancestors first; the apex is the first
  // NSEC3 records stand beside the tree: their names do not exist for queries (RFC 5155 7.2.8).
  GrowingArray<TreeNode> nsec3;
  GrowingArray<TreeSet> sets;
  GrowingArray<const Record*> list;

  [[nodiscard]] const TreeNode& apex() const noexcept { return nodes[0]; }
  [[nodiscard]] std::span<const TreeSet> sets_of(const TreeNode& node) const noexcept {
    return sets.view().subspan(node.first_set, node.set_count);
  }
  // Null: it has no such type.
  [[nodiscard]] const TreeSet* set(const TreeNode& node, std::uint16_t type) const noexcept;
  [[nodiscard]] RecordList records(const TreeSet& set) const noexcept {
    return list.view().subspan(set.first, set.record_count);
  }
  [[nodiscard]] RecordList signatures(const TreeSet& set) const noexcept {
    return list.view().subspan(set.first + set.record_count, set.signature_count);
  }
  [[nodiscard]] RecordList orphans(const TreeNode& node) const noexcept {
    return node.orphans ? signatures(sets[node.first_set + node.set_count]) : RecordList{};
  }
  // Null: no such name. Most often it is one of the next few behind `near`, as glue behind its delegation.
  [[nodiscard]] const TreeNode* find(std::string_view lower_case_name, const TreeNode& near) const;
  // Whether it is not hidden by another name.
  [[nodiscard]] bool is_visible(const TreeNode& node) const noexcept {
    return node.cover == kNoNode || &nodes[node.cover] == &node;
  }

 private:
  mutable std::optional<NameIndex> index_;  // of nodes, made when it is first wanted
};

// `origin` in wire form and lower case, or empty: then the SOA's owner. What is odd but served goes to `warnings`.
[[nodiscard]] Result<ZoneTree> build_tree(const Records& file, const std::string& origin,
                                          std::vector<std::string>& warnings);

[[nodiscard]] inline bool is_wildcard(std::string_view name) noexcept {
  return name.starts_with(std::string_view("\1*", 2));
}
// The order key of a valid name.
[[nodiscard]] std::string key_of(std::string_view name);
// The record's first name, in lower case.
[[nodiscard]] std::string_view host_of(const Record& record, std::array<char, dns::kMaxName>& room) noexcept;

}  // namespace gl::zone
