#include "lib/zone_compiler/zone_render.h"

#include <algorithm>

#include "lib/base/endian.h"

namespace gl::zone {
namespace {

constexpr std::uint16_t kAddressTypes[] = {dns::rr::a, dns::rr::aaaa};

// Whose record data names a host that a resolver will ask for next.
bool has_host(std::uint16_t type) {
  using namespace dns::rr;
  return type == ns || type == mb || type == mx || type == kx || type == rt || type == srv;
}

class Renderer {
 public:
  Renderer(const ZoneTree& tree, ZoneParts& parts, std::vector<std::string>& warnings)
      : tree_(tree), parts_(parts), warnings_(warnings), builder_(parts.store) {}

  Status render() {
    if (Status status = render_denials(tree_, parts_, builder_, proofs_, warnings_); !status) return status;
    for (const TreeNode& node : tree_.nodes) {
      if (!tree_.is_visible(node)) continue;
      Node& rendered = parts_.nodes[node.image];
      rendered.rrsets = static_cast<std::uint32_t>(parts_.rrsets.size());
      if (node.cut) {
        render_cut(node, rendered);
      } else {
        render_all(node);
      }
      rendered.rrset_count = static_cast<std::uint16_t>(parts_.rrsets.size() - rendered.rrsets);
    }
    return success();
  }

  // The SOA as it stands in denials: TTL no more than its MINIMUM (RFC 2308 3).
  void render_negative_soa() {
    const TreeNode& apex = tree_.apex();
    const TreeSet& soa = *tree_.set(apex, dns::rr::soa);
    const Record& r = *tree_.records(soa)[0];
    const auto minimum = load_be<std::uint32_t>(as_bytes(r.data()).data() + r.data_size - 4);
    const std::uint32_t ttl = std::min(soa.ttl, minimum);
    for (const bool dnssec : {false, true}) {
      builder_.begin(apex.name());
      builder_.add(Section::authority, apex.name(), r, ttl);
      for (const Record* s : tree_.signatures(soa)) {
        if (dnssec) builder_.add(Section::authority, apex.name(), *s, ttl);
      }
      parts_.negative_soa[dnssec ? 1 : 0] = builder_.finish();
    }
  }

 private:
  void add_set(Section section, const TreeNode& node, const TreeSet& set, bool dnssec) {
    for (const Record* r : tree_.records(set)) builder_.add(section, node.name(), *r, set.ttl);
    if (!dnssec) return;
    for (const Record* r : tree_.signatures(set)) builder_.add(section, node.name(), *r, r->ttl);
  }

  void add_addresses(const TreeNode& host, bool optional, bool dnssec) {
    for (const std::uint16_t type : kAddressTypes) {
      const TreeSet* set = tree_.set(host, type);
      if (set == nullptr) continue;
      if (optional) builder_.may_cut();
      // What lies below a cut is glue: not ours to sign.
      add_set(Section::additional, host, *set, dnssec && host.cover == kNoNode);
    }
  }
  [[nodiscard]] bool has_signed_address(const TreeNode& host) const {
    return host.cover == kNoNode && std::ranges::any_of(kAddressTypes, [&](std::uint16_t type) {
             const TreeSet* const set = tree_.set(host, type);
             return set != nullptr && set->signature_count != 0;
           });
  }

  // The hosts that the set names and this zone knows, each once. Glue only where a name server is meant.
  void find_hosts(const TreeNode& node, const TreeSet& set) {
    hosts_.clear();
    if (!has_host(set.type)) return;
    std::array<char, dns::kMaxName> room;
    for (const Record* r : tree_.records(set)) {
      const std::string_view name = host_of(*r, room);
      if (!is_within(name, tree_.apex().name())) continue;
      const TreeNode* host = tree_.find(name, node);
      if (host == nullptr || std::ranges::find(hosts_, host) != hosts_.end()) continue;
      const bool hidden = host->cover != kNoNode;
      if (hidden && (set.type != dns::rr::ns || !tree_.nodes[host->cover].cut)) continue;
      hosts_.push_back(host);
    }
  }

  BlockId render_set(const TreeNode& node, const TreeSet& set, bool dnssec) {
    builder_.begin(node.name());
    add_set(Section::answer, node, set, dnssec);
    for (const TreeNode* host : hosts_) add_addresses(*host, true, dnssec);
    return closed(node, set);
  }

