#include <algorithm>
#include <optional>

#include "lib/base/endian.h"
#include "lib/zone_compiler/zone_render.h"

namespace gl::zone {
namespace {

// What is rendered, and where to.
struct Rendering {
  const ZoneTree& tree;
  ZoneParts& parts;
  BlockBuilder& builder;
  RenderedProofs& proofs;

  [[nodiscard]] NodeDenial& denial_of(const TreeNode& node) const { return parts.nodes[node.image].denial; }
};

Result<BlockId> render_proof(const Rendering& r, const TreeNode& node, const TreeSet& set) {
  r.builder.begin(r.tree.apex().name());
  for (const Record* record : r.tree.records(set)) r.builder.add(Section::authority, node.name(), *record, set.ttl);
  for (const Record* record : r.tree.signatures(set)) {
    r.builder.add(Section::authority, node.name(), *record, record->ttl);
  }
  const BlockId block = r.builder.finish();
  if (block == kNoBlock) {
    return error_at(r.tree.file->path, r.tree.records(set)[0]->line,
                    type_to_text(set.type) + " of " + to_text(node.name()) + " does not fit a DNS message");
  }
  r.proofs.push_back({block, &node, &set});
  return block;
}

// `*` below the node, in wire form; empty where that is too long to be a name.
std::string wildcard_of(const TreeNode& node) {
  std::string name("\1*", 2);
  name += node.name();
  return name.size() <= dns::kMaxName ? name : std::string{};
}

// RFC 4035 3.1.3.
Status render_nsec(const Rendering& r) {
  const std::size_t apex_key_size = key_of(r.tree.apex().name()).size();
  r.parts.denials.use_nsec(apex_key_size);
  for (const TreeNode& node : r.tree.nodes) {
    const TreeSet* nsec = r.tree.set(node, dns::rr::nsec);
    if (nsec == nullptr || !r.tree.is_visible(node)) continue;
    const Result<BlockId> block = render_proof(r, node, *nsec);
    if (!block) return Error{block.error()};
    r.parts.denials.add(as_bytes(key_of(node.name())).subspan(apex_key_size), *block);
  }
  r.parts.denials.sort();
  const Denials denials = r.parts.denials.view();
  dns::Name name;
  for (const TreeNode& node : r.tree.nodes) {
    if (!r.tree.is_visible(node) || !name.parse(as_bytes(node.name()))) continue;
    r.denial_of(node).match = denials.covering_nsec(name);
    if (const std::string wildcard = wildcard_of(node); !wildcard.empty() && name.parse(as_bytes(wildcard))) {
      r.denial_of(node).wildcard = denials.covering_nsec(name);
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
  const Bytes data = as_bytes(r.data());
  if (data.size() < 5 || data[0] != 1 || data.size() < 5U + data[4]) return std::nullopt;
  return Nsec3Parameters{load_be<std::uint16_t>(data.data() + 2), std::string(as_chars(data.subspan(5, data[4])))};
}

std::optional<Nsec3Hash> hash_in_owner(const TreeNode& node) {
  const auto length = static_cast<std::uint8_t>(node.name().front());
  const std::string raw = decode_base32hex(std::string(node.name().substr(1, length)));
  Nsec3Hash hash;
  if (raw.size() != hash.size()) return std::nullopt;
  std::copy_n(as_bytes(raw).begin(), hash.size(), hash.begin());
  return hash;
}

bool is_of_chain(const Record& record, const Nsec3Parameters& wanted) {
  const auto parameters = parameters_of(record);
  return parameters && parameters->salt == wanted.salt && parameters->iterations == wanted.iterations;
}

// The chain that the zone's NSEC3PARAM names.
Status collect_nsec3(const Rendering& r, const Nsec3Parameters& wanted) {
  for (const TreeNode& node : r.tree.nsec3) {
    for (const TreeSet& set : r.tree.sets_of(node)) {
      const RecordList records = r.tree.records(set);
      const auto of_chain = std::ranges::find_if(records, [&](const Record* n) { return is_of_chain(*n, wanted); });
      if (of_chain == records.end()) continue;
      const auto hash = hash_in_owner(node);
      if (!hash || node.labels != r.tree.apex().labels + 1) {
        return error_at(r.tree.file->path, (*of_chain)->line, "the owner of an NSEC3 is no hash below the apex");
      }
      const Result<BlockId> block = render_proof(r, node, set);
      if (!block) return Error{block.error()};
      r.parts.denials.add(*hash, *block);
    }
  }
  r.parts.denials.sort();
  return success();
}

void link_nsec3(const Rendering& r) {
  const Denials denials = r.parts.denials.view();
  for (const TreeNode& node : r.tree.nodes) {
    if (!r.tree.is_visible(node)) continue;
    NodeDenial& denial = r.denial_of(node);
    const Nsec3Hash hash = denials.hash(as_bytes(node.name()));
    denial.match = denials.matching_nsec3(hash);
    if (denial.match == kNoBlock && node.parent != kNoNode) {
      const NodeDenial& parent = r.denial_of(r.tree.nodes[node.parent]);
      denial.encloser = parent.encloser;
      denial.cover = parent.cover != kNoBlock ? parent.cover : denials.covering_nsec3(hash);
      denial.wildcard = parent.wildcard;
      continue;
    }
    denial.encloser = denial.match;
    if (const std::string wildcard = wildcard_of(node); !wildcard.empty()) {
      denial.wildcard = denials.covering_nsec3(as_bytes(wildcard));
    }
  }
}

// RFC 5155 section 4.1.2: one with flags is none of a chain that is complete.
const Record* active_nsec3param(const ZoneTree& tree) {
  const TreeSet* const set = tree.set(tree.apex(), dns::rr::nsec3param);
  if (set == nullptr) return nullptr;
  for (const Record* const record : tree.records(*set)) {
    if (as_bytes(record->data())[1] == 0) return record;
  }
  return nullptr;
}

}  // namespace

Status render_denials(const ZoneTree& tree, ZoneParts& parts, BlockBuilder& builder, RenderedProofs& proofs,
                      std::vector<std::string>& warnings) {
  const Rendering rendering{tree, parts, builder, proofs};
  if (tree.set(tree.apex(), dns::rr::nsec) != nullptr) return render_nsec(rendering);
  const Record* const chosen = active_nsec3param(tree);
  if (chosen == nullptr) {
    if (!tree.nsec3.empty()) {
      warnings.push_back(tree.file->path +
                         ": NSEC3 records but no NSEC3PARAM without flags at the apex: they are not used");
    }
    return success();
  }
  const auto parameters = parameters_of(*chosen);
  if (!parameters) return error_at(tree.file->path, chosen->line, "NSEC3PARAM with an unknown hash");
  if (parameters->iterations > 100) {
    warnings.push_back(error_at(tree.file->path, chosen->line,
                                "more than 100 NSEC3 iterations: validators treat the zone as unsigned (RFC 9276)")
                           .message);
  }
  if (parameters->iterations > kMaxNsec3Iterations) {
    return error_at(tree.file->path, chosen->line,
                    "more than 150 NSEC3 iterations (RFC 9276 3.1): anybody could make every core hash");
  }
  parts.denials.use_nsec3(parameters->salt, parameters->iterations);
  if (Status status = collect_nsec3(rendering, *parameters); !status) return status;
  link_nsec3(rendering);
  return success();
}

}  // namespace gl::zone
