#include "lib/zone_compiler/zone_tree.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "lib/zone_compiler/name_order.h"
#include "lib/zone_compiler/zone_check.h"

namespace gl::zone {
namespace {

std::string lower_case_names(const Record& record) {
  std::string data(record.data());
  for (std::size_t i = 0; i < std::min<std::size_t>(record.name_count, 2); ++i) {
    auto* at = reinterpret_cast<std::uint8_t*>(data.data() + record.name_at[i]);  // NOLINT
    dns::copy_lower(at, at, record.name(i).size());
  }
  return data;
}

// Duplicate records are one record (RFC 2181 5).
void drop_duplicates(std::vector<const Record*>& records) {
  if (records.size() < 2) return;
  std::set<std::string> seen;
  std::erase_if(records, [&](const Record* r) { return !seen.insert(lower_case_names(*r)).second; });
}

// Sorts records into nodes, names in canonical order.
class Grouping {
 public:
  Grouping(ZoneTree& tree, GrowingArray<TreeNode>& nodes, std::size_t apex_labels)
      : tree_(tree), nodes_(nodes), apex_labels_(apex_labels) {}

  void run(NameOrder& order) {
    order.sort();
    const std::span<const NameRun> runs = order.runs();
    for (std::size_t i = 0; i < runs.size();) {
      const std::string_view owner = (*tree_.file)[runs[i].first].owner();
      records_.clear();
      for (; i < runs.size() && (*tree_.file)[runs[i].first].owner() == owner; ++i) collect(runs[i]);
      append_with_ancestors(owner);
      fill(nodes_.back());
    }
  }

 private:
  void collect(const NameRun& run) {
    for (std::uint32_t i = 0; i < run.count; ++i) records_.push_back(&(*tree_.file)[run.first + i]);
  }

  void append(std::string_view name, std::size_t labels) {
    TreeNode node;
    node.name_at = name.data();
    node.name_size = static_cast<std::uint8_t>(name.size());
    node.labels = static_cast<std::uint8_t>(labels);
    node.first_set = static_cast<std::uint32_t>(tree_.sets.size());
    nodes_.push_back(node);
  }

  // Appends the nodes of `name` and of those ancestors that are not there yet; path_ holds the ids from the apex to the
  // last node, by number of labels.
  void append_with_ancestors(std::string_view name) {
    if (!name_.parse(as_bytes(name))) return;  // cannot be: the records were checked
    for (std::size_t n = apex_labels_; n <= name_.labels; ++n) {
      const std::string_view ancestor = name.substr(name.size() - name_.suffix(n).size());
      const std::size_t depth = n - apex_labels_;
      if (depth < path_.size() && nodes_[path_[depth]].name() == ancestor) continue;
      path_.resize(depth);
      append(ancestor, n);
      nodes_.back().parent = depth == 0 ? kNoNode : path_[depth - 1];
      path_.push_back(static_cast<NodeId>(nodes_.size() - 1));
    }
    path_.resize(name_.labels - apex_labels_ + 1U);
  }

  // Its sets, in the order in which their types come. Signatures go to the set they cover.
  void fill(TreeNode& node) {
    node.first_set = static_cast<std::uint32_t>(tree_.sets.size());
    for (const Record* const r : records_) {
      if (r->type == dns::rr::rrsig || tree_.set(node, r->type) != nullptr) continue;
      append_set(r->type);
      ++node.set_count;
    }
    const auto is_orphan = [&](const Record* r) {
      return r->type == dns::rr::rrsig && tree_.set(node, r->covered()) == nullptr;
    };
    if (std::ranges::none_of(records_, is_orphan)) return;
    node.orphans = true;
    TreeSet set{.first = static_cast<std::uint32_t>(tree_.list.size())};
    for (const Record* const r : records_) {
      if (is_orphan(r)) tree_.list.push_back(r), ++set.signature_count;
    }
    tree_.sets.push_back(set);
  }

  void append_set(std::uint16_t type) {
    TreeSet set{.ttl = UINT32_MAX, .first = static_cast<std::uint32_t>(tree_.list.size()), .type = type};
    set.record_count = append_records([&](const Record* r) { return r->type == type; });
    for (const Record* const r : records_) {
      if (r->type == type) set.ttl = std::min(set.ttl, r->ttl);
    }
    if (records_.size() > 1) {
      set.signature_count =
          append_records([&](const Record* r) { return r->type == dns::rr::rrsig && r->covered() == type; });
    }
    tree_.sets.push_back(set);
  }
  template <class Wanted>
  std::uint32_t append_records(Wanted&& wanted) {
    chosen_.clear();
    std::ranges::copy_if(records_, std::back_inserter(chosen_), wanted);
    drop_duplicates(chosen_);
    tree_.list.append(chosen_.data(), chosen_.size());
    return static_cast<std::uint32_t>(chosen_.size());
  }

