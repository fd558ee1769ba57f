#include "lib/services/dns/answer.h"

#include <algorithm>

namespace gl::services {

using zone::Block;
using zone::BlockId;
using zone::BlockRef;
using zone::HashedName;
using zone::kNoBlock;
using zone::kNoNode;
using zone::Node;
using zone::RrsetEntry;
using zone::Zone;
using DenialKind = zone::Denials::Kind;

Outcome ZoneAnswer::run(HashedName& name) noexcept {
  current_ = {dns::kHeaderSize, name.name.length};
  while (true) {
    const auto [zone, since] = snapshot_.locate(name, options_.type == dns::rr::ds);
    depend(since);
    if (zone == nullptr || zone->unavailable) {
      if (zone != nullptr) depend(zone->since);
      // An alias that leads elsewhere: the resolver goes on from there.
      if (aliases_ > 0) {
        (void)finish();
      } else {
        outcome_.rcode = zone == nullptr ? dns::Rcode::refused : dns::Rcode::servfail;
      }
      return outcome_;
    }
    if (step(*zone, name) == Step::done) return outcome_;
  }
}

// RFC 1034 4.3.2 step 3: down to the name, a cut, a DNAME, or as far as names match.
ZoneAnswer::Step ZoneAnswer::step(const Zone& zone, HashedName& name) noexcept {
  const auto [node, exact] = zone::closest(zone, name);
  if (node->cut && (!exact || options_.type != dns::rr::ds)) return refer(zone, *node);
  outcome_.authoritative = true;
  if (exact) return at_node(zone, *node, nullptr, name);
  if (node->dname) return follow_dname(zone, *node, name);
  depend(node->since);
  if (node->wildcard != kNoNode) return at_node(zone, zone.nodes[node->wildcard], node, name);
  if (options_.dnssec) prove_name_absent(zone, *node, name);
  return negative(zone, dns::Rcode::nxdomain);
}

// The block that answers the question at this node; none: it has no such type.
BlockRef ZoneAnswer::block_for(const Zone& zone, const Node& node) noexcept {
  const bool any = options_.type == dns::rr::any;
  if (!any || !options_.minimal_any) {
    if (const RrsetEntry* entry = zone.rrset(node, options_.type)) return entry->block[options_.dnssec ? 1 : 0];
  }
  if (!any) return {};
  // RFC 8482 4.1: one RRset; the smallest, as this is about amplification.
  depend(node.since);
  BlockRef smallest;
  for (std::size_t i = 0; i < node.rrset_count; ++i) {
    const BlockRef& ref = zone.rrsets[node.rrsets + i].block[options_.dnssec ? 1 : 0];
    const std::size_t size = use(zone, ref).size;
    if (smallest.id == kNoBlock || size < zone.block(smallest.id).size) smallest = ref;
  }
  return smallest;
}

// `encloser` is set where the node is its wildcard and stands in for the name.
ZoneAnswer::Step ZoneAnswer::at_node(const Zone& zone, const Node& node, const Node* encloser,
                                     HashedName& name) noexcept {
  const BlockRef block = block_for(zone, node);
  const RrsetEntry* cname = block.id == kNoBlock ? zone.rrset(node, dns::rr::cname) : nullptr;
  if (options_.dnssec && encloser != nullptr) {
    // RFC 4035 3.1.3.3 and 3.1.3.4, RFC 5155 7.2.5 and 7.2.6.
    if (block.id != kNoBlock || cname != nullptr) {
      prove_next_closer(zone, *encloser, name);
    } else {
      prove_name_absent(zone, *encloser, name);
    }
  }
  if (block.id != kNoBlock) return positive(zone, block);
  depend(node.since);
  if (cname != nullptr) return follow_cname(zone, cname->block[options_.dnssec ? 1 : 0], name);
  if (options_.dnssec) prove_type_absent(zone, node);
  return negative(zone, dns::Rcode::noerror);
}

ZoneAnswer::Step ZoneAnswer::positive(const Zone& zone, const BlockRef& ref) noexcept {
  const Block& block = use(zone, ref);
  if (!composer_.reaches(block)) return finish();  // as in move_to()
  if (proof_count_ == 0) return composer_.add(block, current_.at, current_) ? Step::done : overflow();
  const std::size_t answer_at = composer_.at();
  if (!composer_.add_answer(block, current_.at, current_)) return overflow();
  flush_proofs();
  if (outcome_.whole) composer_.add_rest(block, current_.at, current_, answer_at);
  return Step::done;
}

ZoneAnswer::Step ZoneAnswer::refer(const Zone& zone, const Node& cut) noexcept {
  outcome_.referral = true;
  flush_proofs();
  if (!outcome_.whole) return Step::done;
  const RrsetEntry* entry = zone.rrset(cut, zone::kReferral);
  const Block& block = use(zone, entry->block[options_.dnssec ? 1 : 0]);
  if (!composer_.reaches(block)) return finish();  // as in move_to()
  const bool fits = composer_.add(block, current_.end() - cut.name_length, current_);
  return fits ? Step::done : overflow();
}

ZoneAnswer::Step ZoneAnswer::follow_cname(const Zone& zone, const BlockRef& ref, HashedName& name) noexcept {
  const Block& block = use(zone, ref);
  const std::size_t target_at = composer_.at() + block.target;
  if (!composer_.add_answer(block, current_.at, current_)) return overflow();
  return move_to(target_at, name);
}

// RFC 6672 3.2: the DNAME, and a CNAME made from it for this name.
ZoneAnswer::Step ZoneAnswer::follow_dname(const Zone& zone, const Node& owner, HashedName& name) noexcept {
  outcome_.authoritative = true;
  const Block& block = use(zone, zone.rrset(owner, dns::rr::dname)->block[options_.dnssec ? 1 : 0]);
  if (block.oversize != 0) return overflow();
  const std::uint8_t* target = block.bytes() + block.target;
  const std::size_t target_length = dns::name_length({target, std::size_t{block.size} - block.target});
  // The same DNAME again stands in the answer already (RFC 6672 section 3.2 makes a CNAME of it each time). A name that
  // has grown since grows with each turn: the resolver may go on from here.
  const auto used_end = dnames_.begin() + static_cast<std::ptrdiff_t>(dname_count_);
  const auto used = std::find_if(dnames_.begin(), used_end, [&](const UsedDname& d) { return d.block == &block; });
  if (used != used_end) {
    if (current_.length > used->length) return finish();
    used->length = current_.length;
  } else {
    if (dname_count_ == dnames_.size()) return finish();
    dnames_[dname_count_++] = {&block, current_.length};
    if (!composer_.add_answer(block, current_.end() - owner.name_length, current_)) return overflow();
  }
  const std::size_t prefix = current_.length - owner.name_length;
  if (prefix + target_length > dns::kMaxName) {
    outcome_.rcode = dns::Rcode::yxdomain;
    return finish();
  }
  std::uint8_t* const record = composer_.reserve_answer(12 + prefix + target_length);
  if (record == nullptr) return overflow();
  store_be<std::uint16_t>(record, static_cast<std::uint16_t>(0xc000 | current_.at));
  store_be<std::uint16_t>(record + 2, dns::rr::cname);
  store_be<std::uint16_t>(record + 4, dns::rr_class::in);
  std::memcpy(record + 6, target - 6, 4);  // the DNAME's TTL
  store_be<std::uint16_t>(record + 10, static_cast<std::uint16_t>(prefix + target_length));
  std::memcpy(record + 12, composer_.message() + current_.at, prefix);
  std::memcpy(record + 12 + prefix, target, target_length);
  if (options_.type == dns::rr::cname) return finish();
  return move_to(static_cast<std::size_t>(record + 12 - composer_.message()), name);
}

// On to an alias's target, which stands uncompressed in the message. The chain ends where it turns in a circle,
// gets too long, or is out of a pointer's reach: the resolver asks again from there.
ZoneAnswer::Step ZoneAnswer::move_to(std::size_t at, HashedName& name) noexcept {
  outcome_.chain = true;
  visited_[aliases_++] = name.hash[name.name.labels];
  if (aliases_ == zone::kMaxAliases || !name.name.parse({composer_.message() + at, composer_.at() - at})) {
    return finish();
  }
  name.rehash();
  const std::uint64_t hash = name.hash[name.name.labels];
  const auto end = visited_.begin() + static_cast<std::ptrdiff_t>(aliases_);
  if (std::find(visited_.begin(), end, hash) != end) return finish();
  current_ = {at, name.name.length};
  return current_.end() > dns::kMaxPointer ? finish() : Step::follow;
}

// The SOA goes first, as people expect; the proofs collected so far follow.
ZoneAnswer::Step ZoneAnswer::negative(const Zone& zone, dns::Rcode rcode) noexcept {
  outcome_.rcode = rcode;
  const Block& soa = use(zone, zone.negative_soa[options_.dnssec ? 1 : 0]);
  if (!composer_.add(soa, current_.end() - soa.base_length, current_)) return overflow();
  return finish();
}

// That the name itself is not there, next to a wildcard that stands in for it.
void ZoneAnswer::prove_next_closer(const Zone& zone, const Node& encloser, const HashedName& name) noexcept {
  depend(zone.denials.since());
  if (zone.denials.kind() == DenialKind::nsec) return add_proof(zone, zone.denials.covering_nsec(name.name));
  if (zone.denials.kind() != DenialKind::nsec3) return;
  if (encloser.denial.match == kNoBlock) return add_proof(zone, encloser.denial.cover);
  add_proof(zone, zone.denials.covering_nsec3(name.name.suffix(encloser.labels + 1U)));
}

// That neither the name nor a wildcard for it is there; where there is one (its type being absent), the record at
// the wildcard comes from prove_type_absent().
void ZoneAnswer::prove_name_absent(const Zone& zone, const Node& encloser, const HashedName& name) noexcept {
  prove_next_closer(zone, encloser, name);
  if (zone.denials.kind() == DenialKind::nsec3) add_proof(zone, encloser.denial.encloser);
  if (encloser.wildcard == kNoNode) add_proof(zone, encloser.denial.wildcard);
}

void ZoneAnswer::prove_type_absent(const Zone& zone, const Node& node) noexcept {
  if (node.denial.match != kNoBlock) return add_proof(zone, node.denial.match);
  add_proof(zone, node.denial.encloser);
  add_proof(zone, node.denial.cover);
}

void ZoneAnswer::add_proof(const Zone& zone, BlockId block) noexcept {
  if (block == kNoBlock || proof_count_ == proofs_.size()) return;
  for (std::size_t i = 0; i < proof_count_; ++i) {
    if (proofs_[i].zone == &zone && proofs_[i].block == block) return;
  }
  proofs_[proof_count_++] = {&zone, block, current_};
}

void ZoneAnswer::flush_proofs() noexcept {
  for (std::size_t i = 0; i < proof_count_ && outcome_.whole; ++i) {
    const Proof& proof = proofs_[i];
    const Block& block = use(*proof.zone, proof.block);
    const std::size_t own = proof.name.end() - block.base_length;
    if (!composer_.add(block, own, proof.name)) (void)overflow();
  }
  proof_count_ = 0;
}

ZoneAnswer::Step ZoneAnswer::finish() noexcept {
  flush_proofs();
  return Step::done;
}

ZoneAnswer::Step ZoneAnswer::overflow() noexcept {
  outcome_.whole = false;
  return Step::done;
}

}  // namespace gl::services