  BlockId closed(const TreeNode& node, const TreeSet& set) {
    const BlockId block = builder_.finish();
    if (block != kNoBlock) return block;
    return oversize(tree_.records(set)[0]->line, type_to_text(set.type) + " of " + to_text(node.name()));
  }

  // Whoever asks for it gets SERVFAIL, or TC over UDP; the rest of the zone is served.
  BlockId oversize(std::uint32_t line, const std::string& what) {
    const std::string warning = error_at(tree_.file->path, line, what + " fits no DNS message").message;
    if (warnings_.empty() || warnings_.back() != warning) warnings_.push_back(warning);
    return builder_.finish_oversize();
  }

  void add_entry(std::uint16_t type, BlockId plain, BlockId dnssec) {
    parts_.rrsets.push_back({type, 0, {BlockRef{plain, 0}, BlockRef{dnssec, 0}}});
  }
  void add_entry(const TreeNode& node, const TreeSet& set) {
    find_hosts(node, set);
    const BlockId plain = render_set(node, set, false);
    // Hosts may have signed addresses although the set itself is unsigned.
    const bool differs = set.signature_count != 0 ||
                         std::ranges::any_of(hosts_, [&](const TreeNode* host) { return has_signed_address(*host); });
    add_entry(set.type, plain, differs ? render_set(node, set, true) : plain);
  }

  void render_all(const TreeNode& node) {
    for (const TreeSet& set : tree_.sets_of(node)) add_entry(node, set);
    collect_signatures(node);
    if (!signatures_.empty()) {
      builder_.begin(node.name());
      for (const Record* r : signatures_) builder_.add(Section::answer, node.name(), *r, r->ttl);
      BlockId block = builder_.finish();
      if (block == kNoBlock) block = oversize(signatures_[0]->line, "all RRSIG of " + to_text(node.name()));
      add_entry(dns::rr::rrsig, block, block);
    }
    render_any(node);
  }

  void collect_signatures(const TreeNode& node) {
    const RecordList orphans = tree_.orphans(node);
    signatures_.assign(orphans.begin(), orphans.end());
    for (const TreeSet& set : tree_.sets_of(node)) {
      const RecordList more = tree_.signatures(set);
      signatures_.insert(signatures_.end(), more.begin(), more.end());
    }
  }

  // All that is at the name. Where that fits no message there is no such entry, and ANY gets its first RRset.
  void render_any(const TreeNode& node) {
    if (node.set_count == 0 && signatures_.empty()) return;
    if (node.set_count == 1 && signatures_.empty()) {
      RrsetEntry entry = parts_.rrsets.back();
      entry.type = dns::rr::any;
      return parts_.rrsets.push_back(entry);
    }
    builder_.begin(node.name());
    for (const TreeSet& set : tree_.sets_of(node)) add_set(Section::answer, node, set, true);
    for (const Record* r : tree_.orphans(node)) builder_.add(Section::answer, node.name(), *r, r->ttl);
    const BlockId block = builder_.finish();
    if (block != kNoBlock) add_entry(dns::rr::any, block, block);
  }

  // What the parent side of a cut has to say: the referral, and DS.
  void render_cut(const TreeNode& node, const Node& rendered) {
    const TreeSet& ns = *tree_.set(node, dns::rr::ns);
    find_hosts(node, ns);
    const BlockId plain = render_referral(node, ns, rendered, false);
    const bool differs = has_security(node, rendered) ||
                         std::ranges::any_of(hosts_, [&](const TreeNode* host) { return has_signed_address(*host); });
    add_entry(kReferral, plain, differs ? render_referral(node, ns, rendered, true) : plain);
    if (const TreeSet* ds = tree_.set(node, dns::rr::ds)) add_entry(node, *ds);
  }

  BlockId render_referral(const TreeNode& node, const TreeSet& ns, const Node& rendered, bool dnssec) {
    builder_.begin(node.name());
    add_set(Section::authority, node, ns, false);
    if (dnssec) add_security(node, rendered);
    const auto in_domain = [&](const TreeNode* host) { return is_within(host->name(), node.name()); };
    for (const TreeNode* host : hosts_) {
      if (in_domain(host)) add_addresses(*host, false, dnssec);  // RFC 9471: has to be there
    }
    for (const TreeNode* host : hosts_) {
      if (!in_domain(host)) add_addresses(*host, true, dnssec);
    }
    return closed(node, ns);
  }

