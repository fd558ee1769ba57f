#include "lib/transfer/differences.h"

#include "lib/dns/types.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

Error odd(const Record& record, const char* what) {
  return Error{std::string("the differences ") + what + " a record of " + zone::to_text(record.owner) + " (type " +
               std::to_string(record.type) + ")"};
}

}  // namespace

Status Differences::change(const Record& record, bool adds) {
  std::string identity = identity_of(record);
  constexpr std::size_t kOverhead = 200;
  bytes_ += kOverhead + 3 * identity.size();
  if (bytes_ > most_bytes_) return Error{"differences of more than " + std::to_string(most_bytes_ >> 20) + " MiB"};
  const auto [found, is_new] = changes_.try_emplace(std::move(identity));
  Change& change = found->second;
  if (is_new) change.first_adds = adds;
  if (!is_new && change.last_adds == adds) return odd(record, adds ? "add twice" : "remove twice");
  change.last_adds = adds;
  if (adds) change.record = record;
  return success();
}

Status Differences::apply(const std::string& kept, const Record& newest, ZoneWriter& into) {
  if (Status status = into.add(newest); !status) return status;
  const std::string newest_identity = identity_of(newest);
  RecordReader reader(kept);
  Record record;
  while (reader.next(record)) {
    const auto found = changes_.find(identity_of(record));
    if (found != changes_.end()) {
      // Some primaries add what is there already, with another TTL.
      if (found->second.first_adds && !found->second.last_adds) return odd(record, "add and remove");
      found->second.met = true;
      continue;
    }
    if (Status status = into.add(record); !status) return status;
  }
  if (reader.failed()) return Error{kept + ": is damaged"};
  for (const auto& [identity, change] : changes_) {
    if (!change.met && !change.first_adds)
      return odd(change.last_adds ? change.record : newest, "remove what is not there:");
    if (!change.last_adds || identity == newest_identity) continue;
    if (Status status = into.add(change.record); !status) return status;
  }
  return into.finish();
}

}  // namespace gl::transfer
