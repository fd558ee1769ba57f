#include <algorithm>
#include <optional>

#include "lib/base/endian.h"
#include "lib/zone/block_builder.h"
#include "lib/zone/zone_render.h"

namespace gl::zone {
namespace {

constexpr std::uint16_t kMaxIterations = 150;

Result<BlockId> render_proof(const ZoneTree& tree, Zone& zone, const TreeNode& node, const TreeSet& set,
                             RenderedProofs& proofs) {
  BlockBuilder builder(zone.store, tree.apex().name);
  for (const Record* r : set.records) builder.add(Section::authority, node.name, *r, set.ttl);
  for (const Record* r : set.signatures) builder.add(Section::authority, node.name, *r, r->ttl);
  const BlockId block = builder.finish();
  if (block == kNoBlock) {
    return error_at(tree.file->path, set.records[0]->line,
                    type_to_text(set.type) + " of " + to_text(node.name) + " does not fit a DNS message");
  }
  proofs.push_back({block, &node, &set});
  return block;
}

bool is_visible(const TreeNode& node, NodeId id) {
  return node.cover == kNoNode || node.cover == id;
}

// `*` below the node, in wire form; empty where that is too long to be a name.
std::string wildcard_of(const TreeNode& node) {
  std::string name("\1*", 2);
  name += node.name;
  return name.size() <= dns::kMaxName ? name : std::string{};
}

// RFC 4035 3.1.3.
Status render_nsec(const ZoneTree& tree, Zone& zone, RenderedProofs& proofs) {
  zone.denials.use_nsec(tree.apex().key.size());
  for (NodeId id = 0; id < tree.nodes.size(); ++id) {
    const TreeNode& node = tree.nodes[id];
    const TreeSet* nsec = node.set(dns::rr::nsec);
    if (nsec == nullptr || !is_visible(node, id)) continue;
    Result<BlockId> block = render_proof(tree, zone, node, *nsec, proofs);
    if (!block) return Error{block.error()};
    zone.denials.add_nsec(node.key, *block);
  }
  zone.denials.sort();
  for (NodeId id = 0; id < tree.nodes.size(); ++id) {
    const TreeNode& node = tree.nodes[id];
    if (!is_visible(node, id)) continue;
    dns::Name name;
    if (!name.parse(as_bytes(node.name))) continue;
    zone.nodes[id].denial.match = zone.denials.covering_nsec(name);
    if (const std::string wildcard = wildcard_of(node); !wildcard.empty() && name.parse(as_bytes(wildcard))) {
      zone.nodes[id].denial.wildcard = zone.denials.covering_nsec(name);
    }
  }
  return success();
}

struct Nsec3Parameters {
  std::uint16_t iterations;
  std::string salt;
};

// The fields that NSEC3 and NSEC3PARAM have in common, where the hash is SHA-1 (RFC 5155 3.2 and 4.2).
std::optional<Nsec3Parameters> parameters_of(const Record& r) {
  const Bytes rdata = as_bytes(r.rdata);
  if (rdata.size() < 5 || rdata[0] != 1 || rdata.size() < 5U + rdata[4]) return std::nullopt;
  return Nsec3Parameters{load_be<std::uint16_t>(rdata.data() + 2), std::string(as_chars(rdata.subspan(5, rdata[4])))};
}

std::optional<Nsec3Hash> hash_in_owner(const TreeNode& node) {
  const std::string raw = decode_base32hex(node.name.substr(1, static_cast<std::uint8_t>(node.name.front())));
  Nsec3Hash hash;
  if (raw.size() != hash.size()) return std::nullopt;
  std::copy_n(as_bytes(raw).begin(), hash.size(), hash.begin());
  return hash;
}

// The chain that the zone's NSEC3PARAM names.
Status collect_nsec3(const ZoneTree& tree, Zone& zone, const Nsec3Parameters& wanted, RenderedProofs& proofs) {
  for (const TreeNode& node : tree.nsec3) {
    TreeSet of_chain;
    for (const TreeSet& set : node.sets) {
      for (const Record* r : set.records) {
        const auto parameters = parameters_of(*r);
        if (!parameters || parameters->salt != wanted.salt || parameters->iterations != wanted.iterations) continue;
        const auto hash = hash_in_owner(node);
        if (!hash || node.labels != tree.apex().labels + 1) {
          return error_at(tree.file->path, r->line, "the owner of an NSEC3 is no hash below the apex");
        }
        Result<BlockId> block = render_proof(tree, zone, node, set, proofs);
        if (!block) return Error{block.error()};
        zone.denials.add_nsec3(*hash, *block);
        break;
      }
    }
  }
  zone.denials.sort();
  return success();
}

void link_nsec3(const ZoneTree& tree, Zone& zone) {
  for (NodeId id = 0; id < tree.nodes.size(); ++id) {
    const TreeNode& node = tree.nodes[id];
    if (!is_visible(node, id)) continue;
    NodeDenial& denial = zone.nodes[id].denial;
    const Nsec3Hash hash = zone.denials.hash(as_bytes(node.name));
    denial.match = zone.denials.matching_nsec3(hash);
    if (denial.match == kNoBlock && node.parent != kNoNode) {
      const NodeDenial& parent = zone.nodes[node.parent].denial;
      denial.encloser = parent.encloser;
      denial.cover = parent.cover != kNoBlock ? parent.cover : zone.denials.covering_nsec3(hash);
      denial.wildcard = parent.wildcard;
      continue;
    }
    denial.encloser = denial.match;
    if (const std::string wildcard = wildcard_of(node); !wildcard.empty()) {
      denial.wildcard = zone.denials.covering_nsec3(as_bytes(wildcard));
    }
  }
}

}  // namespace

namespace {

// RFC 5155 section 4.1.2: one with flags is none of a chain that is complete.
const Record* active_nsec3param(const ZoneTree& tree) {
  const TreeSet* const set = tree.apex().set(dns::rr::nsec3param);
  if (set == nullptr) return nullptr;
  for (const Record* const record : set->records) {
    if (as_bytes(record->rdata)[1] == 0) return record;
  }
  return nullptr;
}

}  // namespace

Status render_denials(const ZoneTree& tree, Zone& zone, RenderedProofs& proofs, std::vector<std::string>& warnings) {
  if (tree.apex().set(dns::rr::nsec) != nullptr) return render_nsec(tree, zone, proofs);
  const Record* const chosen = active_nsec3param(tree);
  if (chosen == nullptr) {
    if (!tree.nsec3.empty()) {
      warnings.push_back(tree.file->path +
                         ": NSEC3 records but no NSEC3PARAM without flags at the apex: they are not used");
    }
    return success();
  }
  const Record& first = *chosen;
  const auto parameters = parameters_of(first);
  if (!parameters) return error_at(tree.file->path, first.line, "NSEC3PARAM with an unknown hash");
  if (parameters->iterations > 100) {
    warnings.push_back(error_at(tree.file->path, first.line,
                                "more than 100 NSEC3 iterations: validators treat the zone as unsigned (RFC 9276)")
                           .message);
  }
  if (parameters->iterations > kMaxIterations) {
    return error_at(tree.file->path, first.line,
                    "more than 150 NSEC3 iterations (RFC 9276 3.1): anybody could make every core hash");
  }
  zone.denials.use_nsec3(parameters->salt, parameters->iterations);
  if (Status status = collect_nsec3(tree, zone, *parameters, proofs); !status) return status;
  link_nsec3(tree, zone);
  return success();
}

}  // namespace gl::zone
