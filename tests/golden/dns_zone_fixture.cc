#include "tests/golden/dns_zone_fixture.h"

#include <array>
#include <stdexcept>
#include <utility>

#include "lib/base/endian.h"

namespace gl::golden {
namespace {

std::uint16_t type_number(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, std::uint16_t>, 4> kTypes = {
      {{"A", 1}, {"SOA", 6}, {"TXT", 16}, {"ANY", 255}}};
  for (const auto& [name, number] : kTypes) {
    if (type == name) return number;
  }
  throw std::runtime_error("unknown record type " + std::string(type));
}

void put16(ByteString& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put_name(ByteString& out, std::string_view name) {
  while (!name.empty()) {
    const std::size_t length = std::min(name.find('.'), name.size());
    if (length > 0) {
      out.push_back(static_cast<std::uint8_t>(length));
      out.insert(out.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(length));
    }
    name.remove_prefix(std::min(length + 1, name.size()));
  }
  out.push_back(0);
}

}  // namespace

ByteString make_query(const DnsQuestion& question, unsigned number) {
  ByteString query;
  put16(query, 0);  // the length, below
  put16(query, static_cast<std::uint16_t>(number));
  const std::uint16_t additionals = question.dnssec_ok ? 1 : 0;
  for (const std::uint16_t field : std::array<std::uint16_t, 5>{0x0100, 1, 0, 0, additionals}) put16(query, field);
  put_name(query, question.name);
  put16(query, type_number(question.type));
  put16(query, 1);
  if (question.dnssec_ok) {
    constexpr std::array<std::uint8_t, 11> kOpt = {0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0};
    query.insert(query.end(), kOpt.begin(), kOpt.end());
  }
  store_be(query.data(), static_cast<std::uint16_t>(query.size() - 2));
  return query;
}

DnsZoneFixture::DnsZoneFixture(const std::filesystem::path& zone_file, const std::string& origin) {
  const zone::ZoneSource sources[] = {{zone_file.string(), origin}};
  Result<zone::LoadedZones> loaded = zone::load_zones(sources);
  if (!loaded.ok()) throw std::runtime_error(loaded.error());
  snapshot_ = std::move(loaded->snapshot);
  zones_.current = snapshot_.get();
  service_ = std::make_unique<services::DnsZoneService>(services::DnsSettings{}, published_);
  service_->begin_burst(0);
}

}  // namespace gl::golden
