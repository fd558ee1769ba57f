#include "lib/transfer/catalog.h"

#include <string_view>

#include "lib/dns/types.h"
#include "lib/transfer/record.h"
#include "lib/transfer/zone_file.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

using namespace std::string_view_literals;
constexpr std::string_view kVersion = "\7version"sv;
constexpr std::string_view kZones = "\5zones"sv;
constexpr std::string_view kCoo = "\3coo"sv;
constexpr std::size_t kMostMembers = 100'000;

// Collected by member node.
struct Found {
  std::string zone;
  std::string coo;
  unsigned zones = 0;
  unsigned coos = 0;
};

class Reading {
 public:
  explicit Reading(const std::string& apex)
      : zones_(std::string(kZones) + apex), version_(std::string(kVersion) + apex) {}

  [[nodiscard]] Status take(const Record& record) {
    const std::string owner = lower_name(record.owner);
    if (owner == version_ && record.type == dns::rr::txt) {
      ++versions_;
      good_version_ = record.data == "\0012"sv;
    }
    if (record.type != dns::rr::ptr || !is_within(owner, zones_) || owner == zones_) return success();
    const std::size_t label = 1U + static_cast<unsigned char>(owner[0]);
    const std::string_view parent = std::string_view(owner).substr(label);
    if (parent == zones_) return add(nodes_[owner].zone, nodes_[owner].zones, record);
    const bool coo = owner.starts_with(kCoo) && parent.ends_with(zones_) &&
                     parent.size() == zones_.size() + 1U + static_cast<unsigned char>(parent[0]);
    return coo ? add(nodes_[std::string(parent)].coo, nodes_[std::string(parent)].coos, record) : success();
  }

  [[nodiscard]] Result<Catalog> finish() const {
    if (versions_ != 1 || !good_version_) return Error{"its version is not 2 (a TXT record \"2\" at version)"};
    Catalog catalog;
    for (const auto& [id, found] : nodes_) {
      if (found.zones == 0) continue;  // a property of no member
      if (found.zones > 1) return Error{"the member " + zone::to_text(id) + " has more than one PTR record"};
      if (found.coos > 1) return Error{"the member " + zone::to_text(id) + " has more than one coo property"};
      if (!catalog.try_emplace(found.zone, CatalogMember{id, found.coo}).second) {
        return Error{"the zone " + zone::to_text(found.zone) + " is there twice"};
      }
    }
    return catalog;
  }

 private:
  [[nodiscard]] Status add(std::string& into, unsigned& count, const Record& record) const {
    into = lower_name(record.data);
    ++count;
    return nodes_.size() <= kMostMembers ? success() : Error{"it has more than 100000 members"};
  }

  const std::string zones_;
  const std::string version_;
  unsigned versions_ = 0;
  bool good_version_ = false;
  std::map<std::string, Found> nodes_;
};

}  // namespace

Result<Catalog> read_catalog(const std::string& path, const std::string& apex) {
  Reading reading(apex);
  RecordReader reader(path);
  Record record;
  while (reader.next(record)) {
    if (Status status = reading.take(record); !status) return Error{status.error()};
  }
  if (reader.failed()) return Error{path + ": is damaged"};
  return reading.finish();
}

}  // namespace gl::transfer
