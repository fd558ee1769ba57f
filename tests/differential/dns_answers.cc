// Answers DNS queries without a network: wire queries, each behind a two-byte length, from standard input, the
// answers likewise to standard output. Length 0 means silence.
// Usage: dns_answers [--udp] [--max-udp N] [--nsid TEXT] ZONEFILE...
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/endian.h"
#include "lib/services/dns/zone.h"
#include "lib/zone/loader.h"
#include "lib/zone/snapshot.h"

namespace {

using namespace gl;

struct Options {
  bool udp = false;
  services::DnsSettings settings;
  std::vector<zone::ZoneSource> sources;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--udp") {
      options.udp = true;
    } else if (arg == "--max-udp" && i + 1 < argc) {
      options.settings.max_udp = static_cast<std::uint16_t>(std::atoi(argv[++i]));
    } else if (arg == "--nsid" && i + 1 < argc) {
      options.settings.nsid = argv[++i];
    } else {
      options.sources.push_back({std::string(arg), {}});
    }
  }
  options.settings.version = "goldilocks " GOLDILOCKS_VERSION;
  options.settings.server_id = "differential";
  return options;
}

bool read_query(std::vector<std::uint8_t>& query) {
  std::uint8_t prefix[2];
  if (std::fread(prefix, 1, 2, stdin) != 2) return false;
  query.resize(load_be<std::uint16_t>(prefix));
  return std::fread(query.data(), 1, query.size(), stdin) == query.size();
}

void answer_all(services::DnsZoneService& dns, bool udp) {
  std::vector<std::uint8_t> query;
  std::vector<std::uint8_t> out(kMaxRenderedAnswer);
  while (read_query(query)) {
    dns.begin_burst(0);
    const MutableBytes message = MutableBytes(out).subspan(udp ? 2 : 0);
    const Answer reply = udp ? dns.answer_datagram(query, message, {}) : dns.answer(query, message, {});
    const bool answered = reply.kind == Answer::Kind::answered;
    if (udp || !answered) store_be(out.data(), static_cast<std::uint16_t>(answered ? reply.length : 0));
    std::fwrite(out.data(), 1, answered ? reply.length + (udp ? 2U : 0U) : 2U, stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Result<zone::LoadedZones> loaded = zone::load_zones(options.sources);
  if (!loaded) return std::fprintf(stderr, "%s\n", loaded.error().c_str()), 1;
  for (const auto& warning : loaded->warnings) std::fprintf(stderr, "warning: %s\n", warning.text.c_str());
  const zone::PublishedZones zones{loaded->snapshot.get()};
  const std::atomic<const zone::PublishedZones*> published{&zones};
  services::DnsZoneService dns(options.settings, published);
  answer_all(dns, options.udp);
  return 0;
}
