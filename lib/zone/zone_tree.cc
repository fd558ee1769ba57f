#include "lib/zone/zone_tree.h"

#include <algorithm>
#include <set>

#include "lib/zone/zone_check.h"

namespace gl::zone {
namespace {

std::string lower_case_names(const Record& record) {
  std::string rdata = record.rdata;
  for (std::size_t i = 0; i < std::min<std::size_t>(record.name_count, 2); ++i) {
    auto* at = reinterpret_cast<std::uint8_t*>(rdata.data() + record.name_at[i]);  // NOLINT
    dns::copy_lower(at, at, record.name(i).size());
  }
  return rdata;
}

// Duplicate records are one record (RFC 2181 5).
void drop_duplicates(std::vector<const Record*>& records) {
  if (records.size() < 2) return;
  std::set<std::string> seen;
  std::erase_if(records, [&](const Record* r) { return !seen.insert(lower_case_names(*r)).second; });
}

TreeSet& set_of(std::vector<TreeSet>& sets, const Record& first) {
  for (TreeSet& s : sets) {
    if (s.type == first.type) return s;
  }
  return sets.emplace_back(TreeSet{first.type, first.ttl, {}, {}});
}

// Fills a node's sets from the records of its name. Signatures go to the set they cover.
void fill(TreeNode& node, const std::vector<const Record*>& records) {
  for (const Record* r : records) {
    if (r->type == dns::rr::rrsig) continue;
    TreeSet& s = set_of(node.sets, *r);
    s.records.push_back(r);
    s.ttl = std::min(s.ttl, r->ttl);
  }
  for (const Record* r : records) {
    if (r->type != dns::rr::rrsig) continue;
    const auto covered =
        std::find_if(node.sets.begin(), node.sets.end(), [&](const TreeSet& s) { return s.type == r->covered(); });
    (covered == node.sets.end() ? node.orphan_signatures : covered->signatures).push_back(r);
  }
  for (TreeSet& s : node.sets) {
    drop_duplicates(s.records);
    drop_duplicates(s.signatures);
  }
}

TreeNode make_node(std::string_view name, std::size_t labels) {
  TreeNode node;
  node.name = name;
  node.key = key_of(name);
  node.labels = static_cast<std::uint8_t>(labels);
  return node;
}

bool is_nsec3(const Record& r) {
  return r.type == dns::rr::nsec3 || (r.type == dns::rr::rrsig && r.covered() == dns::rr::nsec3);
}

struct Keyed {
  std::string key;
  const Record* record;
};

// Appends the nodes of `name` and of those ancestors that are not there yet; `path` holds the ids from the apex to
// the last node, by number of labels.
void append_with_ancestors(std::vector<TreeNode>& nodes, std::vector<NodeId>& path, std::string_view name,
                           std::size_t apex_labels) {
  dns::Name parsed;
  if (!parsed.parse(as_bytes(name))) return;  // cannot be: the reader checked it
  for (std::size_t n = apex_labels; n <= parsed.labels; ++n) {
    const std::string_view ancestor = as_chars(parsed.suffix(n));
    const std::size_t depth = n - apex_labels;
    if (depth < path.size() && nodes[path[depth]].name == ancestor) continue;
    path.resize(depth);
    nodes.push_back(make_node(ancestor, n));
    nodes.back().parent = depth == 0 ? kNoNode : path[depth - 1];
    path.push_back(static_cast<NodeId>(nodes.size() - 1));
  }
  path.resize(parsed.labels - apex_labels + 1U);
}

std::vector<TreeNode> group(std::vector<Keyed>& keyed, std::string_view apex) {
  std::stable_sort(keyed.begin(), keyed.end(), [](const Keyed& a, const Keyed& b) { return a.key < b.key; });
  dns::Name apex_name;
  std::vector<TreeNode> nodes;
  if (!apex_name.parse(as_bytes(apex))) return nodes;
  std::vector<NodeId> path;
  for (std::size_t i = 0; i < keyed.size();) {
    std::vector<const Record*> records;
    const std::string& key = keyed[i].key;
    append_with_ancestors(nodes, path, keyed[i].record->owner, apex_name.labels);
    for (; i < keyed.size() && keyed[i].key == key; ++i) records.push_back(keyed[i].record);
    fill(nodes.back(), records);
  }
  return nodes;
}

// Marks cuts and DNAMEs, and what they hide. Ancestors come first, so one pass does.
void mark_covers(std::vector<TreeNode>& nodes) {
  for (NodeId id = 0; id < nodes.size(); ++id) {
    TreeNode& node = nodes[id];
    node.cut = id != 0 && node.set(dns::rr::ns) != nullptr;
    node.dname = node.set(dns::rr::dname) != nullptr;
    if (node.parent != kNoNode) {
      const TreeNode& parent = nodes[node.parent];
      if (parent.cover != kNoNode) {
        node.cover = parent.cover;
      } else if (parent.dname) {
        node.cover = node.parent;
      }
    }
    if (node.cover != kNoNode) {
      node.cut = node.dname = false;
    } else if (node.cut) {
      node.cover = id;
    }
  }
}

}  // namespace

const TreeSet* TreeNode::set(std::uint16_t type) const noexcept {
  for (const TreeSet& s : sets) {
    if (s.type == type) return &s;
  }
  return nullptr;
}

const TreeNode* ZoneTree::find(std::string_view name) const {
  const std::string key = key_of(name);
  const auto at = std::lower_bound(nodes.begin(), nodes.end(), key,
                                   [](const TreeNode& node, const std::string& k) { return node.key < k; });
  return at != nodes.end() && at->key == key ? &*at : nullptr;
}

bool is_within(std::string_view name, std::string_view ancestor) noexcept {
  while (name.size() > ancestor.size()) name.remove_prefix(1U + static_cast<std::uint8_t>(name.front()));
  return name == ancestor;
}

std::string key_of(std::string_view name) {
  dns::Name parsed;
  std::uint8_t key[dns::kMaxOrderKey];
  if (!parsed.parse(as_bytes(name))) return {};
  return std::string(as_chars({key, dns::order_key(parsed, key)}));
}

Result<ZoneTree> build_tree(const ZoneFile& file, const std::string& origin, std::vector<std::string>& warnings) {
  Result<std::string> apex = check_records(file, origin);
  if (!apex) return Error{apex.error()};
  ZoneTree tree;
  tree.file = &file;
  std::vector<Keyed> keyed;
  std::vector<Keyed> keyed_nsec3;
  for (const Record& r : file.records) (is_nsec3(r) ? keyed_nsec3 : keyed).push_back({key_of(r.owner), &r});
  tree.nodes = group(keyed, *apex);
  tree.nsec3 = group(keyed_nsec3, *apex);
  std::erase_if(tree.nsec3, [](const TreeNode& node) { return node.sets.empty(); });
  mark_covers(tree.nodes);
  if (Status status = check_tree(tree, warnings); !status) return Error{status.error()};
  return tree;
}

}  // namespace gl::zone
