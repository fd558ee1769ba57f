#include "lib/zone/zone_render.h"

#include <algorithm>

#include "lib/base/endian.h"
#include "lib/zone/block_builder.h"

namespace gl::zone {
namespace {

constexpr std::uint16_t kAddressTypes[] = {dns::rr::a, dns::rr::aaaa};

// Whose record data names a host that a resolver will ask for next.
bool has_host(std::uint16_t type) {
  using namespace dns::rr;
  return type == ns || type == mb || type == mx || type == kx || type == rt || type == srv;
}

std::string host_of(const Record& r) {
  std::string name(r.name(0));
  auto* bytes = reinterpret_cast<std::uint8_t*>(name.data());  // NOLINT
  dns::copy_lower(bytes, bytes, name.size());
  return name;
}

class Renderer {
 public:
  Renderer(const ZoneTree& tree, Zone& zone) : tree_(tree), zone_(zone) {}

  Status render(std::vector<std::string>& warnings) {
    warnings_ = &warnings;
    if (Status status = render_denials(tree_, zone_, proofs_, warnings); !status) return status;
    for (NodeId id = 0; id < tree_.nodes.size(); ++id) {
      const TreeNode& node = tree_.nodes[id];
      zone_.nodes[id].rrsets = static_cast<std::uint32_t>(zone_.rrsets.size());
      if (node.cover == kNoNode) {
        render_all(node);
      } else if (node.cover == id) {
        render_cut(node, zone_.nodes[id]);
      }
      zone_.nodes[id].rrset_count = static_cast<std::uint16_t>(zone_.rrsets.size() - zone_.nodes[id].rrsets);
    }
    return success();
  }

  // The SOA as it stands in denials: TTL no more than its MINIMUM (RFC 2308 3).
  void render_negative_soa() {
    const TreeSet& soa = *tree_.apex().set(dns::rr::soa);
    const Record& r = *soa.records[0];
    const auto minimum = load_be<std::uint32_t>(as_bytes(r.rdata).data() + r.rdata.size() - 4);
    const std::uint32_t ttl = std::min(soa.ttl, minimum);
    for (const bool dnssec : {false, true}) {
      BlockBuilder builder(zone_.store, tree_.apex().name);
      builder.add(Section::authority, tree_.apex().name, r, ttl);
      for (const Record* s : soa.signatures) {
        if (dnssec) builder.add(Section::authority, tree_.apex().name, *s, ttl);
      }
      zone_.negative_soa[dnssec ? 1 : 0] = builder.finish();
    }
  }

 private:
  void add_set(BlockBuilder& builder, Section section, const TreeNode& node, const TreeSet& set, bool dnssec) {
    for (const Record* r : set.records) builder.add(section, node.name, *r, set.ttl);
    if (!dnssec) return;
    for (const Record* r : set.signatures) builder.add(section, node.name, *r, r->ttl);
  }

  void add_addresses(BlockBuilder& builder, const TreeNode& host, bool optional, bool dnssec) {
    for (const std::uint16_t type : kAddressTypes) {
      const TreeSet* set = host.set(type);
      if (set == nullptr) continue;
      if (optional) builder.may_cut();
      // What lies below a cut is glue: not ours to sign.
      add_set(builder, Section::additional, host, *set, dnssec && host.cover == kNoNode);
    }
  }

  // The hosts that the set names and this zone knows, each once. Glue only where a name server is meant.
  std::vector<const TreeNode*> hosts_of(const TreeSet& set) {
    std::vector<const TreeNode*> hosts;
    if (!has_host(set.type)) return hosts;
    for (const Record* r : set.records) {
      const std::string name = host_of(*r);
      if (!is_within(name, tree_.apex().name)) continue;
      const TreeNode* host = tree_.find(name);
      if (host == nullptr || std::find(hosts.begin(), hosts.end(), host) != hosts.end()) continue;
      const bool hidden = host->cover != kNoNode;
      if (hidden && (set.type != dns::rr::ns || !tree_.nodes[host->cover].cut)) continue;
      hosts.push_back(host);
    }
    return hosts;
  }

  BlockId render_set(const TreeNode& node, const TreeSet& set, bool dnssec) {
    BlockBuilder builder(zone_.store, node.name);
    add_set(builder, Section::answer, node, set, dnssec);
    for (const TreeNode* host : hosts_of(set)) add_addresses(builder, *host, true, dnssec);
    return closed(builder, node, set);
  }

  BlockId closed(BlockBuilder& builder, const TreeNode& node, const TreeSet& set) {
    const BlockId block = builder.finish();
    if (block != kNoBlock) return block;
    return oversize(builder, set.records[0]->line, type_to_text(set.type) + " of " + to_text(node.name));
  }

  // Whoever asks for it gets SERVFAIL, or TC over UDP; the rest of the zone is served.
  BlockId oversize(BlockBuilder& builder, int line, const std::string& what) {
    const std::string warning = error_at(tree_.file->path, line, what + " fits no DNS message").message;
    if (warnings_->empty() || warnings_->back() != warning) warnings_->push_back(warning);
    return builder.finish_oversize();
  }

  // Hosts may have signed addresses although the set itself is unsigned.
  void add_entry(const TreeNode& node, const TreeSet& set) {
    const bool differs = !set.signatures.empty() || has_host(set.type);
    const BlockId plain = render_set(node, set, false);
    zone_.rrsets.push_back({set.type, {plain, differs ? render_set(node, set, true) : plain}});
  }

