#include "lib/control/transfers/served_zones.h"

#include <algorithm>
#include <array>

#include "lib/services/dns/answer.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

// As everybody is told it: the answer to a question for it.
bool read_soa(const zone::ZoneSnapshot& snapshot, Bytes apex, transfer::Record& soa) {
  std::array<std::uint8_t, 4096> message{};
  std::ranges::copy(apex, message.begin() + dns::kHeaderSize);
  const std::size_t begin = dns::kHeaderSize + apex.size() + 4;
  zone::Composer composer(message.data(), begin, message.size());
  zone::HashedName name;
  if (!name.name.parse(apex)) return false;
  name.rehash();
  (void)services::ZoneAnswer(snapshot, {.type = dns::rr::soa}, composer).run(name);
  std::size_t at = begin;
  return composer.answers() > 0 && transfer::read_record(Bytes(message).first(composer.at()), at, soa) &&
         soa.type == dns::rr::soa;
}

}  // namespace

ServedZoneMap served_zones(const zone::ZoneSnapshot& snapshot) {
  ServedZoneMap zones;
  for (const auto& zone : snapshot.zones()) {
    if (zone->unavailable) continue;
    const Bytes apex = zone->name_of(zone->nodes[0]);
    ServedZone served;
    if (!read_soa(snapshot, apex, served.soa)) continue;
    served.serial = zone->serial;
    served.name = zone->origin;
    served.path = zone->path;
    served.transferred = zone->transferred;
    zones.emplace(std::string(zone::as_chars(apex)), std::move(served));
  }
  return zones;
}

}  // namespace gl::control