  ZoneTree& tree_;
  GrowingArray<TreeNode>& nodes_;
  std::size_t apex_labels_;
  dns::Name name_;
  std::vector<NodeId> path_;
  std::vector<const Record*> records_;  // of the node that is being filled
  std::vector<const Record*> chosen_;
};

bool is_nsec3(const Record& r) {
  return r.type == dns::rr::nsec3 || (r.type == dns::rr::rrsig && r.covered() == dns::rr::nsec3);
}

// Marks cuts and DNAMEs, and what they hide. Ancestors come first, so one pass does.
void mark_covers(ZoneTree& tree) {
  for (NodeId id = 0; id < tree.nodes.size(); ++id) {
    TreeNode& node = tree.nodes[id];
    node.cut = id != 0 && tree.set(node, dns::rr::ns) != nullptr;
    node.dname = tree.set(node, dns::rr::dname) != nullptr;
    if (node.parent != kNoNode) {
      const TreeNode& parent = tree.nodes[node.parent];
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

void number_visible(ZoneTree& tree) {
  NodeId next = 0;
  for (TreeNode& node : tree.nodes) {
    if (tree.is_visible(node)) node.image = next++;
  }
}

void erase_empty(GrowingArray<TreeNode>& nodes) {
  const auto* const end =
      std::remove_if(nodes.begin(), nodes.end(), [](const TreeNode& node) { return node.set_count == 0; });
  nodes.resize(static_cast<std::size_t>(end - nodes.begin()));
}

void group(ZoneTree& tree, const std::string& apex) {
  const std::size_t key_size = key_of(apex).size();
  NameOrder order(*tree.file, key_size);
  NameOrder order_nsec3(*tree.file, key_size);
  for (std::uint32_t i = 0; i < tree.file->size(); ++i) (is_nsec3((*tree.file)[i]) ? order_nsec3 : order).add(i);
  dns::Name name;
  if (!name.parse(as_bytes(apex))) return;  // cannot be: the records were checked
  Grouping(tree, tree.nodes, name.labels).run(order);
  Grouping(tree, tree.nsec3, name.labels).run(order_nsec3);
  erase_empty(tree.nsec3);
}

}  // namespace

const TreeSet* ZoneTree::set(const TreeNode& node, std::uint16_t type) const noexcept {
  for (const TreeSet& s : sets_of(node)) {
    if (s.type == type) return &s;
  }
  return nullptr;
}

const TreeNode* ZoneTree::find(std::string_view name, const TreeNode& near) const {
  constexpr std::size_t kNext = 4;
  const auto from = static_cast<std::size_t>(&near - nodes.begin());
  for (const TreeNode& node : nodes.view().subspan(from, std::min(kNext, nodes.size() - from))) {
    if (node.name() == name) return &node;
  }
  if (!index_) {
    index_.emplace(nodes.size());
    for (NodeId id = 0; id < nodes.size(); ++id) index_->add(nodes[id].name(), id);
    index_->finish();
  }
  const NodeId id = index_->find(name, [&](NodeId node) { return nodes[node].name() == name; });
  return id == kNoNode ? nullptr : &nodes[id];
}

std::string key_of(std::string_view name) {
  dns::Name parsed;
  std::uint8_t key[dns::kMaxOrderKey];
  if (!parsed.parse(as_bytes(name))) return {};
  return std::string(as_chars({key, dns::order_key(parsed, key)}));
}

std::string_view host_of(const Record& record, std::array<char, dns::kMaxName>& room) noexcept {
  const std::string_view name = record.name(0);
  dns::copy_lower(reinterpret_cast<std::uint8_t*>(room.data()), as_bytes(name).data(), name.size());  // NOLINT
  return {room.data(), name.size()};
}

Result<ZoneTree> build_tree(const Records& file, const std::string& origin, std::vector<std::string>& warnings) {
  Result<std::string> apex = check_records(file, origin);
  if (!apex) return Error{apex.error()};
  ZoneTree tree;
  tree.file = &file;
  group(tree, *apex);
  mark_covers(tree);
  number_visible(tree);
  if (Status status = check_tree(tree, warnings); !status) return Error{status.error()};
  return tree;
}

}  // namespace gl::zone
