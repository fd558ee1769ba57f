#include <algorithm>
#include <bit>

#include "lib/zone/zone_render.h"

namespace gl::zone {

void make_nodes(const ZoneTree& tree, Zone& zone) {
  for (const TreeNode& from : tree.nodes) {
    Node node;
    node.name = static_cast<std::uint32_t>(zone.names.size());
    node.name_length = static_cast<std::uint8_t>(from.name.size());
    node.labels = from.labels;
    node.cut = from.cut;
    node.dname = from.dname;
    node.cover = from.cover;
    const Bytes name = as_bytes(from.name);
    zone.names.insert(zone.names.end(), name.begin(), name.end());
    if (from.name.starts_with(std::string_view("\1*", 2)) && from.parent != kNoNode) {
      zone.nodes[from.parent].wildcard = static_cast<NodeId>(zone.nodes.size());
    }
    zone.max_labels = std::max(zone.max_labels, from.labels);
    zone.nodes.push_back(node);
  }
}

void index_names(Zone& zone) {
  zone.slots.resize(std::bit_ceil(2 * zone.nodes.size() + 2));
  HashedName name;
  for (NodeId id = 0; id < zone.nodes.size(); ++id) {
    if (!name.name.parse(zone.name_of(zone.nodes[id]))) continue;  // cannot be: the reader checked it
    name.rehash();
    const std::uint64_t hash = name.hash[name.name.labels];
    std::size_t at = hash & (zone.slots.size() - 1);
    while (zone.slots[at].node != kNoNode) at = (at + 1) & (zone.slots.size() - 1);
    zone.slots[at] = {static_cast<std::uint32_t>(hash >> 32), id};
  }
}

}  // namespace gl::zone
