#include "lib/zone_compiler/zone_check.h"

#include <ctime>

#include "lib/base/endian.h"

namespace gl::zone {
namespace {

constexpr std::size_t kMaxWarnings = 20;  // of one zone; the rest are counted

class Warnings {
 public:
  Warnings(const std::string& path, std::vector<std::string>& out) : path_(path), out_(out) {}
  void add(std::uint32_t line, const std::string& reason) {
    if (++count_ <= kMaxWarnings) out_.push_back(error_at(path_, line, reason).message);
  }
  void close() {
    if (count_ > kMaxWarnings) {
      out_.push_back(path_ + ": " + std::to_string(count_ - kMaxWarnings) + " more warnings");
    }
  }

 private:
  const std::string& path_;
  std::vector<std::string>& out_;
  std::size_t count_ = 0;
};

// A CNAME stands alone but for its DNSSEC records (RFC 2181 10.1, RFC 4034 3 and 4), and there is one.
Status check_alias(const ZoneTree& tree, const TreeNode& node) {
  const std::string& path = tree.file->path;
  for (const std::uint16_t single : {dns::rr::cname, dns::rr::dname}) {
    const TreeSet* set = tree.set(node, single);
    if (set != nullptr && set->record_count > 1) {
      return error_at(path, tree.records(*set)[1]->line,
                      "more than one " + type_to_text(single) + " at " + to_text(node.name()));
    }
  }
  const TreeSet* const alias = tree.set(node, dns::rr::cname);
  if (alias == nullptr) return success();
  for (const TreeSet& set : tree.sets_of(node)) {
    if (set.type == dns::rr::cname || set.type == dns::rr::nsec) continue;
    const std::uint32_t line = std::max(tree.records(set)[0]->line, tree.records(*alias)[0]->line);
    return error_at(path, line, "CNAME and other data (" + type_to_text(set.type) + ") at " + to_text(node.name()));
  }
  return success();
}

// Legal, and undefined for what the wildcard would stand in for (RFC 4592 sections 4.2 and 4.4).
void warn_wildcard(const ZoneTree& tree, const TreeNode& node, Warnings& warnings) {
  if (&node == &tree.apex() || !is_wildcard(node.name())) return;
  for (const std::uint16_t type : {dns::rr::ns, dns::rr::dname}) {
    if (const TreeSet* set = tree.set(node, type)) {
      warnings.add(tree.records(*set)[0]->line,
                   type_to_text(type) + " at a wildcard stands in for no name (RFC 4592 4)");
    }
  }
}

void warn_ttls(const ZoneTree& tree, const TreeNode& node, Warnings& warnings) {
  for (const TreeSet& set : tree.sets_of(node)) {
    for (const Record* r : tree.records(set)) {
      if (r->ttl == set.ttl) continue;
      warnings.add(r->line, "TTLs of the " + type_to_text(set.type) + " records of " + to_text(node.name()) +
                                " differ: the least is served");
      break;
    }
  }
}

// A name server below its own cut without an address cannot be found (RFC 9471).
void warn_glue(const ZoneTree& tree, const TreeNode& cut, Warnings& warnings) {
  std::array<char, dns::kMaxName> room;
  for (const Record* ns : tree.records(*tree.set(cut, dns::rr::ns))) {
    const std::string_view target = host_of(*ns, room);
    if (!is_within(target, cut.name())) continue;
    const TreeNode* node = tree.find(target, cut);
    if (node != nullptr && (tree.set(*node, dns::rr::a) != nullptr || tree.set(*node, dns::rr::aaaa) != nullptr)) {
      continue;
    }
    warnings.add(ns->line, "no glue for " + to_text(target) + ", a name server of " + to_text(cut.name()));
  }
}

void warn_hidden(const ZoneTree& tree, const TreeNode& node, Warnings& warnings) {
  if (tree.is_visible(node)) return;
  const TreeNode& cover = tree.nodes[node.cover];
  for (const TreeSet& set : tree.sets_of(node)) {
    if (cover.cut && (set.type == dns::rr::a || set.type == dns::rr::aaaa)) continue;  // glue
    warnings.add(tree.records(set)[0]->line, type_to_text(set.type) + " of " + to_text(node.name()) +
                                                 " is hidden by the " + (cover.cut ? "delegation" : "DNAME") + " at " +
                                                 to_text(cover.name()));
  }
}

// Serial arithmetic on 32-bit seconds (RFC 4034 3.1.5).
void warn_expired(const ZoneTree& tree, Warnings& warnings) {
  const RecordList signatures = tree.signatures(*tree.set(tree.apex(), dns::rr::soa));
  const auto now = static_cast<std::uint32_t>(std::time(nullptr));
  for (const Record* r : signatures) {
    const auto expires = load_be<std::uint32_t>(as_bytes(r->data()).data() + 8);
    if (static_cast<std::int32_t>(expires - now) >= 0) return;
  }
  if (!signatures.empty()) warnings.add(signatures[0]->line, "all signatures of the SOA have expired");
}

}  // namespace

Result<std::string> check_records(const Records& file, const std::string& origin) {
  const Record* soa = nullptr;
  for (const Record& r : file) {
    if (r.type != dns::rr::soa) continue;
    // A transfer's copy ends with the first SOA again: that is a duplicate, and dropped.
    if (soa != nullptr && (soa->owner() != r.owner() || soa->data() != r.data())) {
      return error_at(file.path, r.line, "a second SOA; the first is on line " + std::to_string(soa->line));
    }
    if (soa == nullptr) soa = &r;
  }
  if (soa == nullptr) return Error{file.path + ": no SOA record"};
  if (!origin.empty() && soa->owner() != origin) {
    return error_at(file.path, soa->line, "the SOA is at " + to_text(soa->owner()) + ", not at " + to_text(origin));
  }
  if (soa->name_count != 2 || soa->data_size < 22) return error_at(file.path, soa->line, "the SOA is too short");
  for (const Record& r : file) {
    if (is_within(r.owner(), soa->owner())) continue;
    return error_at(file.path, r.line, to_text(r.owner()) + " is outside the zone " + to_text(soa->owner()));
  }
  return std::string(soa->owner());
}

Status check_tree(const ZoneTree& tree, std::vector<std::string>& warnings) {
  const std::string& path = tree.file->path;
  const TreeNode& apex = tree.apex();
  if (tree.set(apex, dns::rr::ns) == nullptr) {
    return error_at(path, tree.records(*tree.set(apex, dns::rr::soa))[0]->line,
                    "no NS record at " + to_text(apex.name()));
  }
  Warnings out(path, warnings);
  for (const TreeNode& node : tree.nodes) {
    if (Status status = check_alias(tree, node); !status) return status;
    warn_wildcard(tree, node, out);
    warn_ttls(tree, node, out);
    if (node.cut) warn_glue(tree, node, out);
    warn_hidden(tree, node, out);
    if (node.orphans && node.cover == kNoNode) {
      out.add(tree.orphans(node)[0]->line, "RRSIG of records that are not at " + to_text(node.name()));
    }
  }
  warn_expired(tree, out);
  out.close();
  return success();
}

}  // namespace gl::zone
