#include "lib/zone/generation.h"

#include <algorithm>
#include <cstring>

namespace gl::zone {
namespace {

template <class T>
bool same_part(const std::vector<T>& a, std::size_t a_at, const std::vector<T>& b, std::size_t b_at,
               std::size_t count) {
  return std::equal(a.begin() + static_cast<std::ptrdiff_t>(a_at),
                    a.begin() + static_cast<std::ptrdiff_t>(a_at + count),
                    b.begin() + static_cast<std::ptrdiff_t>(b_at));
}

constexpr std::uint32_t kUnassigned = 0;

class Comparison {
 public:
  Comparison(Zone& now, const Zone& before, std::uint32_t generation)
      : now_(now), before_(before), generation_(generation), there_(now.store.blocks.size(), kNoBlock) {}

  void run() {
    compare_denials();
    for (std::size_t i = 0; i < now_.negative_soa.size(); ++i) {
      now_.store.blocks[now_.negative_soa[i]].since = since_of(now_.negative_soa[i], before_.negative_soa[i]);
    }
    std::vector<NodeId> added;
    for (NodeId id = 0; id < now_.nodes.size(); ++id) compare_node(id, added);
    for (const NodeId id : added) touch_parent(now_.name_of(now_.nodes[id]));
    for (const Node& node : before_.nodes) {
      if (find(now_, before_.name_of(node)) == kNoNode) touch_parent(before_.name_of(node));
    }
  }

 private:
  static NodeId find(const Zone& zone, Bytes name) {
    HashedName hashed;
    if (!hashed.name.parse(name)) return kNoNode;  // cannot be: the reader checked it
    hashed.rehash();
    return zone.find(hashed.name.view(), hashed.hash[hashed.name.labels]);
  }

  [[nodiscard]] bool same_block(const Block& now, Block before) const {
    const Block there = before;
    before.bytes = now.bytes;
    before.patches = now.patches;
    before.cuts = now.cuts;
    before.since = now.since;
    if (now != before) return false;
    const std::size_t patches = std::size_t{now.own} + now.suffix + now.self;
    if (now.oversize || there.oversize) return now.oversize == there.oversize;  // they are answered alike
    return same_part(now_.store.bytes, now.bytes, before_.store.bytes, there.bytes, now.size) &&
           same_part(now_.store.patches, now.patches, before_.store.patches, there.patches, patches) &&
           same_part(now_.store.cuts, now.cuts, before_.store.cuts, there.cuts, now.cut_count);
  }

  [[nodiscard]] std::uint32_t since_of(BlockId now, BlockId before) const {
    const Block& there = before_.block(before);
    return same_block(now_.block(now), there) ? there.since : generation_;
  }

  void compare_denials() {
    const bool like = now_.denials.like(before_.denials);
    now_.denials.set_since(like ? before_.denials.since() : generation_);
    if (!like) return;
    for (const Denials::Pair& pair : now_.denials.pairs_with(before_.denials)) {
      there_[pair.here] = pair.there;
      now_.store.blocks[pair.here].since = pair.same_span ? since_of(pair.here, pair.there) : generation_;
    }
  }

  [[nodiscard]] bool same_choice(BlockId now, BlockId before) const {
    return now == kNoBlock ? before == kNoBlock : there_[now] == before;
  }
  [[nodiscard]] bool same_denial(const NodeDenial& now, const NodeDenial& before) const {
    return same_choice(now.match, before.match) && same_choice(now.wildcard, before.wildcard) &&
           same_choice(now.encloser, before.encloser) && same_choice(now.cover, before.cover);
  }

  // Whether both are answered by the same rules. A cover is the name itself or one above it.
  [[nodiscard]] bool same_kind(const Node& now, const Node& before) const {
    if (now.cut != before.cut || now.dname != before.dname) return false;
    if (now.cover == kNoNode || before.cover == kNoNode) return now.cover == before.cover;
    return now_.nodes[now.cover].labels == before_.nodes[before.cover].labels;
  }

  // In their order too: an ANY without a block of its own takes the first of the smallest.
  [[nodiscard]] bool same_types(const Node& now, const Node& before) const {
    if (now.rrset_count != before.rrset_count) return false;
    for (std::size_t i = 0; i < now.rrset_count; ++i) {
      if (now_.rrsets[now.rrsets + i].type != before_.rrsets[before.rrsets + i].type) return false;
    }
    return true;
  }

  void compare_node(NodeId id, std::vector<NodeId>& added) {
    Node& node = now_.nodes[id];
    const NodeId other = find(before_, now_.name_of(node));
    if (other == kNoNode) {
      added.push_back(id);
      return;
    }
    const Node& before = before_.nodes[other];
    if (!same_kind(node, before)) return;
    if (same_types(node, before) && same_denial(node.denial, before.denial)) node.since = before.since;
    for (std::size_t i = 0; i < node.rrset_count; ++i) {
      RrsetEntry& entry = now_.rrsets[node.rrsets + i];
      const RrsetEntry* there = before_.rrset(before, entry.type);
      for (std::size_t dnssec = 0; dnssec < entry.block.size(); ++dnssec) {
        BlockId& block = entry.block[dnssec];
        assign(block, there == nullptr ? generation_ : since_of(block, there->block[dnssec]));
      }
    }
  }

  // One block may answer for several entries, with and without DNSSEC, by its type and for ANY; if those are not
  // equally old, each has a block of its own over the same bytes.
  void assign(BlockId& id, std::uint32_t since) {
    Block& block = now_.store.blocks[id];
    if (block.since == since || block.since == kUnassigned) {
      block.since = since;
      return;
    }
    Block copy = block;
    copy.since = since;
    now_.store.blocks.push_back(copy);
    id = static_cast<BlockId>(now_.store.blocks.size() - 1);
  }

  // The name above this one, if it is there, has a child more or less.
  void touch_parent(Bytes name) {
    if (name.size() <= now_.apex_length) return;
    const NodeId parent = find(now_, name.subspan(1U + name[0]));
    if (parent != kNoNode) now_.nodes[parent].since = generation_;
  }

  Zone& now_;
  const Zone& before_;
  std::uint32_t generation_;
  std::vector<BlockId> there_;  // for each denial's block, the one with the same key in the zone before
};

}  // namespace

void set_generations(Zone& zone, const Zone* before, std::uint32_t generation) {
  zone.denials.set_since(generation);
  for (Node& node : zone.nodes) node.since = generation;
  for (Block& block : zone.store.blocks) block.since = kUnassigned;
  if (before != nullptr) Comparison(zone, *before, generation).run();
  zone.since = zone.denials.since();
  for (Block& block : zone.store.blocks) {
    if (block.since == kUnassigned) block.since = generation;
    zone.since = std::max(zone.since, block.since);
  }
  for (const Node& node : zone.nodes) zone.since = std::max(zone.since, node.since);
}

std::size_t memory_of(const Zone& zone) noexcept {
  const BlockStore& store = zone.store;
  return sizeof zone + zone.names.size() + zone.nodes.size() * sizeof(Node) + zone.rrsets.size() * sizeof(RrsetEntry) +
         zone.slots.size() * sizeof(Zone::Slot) + store.bytes.size() + store.patches.size() * sizeof store.patches[0] +
         store.cuts.size() * sizeof(BlockCut) + store.blocks.size() * sizeof(Block);
}

}  // namespace gl::zone