  void render_all(const TreeNode& node) {
    for (const TreeSet& set : node.sets) add_entry(node, set);
    const std::vector<const Record*> signatures = all_signatures(node);
    if (!signatures.empty()) {
      BlockBuilder builder(zone_.store, node.name);
      for (const Record* r : signatures) builder.add(Section::answer, node.name, *r, r->ttl);
      BlockId block = builder.finish();
      if (block == kNoBlock) block = oversize(builder, signatures[0]->line, "all RRSIG of " + to_text(node.name));
      zone_.rrsets.push_back({dns::rr::rrsig, {block, block}});
    }
    render_any(node, signatures);
  }

  static std::vector<const Record*> all_signatures(const TreeNode& node) {
    std::vector<const Record*> all = node.orphan_signatures;
    for (const TreeSet& set : node.sets) all.insert(all.end(), set.signatures.begin(), set.signatures.end());
    return all;
  }

  // All that is at the name. Where that fits no message there is no such entry, and ANY gets its first RRset.
  void render_any(const TreeNode& node, const std::vector<const Record*>& signatures) {
    if (node.sets.empty() && signatures.empty()) return;
    if (node.sets.size() == 1 && signatures.empty()) {
      zone_.rrsets.push_back({dns::rr::any, zone_.rrsets.back().block});
      return;
    }
    BlockBuilder builder(zone_.store, node.name);
    for (const TreeSet& set : node.sets) add_set(builder, Section::answer, node, set, true);
    for (const Record* r : node.orphan_signatures) builder.add(Section::answer, node.name, *r, r->ttl);
    const BlockId block = builder.finish();
    if (block != kNoBlock) zone_.rrsets.push_back({dns::rr::any, {block, block}});
  }

  // What the parent side of a cut has to say: the referral, and DS.
  void render_cut(const TreeNode& node, const Node& rendered) {
    const std::array<BlockId, 2> referral{render_referral(node, rendered, false),
                                          render_referral(node, rendered, true)};
    zone_.rrsets.push_back({kReferral, referral});
    if (const TreeSet* ds = node.set(dns::rr::ds)) add_entry(node, *ds);
  }

  BlockId render_referral(const TreeNode& node, const Node& rendered, bool dnssec) {
    const TreeSet& ns = *node.set(dns::rr::ns);
    BlockBuilder builder(zone_.store, node.name);
    add_set(builder, Section::authority, node, ns, false);
    if (dnssec) add_security(builder, node, rendered);
    const std::vector<const TreeNode*> hosts = hosts_of(ns);
    const auto in_domain = [&](const TreeNode* host) { return is_within(host->name, node.name); };
    for (const TreeNode* host : hosts) {
      if (in_domain(host)) add_addresses(builder, *host, false, dnssec);  // RFC 9471: has to be there
    }
    for (const TreeNode* host : hosts) {
      if (!in_domain(host)) add_addresses(builder, *host, true, dnssec);
    }
    return closed(builder, node, ns);
  }

  // Signed delegation: DS (an unsigned zone's validates nothing). Otherwise the proof that there is none (RFC
  // 4035 3.1.4, RFC 5155 7.2.7).
  void add_security(BlockBuilder& builder, const TreeNode& node, const Node& rendered) {
    const TreeSet* ds = node.set(dns::rr::ds);
    if (ds != nullptr && !ds->signatures.empty()) return add_set(builder, Section::authority, node, *ds, true);
    const NodeDenial& denial = rendered.denial;
    if (denial.match != kNoBlock) return add_proof(builder, denial.match);
    add_proof(builder, denial.encloser);
    if (denial.cover != denial.encloser) add_proof(builder, denial.cover);
  }

  void add_proof(BlockBuilder& builder, BlockId block) {
    const auto at = std::lower_bound(proofs_.begin(), proofs_.end(), block,
                                     [](const RenderedProof& p, BlockId b) { return p.block < b; });
    if (at != proofs_.end() && at->block == block) add_set(builder, Section::authority, *at->node, *at->set, true);
  }

  const ZoneTree& tree_;
  Zone& zone_;
  RenderedProofs proofs_;
  std::vector<std::string>* warnings_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Zone>> render_zone(const ZoneTree& tree, std::vector<std::string>& warnings) {
  auto zone = std::make_unique<Zone>();
  zone->path = tree.file->path;
  zone->included = tree.file->included;
  zone->origin = to_text(tree.apex().name);
  const Record& soa = *tree.apex().set(dns::rr::soa)->records[0];
  zone->serial = load_be<std::uint32_t>(as_bytes(soa.rdata).data() + soa.rdata.size() - 20);
  for (const auto* nodes : {&tree.nodes, &tree.nsec3}) {
    for (const TreeNode& node : *nodes) {
      zone->records += node.orphan_signatures.size();
      for (const TreeSet& set : node.sets) zone->records += set.records.size() + set.signatures.size();
    }
  }
  zone->apex_labels = tree.apex().labels;
  zone->apex_length = static_cast<std::uint8_t>(tree.apex().name.size());
  make_nodes(tree, *zone);
  Renderer renderer(tree, *zone);
  if (Status status = renderer.render(warnings); !status) return Error{status.error()};
  renderer.render_negative_soa();
  index_names(*zone);
  if (zone->store.bytes.size() > 0xffffffffU || zone->store.patches.size() > 0xffffffffU) {
    return Error{zone->path + ": the zone is too large: its answers take more than 4 GiB"};
  }
  return zone;
}

}  // namespace gl::zone
