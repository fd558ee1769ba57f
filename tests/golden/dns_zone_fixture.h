// The real zone service over one zone file, for dialogues that speak DNS; and the queries that they ask of it.
// Byte order: wire. Ownership: owns the zone and the service. Thread: one. Errors: std::runtime_error.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "lib/services/dns/zone.h"
#include "lib/zone/loader.h"
#include "lib/zone/published.h"
#include "lib/zone/snapshot.h"
#include "tests/golden/scripted_service.h"

namespace gl::golden {

struct DnsQuestion {
  std::string name;  // without escapes
  std::string type;  // SOA, A, TXT or ANY
  bool dnssec_ok = false;
};

// The query over TCP: length prefix, header, question, and an OPT record where DNSSEC is asked for.
[[nodiscard]] ByteString make_query(const DnsQuestion& question, unsigned number);

class DnsZoneFixture {
 public:
  DnsZoneFixture(const std::filesystem::path& zone_file, const std::string& origin);
  [[nodiscard]] StreamService& service() { return *service_; }

 private:
  std::unique_ptr<const zone::ZoneSnapshot> snapshot_;
  zone::PublishedZones zones_;
  std::atomic<const zone::PublishedZones*> published_{&zones_};
  std::unique_ptr<services::DnsZoneService> service_;
};

}  // namespace gl::golden
