// One zone, ready to answer: a node for every name that exists in it and is not hidden by a cut or a DNAME above it
// (empty non-terminals included), found by one hash table; each node with its rendered RRsets and its part in denials.
// All of that lies in the zone's image, and this is a view of it.
// Byte order: wire, names in lower case. Ownership: owns the image. Thread: immutable once published.
// Source: RFC 1034 4.3, RFC 4592 (wildcards, empty non-terminals), RFC 4035 3.1, RFC 5155 7.2.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "lib/dns/name.h"
#include "lib/zone/block.h"
#include "lib/zone/denial.h"
#include "lib/zone/image.h"
#include "lib/zone/image_memory.h"

namespace gl::zone {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = 0xffffffff;

// The pseudo-type of a cut's rendered delegation.
inline constexpr std::uint16_t kReferral = 0;

struct BlockRef {
  BlockId id = kNoBlock;
  std::uint32_t since = 0;  // the generation that changed its bytes last, see generation.h
};

struct RrsetEntry {
  std::uint16_t type = 0;
  std::uint16_t reserved = 0;
  std::array<BlockRef, 2> block;  // without and with DNSSEC records
};
static_assert(sizeof(RrsetEntry) == 20);

struct Node {
  std::uint32_t name = 0;  // where among the names
  std::uint32_t rrsets = 0;
  std::uint16_t rrset_count = 0;
  std::uint8_t name_length = 0;
  std::uint8_t labels = 0;
  std::uint8_t cut = 0;    // 1: a delegation starts here
  std::uint8_t dname = 0;  // 1: redirects all below it
  std::uint16_t reserved = 0;
  NodeId wildcard = kNoNode;  // its child `*`
  // The generation that changed last what it has not: its types, the names right below it, and the proofs of that.
  std::uint32_t since = 0;
  NodeDenial denial;
};
static_assert(sizeof(Node) == 40);

// Of the hash table: open addressing, a power of two, at most half full.
struct Slot {
  std::uint32_t tag = 0;
  NodeId node = kNoNode;
};

struct Zone {
  std::string path;                   // of the file
  std::vector<std::string> included;  // paths of the files that it includes
  std::string origin;                 // as text
  std::uint32_t serial = 0;
  std::uint64_t records = 0;
  std::uint32_t since = 0;   // the generation that changed anything in it last, see generation.h
  bool transferred = false;  // a secondary's, whose file has one record a line
  // A secondary's without data: its names are ours, and what is asked for them is answered with SERVFAIL.
  bool unavailable = false;

  ImageMemory image;
  // Into the image.
  const std::uint8_t* names = nullptr;
  std::span<const Node> nodes;
  std::span<const RrsetEntry> rrsets;
  std::span<const Slot> slots;
  const std::uint8_t* blocks = nullptr;
  std::array<BlockId, 2> negative_soa{kNoBlock, kNoBlock};
  Denials denials;
  std::size_t largest_block = 0;  // bytes of records, see ZoneSnapshot::largest_answer()
  std::uint8_t apex_labels = 0;
  std::uint8_t apex_length = 0;
  std::uint8_t max_labels = 0;  // no name here has more

  [[nodiscard]] Bytes name_of(const Node& node) const noexcept { return {names + node.name, node.name_length}; }
  [[nodiscard]] const Block& block(BlockId id) const noexcept {
    return *reinterpret_cast<const Block*>(blocks + std::size_t{id} * kBlockUnit);  // NOLINT: as the image has them
  }

  [[nodiscard]] NodeId find(Bytes name, std::uint64_t hash) const noexcept {
    return probe(hash, [&](NodeId id) {
      const Node& node = nodes[id];
      return node.name_length == name.size() && std::memcmp(names + node.name, name.data(), name.size()) == 0;
    });
  }
  // By the hash alone: another name may have it.
  [[nodiscard]] NodeId probable(std::uint64_t hash) const noexcept {
    return probe(hash, [](NodeId) { return true; });
  }

  [[nodiscard]] const RrsetEntry* rrset(const Node& node, std::uint16_t type) const noexcept {
    const RrsetEntry* entry = rrsets.data() + node.rrsets;
    for (const RrsetEntry* end = entry + node.rrset_count; entry != end; ++entry) {
      if (entry->type == type) return entry;
    }
    return nullptr;
  }

 private:
  // The first node of that hash that it is; none where there is no such.
  template <class IsIt>
  [[nodiscard]] NodeId probe(std::uint64_t hash, IsIt is_it) const noexcept {
    const std::size_t mask = slots.size() - 1;
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
      const Slot& slot = slots[at];
      if (slot.node == kNoNode) return kNoNode;
      if (slot.tag == tag && is_it(slot.node)) return slot.node;
    }
  }
};

// A name and the hashes of all its ancestors: [n] is that of the one with n labels.
struct HashedName {
  dns::Name name;
  std::array<std::uint64_t, dns::kMaxLabels + 1> hash;

  void rehash() noexcept {
    std::uint64_t h = dns::name_hash::root;
    hash[0] = h;
    for (std::size_t n = 1; n <= name.labels; ++n) {
      h = dns::name_hash::add_label(h, name.bytes.data() + name.label_at[name.labels - n]);
      hash[n] = h;
    }
  }
};

// The node of `name`, or its closest encloser. `name` is at or below the zone's apex. Below a cut or a DNAME it is that
// one: what they hide has no nodes.
struct Match {
  const Node* node;
  bool exact;
};
[[nodiscard]] inline Match closest(const Zone& zone, const HashedName& name) noexcept {
  std::size_t labels = std::min(name.name.labels, zone.max_labels);
  for (; labels > zone.apex_labels; --labels) {
    const NodeId id = zone.find(name.name.suffix(labels), name.hash[labels]);
    if (id != kNoNode) return {&zone.nodes[id], labels == name.name.labels};
  }
  return {&zone.nodes[0], labels == name.name.labels};
}

}  // namespace gl::zone
