// The records of one zone file, sorted into names and RRsets, and checked: what ldns does not see record by record.
// Byte order: wire. Ownership: points into the ZoneFile, which has to outlive it. Thread: main core; it allocates.
// Errors: one line `FILE:LINE: reason`. Source: RFC 1034 4.2, RFC 1035 5.2, RFC 2181 5 and 8, RFC 4592, RFC 6672 2.4.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/zone/zone_data.h"
#include "lib/zone/zone_file.h"

namespace gl::zone {

struct TreeSet {
  std::uint16_t type = 0;
  std::uint32_t ttl = 0;  // the least of its records'
  std::vector<const Record*> records;
  std::vector<const Record*> signatures;
};

struct TreeNode {
  std::string name;  // lower case
  std::string key;   // dns::order_key
  std::uint8_t labels = 0;
  bool cut = false;
  bool dname = false;
  NodeId parent = kNoNode;
  NodeId cover = kNoNode;
  std::vector<TreeSet> sets;
  std::vector<const Record*> orphan_signatures;  // RRSIGs of types that are not here

  [[nodiscard]] const TreeSet* set(std::uint16_t type) const noexcept;
};

struct ZoneTree {
  const ZoneFile* file = nullptr;
  std::vector<TreeNode> nodes;  // canonical order, ancestors first; the apex is the first
  // NSEC3 records stand beside the tree: their names do not exist for queries (RFC 5155 7.2.8).
  std::vector<TreeNode> nsec3;

  [[nodiscard]] const TreeNode& apex() const noexcept { return nodes.front(); }
  // Null: no such name.
  [[nodiscard]] const TreeNode* find(std::string_view lower_case_name) const;
};

// `origin` in wire form and lower case, or empty: then the SOA's owner. What is odd but served goes to `warnings`.
[[nodiscard]] Result<ZoneTree> build_tree(const ZoneFile& file, const std::string& origin,
                                          std::vector<std::string>& warnings);

// Whether `name` is `ancestor` or below it.
[[nodiscard]] bool is_within(std::string_view name, std::string_view ancestor) noexcept;
// The order key of a valid name.
[[nodiscard]] std::string key_of(std::string_view name);

}  // namespace gl::zone
