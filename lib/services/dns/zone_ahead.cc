// The requests of a burst, before they are answered: where zones are larger than caches, a lookup is a chain of misses,
// and those of 32 requests overlap when they are begun together.
#include <array>

#include "lib/services/dns/query.h"
#include "lib/services/dns/zone.h"
#include "lib/zone/foresight.h"

namespace gl::services {

bool DnsZoneService::looks_ahead() const noexcept {
  return zones_ != nullptr && zones_->current != nullptr && zones_->current->memory() > kFarMemory;
}

void DnsZoneService::look_ahead(std::span<const Bytes> requests) noexcept {
  std::array<zone::Foresight, kMostAhead> lookups;
  std::size_t count = 0;
  zone::HashedName name;
  for (const Bytes request : requests.first(std::min(requests.size(), lookups.size()))) {
    DnsQuery query;
    if (request.size() < dns::kHeaderSize || parse_query(request, query) != dns::Rcode::noerror) continue;
    name.name.assign(query.question.name);
    name.rehash();
    lookups[count++].find_slots(*zones_->current, name, query.question.type, query.edns.dnssec_ok);
  }
  const std::span found = std::span(lookups).first(count);
  for (zone::Foresight& lookup : found) lookup.find_node();
  for (zone::Foresight& lookup : found) lookup.find_rrsets();
  for (zone::Foresight& lookup : found) lookup.find_block();
}

}  // namespace gl::services
