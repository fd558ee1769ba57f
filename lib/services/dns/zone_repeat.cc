// Begun answers that are gone on with: from the current zones, from those before, or not at all.
#include <cstring>

#include "lib/base/endian.h"
#include "lib/dns/tcp_framing.h"
#include "lib/services/dns/zone.h"
#include "lib/zone/snapshot.h"

namespace gl::services {

// The client holds the beginning of this answer. `current`, which stands in `out`, goes on with it if it is the version
// that was begun; that is known by its identity, or because it can have been no other. An older version that is still
// kept is found by its identity alone.
Answer DnsZoneService::repeat(const Asked& asked, MutableBytes out, Version current, std::uint32_t identity) noexcept {
  const MutableBytes message = out.subspan(dns::kPrefixSize);
  Version begun = current;
  if (identity == 0) {
    if (!was_always(asked, message.first(current.length), current.since)) begun = {};
  } else if (identity != current.since) {
    begun = find_version(asked, message, current.since, identity);
  }
  if (begun.length == 0) {
    counters_.unrepeatable.add();
    return {Answer::Kind::unrepeatable};
  }
  counters_.continued.add();
  store_be(out.data(), static_cast<std::uint16_t>(begun.length));
  return {Answer::Kind::answered, dns::kPrefixSize + begun.length, false, begun.since};
}

// Whether `message`, the answer since that generation, was the answer during all of the last `--linger` seconds:
// because nothing has changed in it, or because every version of that time is still kept and says the same.
bool DnsZoneService::was_always(const Asked& asked, Bytes message, std::uint32_t since) noexcept {
  if (zones_ == nullptr) return true;
  return zones_->was_always(since, [&](const zone::ZoneSnapshot& snapshot) -> std::optional<std::uint32_t> {
    const Version before = version_from(snapshot, asked, {scratch_.get(), dns::kMaxMessage});
    const bool same =
        before.length == message.size() && std::memcmp(scratch_.get(), message.data(), message.size()) == 0;
    return same ? std::optional(before.since) : std::nullopt;
  });
}

// The version of that identity, which is older than `since`, if it is kept.
DnsZoneService::Version DnsZoneService::find_version(const Asked& asked, MutableBytes message, std::uint32_t since,
                                                     std::uint32_t identity) const noexcept {
  if (zones_ == nullptr) return {};
  for (const zone::ZoneSnapshot* snapshot : zones_->kept) {
    if (since <= identity || snapshot == nullptr) break;
    if (snapshot->generation() >= since) continue;  // the same version
    const Version before = version_from(*snapshot, asked, message);
    if (before.since == identity) return before;
    since = before.since;
  }
  return {};
}

}  // namespace gl::services
