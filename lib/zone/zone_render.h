// From a checked tree to a zone that answers: renders every RRset, referral and denial, builds the hash table.
// Ownership: the Zone stands alone, the tree may go. Thread: main core; it allocates.
// Errors: one line `FILE:LINE: reason`, where records do not fit a message. Source: RFC 2308 3, RFC 4035 3.1, RFC 9471.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/zone/zone_data.h"
#include "lib/zone/zone_tree.h"

namespace gl::zone {

[[nodiscard]] Result<std::unique_ptr<Zone>> render_zone(const ZoneTree& tree, std::vector<std::string>& warnings);

// The nodes of the tree, in its order, without their records; and the hash table over their names.
void make_nodes(const ZoneTree& tree, Zone& zone);
void index_names(Zone& zone);

// Fills in zone.denials and each node's part in them, from the NSEC or NSEC3 records of the tree.
// `proofs` gets, by block, the set that was rendered into it, for referrals that carry it too.
struct RenderedProof {
  BlockId block;
  const TreeNode* node;  // its owner
  const TreeSet* set;
};
using RenderedProofs = std::vector<RenderedProof>;  // ascending by block
[[nodiscard]] Status render_denials(const ZoneTree& tree, Zone& zone, RenderedProofs& proofs,
                                    std::vector<std::string>& warnings);

}  // namespace gl::zone
