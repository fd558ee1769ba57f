// From a checked tree to a zone that answers: renders every RRset, referral and denial that a query can reach.
// Ownership: the parts stand alone, the tree may go. Thread: one; it allocates.
// Errors: one line `FILE:LINE: reason`, where records do not fit a message. Source: RFC 2308 3, RFC 4035 3.1, RFC 9471.
#pragma once

#include <string>
#include <vector>

#include "lib/base/growing_array.h"
#include "lib/base/result.h"
#include "lib/zone/zone_data.h"
#include "lib/zone_compiler/block_builder.h"
#include "lib/zone_compiler/zone_tree.h"

namespace gl::zone {

// The chain of NSEC or NSEC3 records while it is made, and as it lies in the image.
class ChainBuilder {
 public:
  void use_nsec(std::size_t apex_key_length);
  void use_nsec3(std::string salt, std::uint16_t iterations);
  // In any order; `key` as in ChainEntry.
  void add(Bytes key, BlockId block);
  void sort();
  // A view, until it is changed.
  [[nodiscard]] Denials view() const noexcept;

  Denials::Kind kind = Denials::Kind::none;
  std::uint16_t iterations = 0;
  std::size_t apex_key_length = 0;
  std::string salt;
  GrowingArray<std::uint64_t> prefixes;
  GrowingArray<ChainEntry> entries;
  GrowingArray<std::uint8_t> keys;
};

// What an image is made of.
struct ZoneParts {
  std::string origin;  // as text
  std::vector<std::string> included;
  std::uint32_t serial = 0;
  std::uint64_t records = 0;
  GrowingArray<std::uint8_t> names;
  GrowingArray<Node> nodes;
  GrowingArray<RrsetEntry> rrsets;
  NameIndex index;
  BlockStore store;
  ChainBuilder denials;
  std::array<BlockId, 2> negative_soa{kNoBlock, kNoBlock};
  std::uint8_t apex_labels = 0;
  std::uint8_t apex_length = 0;
  std::uint8_t max_labels = 0;
};

// `most_blocks`: bytes that all blocks may take together.
[[nodiscard]] Result<ZoneParts> render_zone(const ZoneTree& tree, std::vector<std::string>& warnings,
                                            std::size_t most_blocks = BlockStore::kMost);

// Fills in the denials and each node's part in them, from the NSEC or NSEC3 records of the tree.
// `proofs` gets, by block, the set that was rendered into it, for referrals that carry it too.
struct RenderedProof {
  BlockId block;
  const TreeNode* node;  // its owner
  const TreeSet* set;
};
using RenderedProofs = std::vector<RenderedProof>;  // ascending by block
[[nodiscard]] Status render_denials(const ZoneTree& tree, ZoneParts& parts, BlockBuilder& builder,
                                    RenderedProofs& proofs, std::vector<std::string>& warnings);

}  // namespace gl::zone
