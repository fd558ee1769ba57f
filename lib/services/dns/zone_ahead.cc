// The requests of a burst, before they are answered: where zones are larger than caches, a lookup is a chain of misses,
// and those of 32 requests overlap when they are begun together.
#include <array>

#include "lib/services/dns/zone.h"
#include "lib/zone/foresight.h"

namespace gl::services {
namespace {

// An OPT without options ends most queries; its DO bit (RFC 3225) chooses between two answers.
bool wants_dnssec(Bytes request, std::size_t question_end) noexcept {
  constexpr std::size_t kDoAt = 7;  // in the OPT: behind name, type, payload, extended rcode and version
  return request.size() >= question_end + dns::kOptSize && request[question_end] == 0 &&
         load_be<std::uint16_t>(request.data() + question_end + 1) == dns::rr::opt &&
         (request[question_end + kDoAt] & 0x80) != 0;
}

}  // namespace

bool DnsZoneService::looks_ahead() const noexcept {
  return zones_ != nullptr && zones_->current != nullptr && zones_->current->memory() > kFarMemory;
}

void DnsZoneService::look_ahead(std::span<const Bytes> requests) noexcept {
  std::array<zone::Foresight, kMostAhead> lookups;
  std::size_t count = 0;
  zone::HashedName name;
  for (const Bytes request : requests.first(std::min(requests.size(), lookups.size()))) {
    if (request.size() < dns::kHeaderSize || !name.name.parse(request.subspan(dns::kHeaderSize))) continue;
    const std::size_t end = dns::kHeaderSize + name.name.length + 4u;
    if (request.size() < end) continue;
    name.rehash();
    const auto type = load_be<std::uint16_t>(request.data() + end - 4);
    lookups[count++].find_slots(*zones_->current, name, type, wants_dnssec(request, end));
  }
  const std::span found = std::span(lookups).first(count);
  for (zone::Foresight& lookup : found) lookup.find_node();
  for (zone::Foresight& lookup : found) lookup.find_rrsets();
  for (zone::Foresight& lookup : found) lookup.find_block();
}

}  // namespace gl::services