  // Whether add_security() has something to add.
  [[nodiscard]] bool has_security(const TreeNode& node, const Node& rendered) const {
    const TreeSet* const ds = tree_.set(node, dns::rr::ds);
    const NodeDenial& denial = rendered.denial;
    return (ds != nullptr && ds->signature_count != 0) || denial.match != kNoBlock || denial.encloser != kNoBlock ||
           denial.cover != kNoBlock;
  }
  // Signed delegation: DS (an unsigned zone's validates nothing). Otherwise the proof that there is none (RFC
  // 4035 3.1.4, RFC 5155 7.2.7).
  void add_security(const TreeNode& node, const Node& rendered) {
    const TreeSet* ds = tree_.set(node, dns::rr::ds);
    if (ds != nullptr && ds->signature_count != 0) return add_set(Section::authority, node, *ds, true);
    const NodeDenial& denial = rendered.denial;
    if (denial.match != kNoBlock) return add_proof(denial.match);
    add_proof(denial.encloser);
    if (denial.cover != denial.encloser) add_proof(denial.cover);
  }

  void add_proof(BlockId block) {
    const auto at = std::lower_bound(proofs_.begin(), proofs_.end(), block,
                                     [](const RenderedProof& p, BlockId b) { return p.block < b; });
    if (at != proofs_.end() && at->block == block) add_set(Section::authority, *at->node, *at->set, true);
  }

  const ZoneTree& tree_;
  ZoneParts& parts_;
  std::vector<std::string>& warnings_;
  BlockBuilder builder_;
  RenderedProofs proofs_;
  std::vector<const TreeNode*> hosts_;     // of the set that is being rendered
  std::vector<const Record*> signatures_;  // of the node that is being rendered
};

// The nodes that queries can reach, without their records; and the hash table over their names.
Status make_nodes(const ZoneTree& tree, ZoneParts& parts) {
  std::size_t visible = 0;
  for (const TreeNode& from : tree.nodes) visible += from.image == kNoNode ? 0 : 1;
  parts.index = NameIndex(visible);
  for (const TreeNode& from : tree.nodes) {
    if (from.image == kNoNode) continue;
    if (parts.names.size() + from.name_size > UINT32_MAX) {
      return Error{tree.file->path + ": the zone is too large: its names take more than 4 GiB"};
    }
    Node node;
    node.name = static_cast<std::uint32_t>(parts.names.size());
    node.name_length = from.name_size;
    node.labels = from.labels;
    node.cut = from.cut ? 1 : 0;
    node.dname = from.dname ? 1 : 0;
    parts.names.append(as_bytes(from.name()).data(), from.name_size);
    if (is_wildcard(from.name()) && from.parent != kNoNode) {
      parts.nodes[tree.nodes[from.parent].image].wildcard = from.image;
    }
    parts.max_labels = std::max(parts.max_labels, from.labels);
    parts.nodes.push_back(node);
    parts.index.add(from.name(), from.image);
  }
  parts.index.finish();
  return success();
}

std::uint64_t count_records(const ZoneTree& tree) {
  std::uint64_t count = 0;
  for (const auto* nodes : {&tree.nodes, &tree.nsec3}) {
    for (const TreeNode& node : *nodes) {
      count += tree.orphans(node).size();
      for (const TreeSet& set : tree.sets_of(node)) count += set.record_count + set.signature_count;
    }
  }
  return count;
}

}  // namespace

Result<ZoneParts> render_zone(const ZoneTree& tree, std::vector<std::string>& warnings, std::size_t most_blocks) {
  ZoneParts parts;
  parts.store.most = most_blocks;
  parts.included = tree.file->included;
  parts.origin = to_text(tree.apex().name());
  const Record& soa = *tree.records(*tree.set(tree.apex(), dns::rr::soa))[0];
  parts.serial = load_be<std::uint32_t>(as_bytes(soa.data()).data() + soa.data_size - 20);
  parts.records = count_records(tree);
  parts.apex_labels = tree.apex().labels;
  parts.apex_length = tree.apex().name_size;
  if (Status status = make_nodes(tree, parts); !status) return Error{status.error()};
  Renderer renderer(tree, parts, warnings);
  if (Status status = renderer.render(); !status) return Error{status.error()};
  renderer.render_negative_soa();
  if (parts.denials.keys.size() > UINT32_MAX) {
    return Error{tree.file->path + ": the zone is too large: the names of its denials take more than 4 GiB"};
  }
  if (parts.store.full) {
    return Error{tree.file->path + ": the zone is too large: its answers take more than " +
                 std::to_string(most_blocks) + " bytes"};
  }
  return parts;
}

}  // namespace gl::zone
