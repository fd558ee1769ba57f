// Stages of a DNS answer, on the real root zone: parsing the query, looking the name up, the whole answer.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "lib/services/dns/query.h"
#include "lib/services/dns/zone.h"
#include "lib/zone/loader.h"
#include "lib/zone/snapshot.h"

namespace {

using namespace gl;
using Message = std::vector<std::uint8_t>;

constexpr std::size_t kQueries = 1024;  // in turn, so that no branch and no cache line is learnt by heart

enum class Ask : std::uint8_t { exact, referral, absent };

struct Fixture {
  Fixture() {
    auto loaded = zone::load_zones(std::vector<zone::ZoneSource>{{std::string(TEST_DATA) + "/root.zone", ""}});
    if (!loaded) {
      std::fprintf(stderr, "%s\n", loaded.error().c_str());
      std::exit(1);
    }
    snapshot = std::move(loaded->snapshot);
    zones.current = snapshot.get();
    service.begin_burst(0);
    read_names();
  }
  // The delegated names of the file.
  void read_names() {
    std::FILE* file = std::fopen((std::string(TEST_DATA) + "/root.zone").c_str(), "r");
    char line[8192];
    while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
      const std::string text(line);
      const std::string owner = text.substr(0, text.find_first_of("\t "));
      if (text.find("\tDS\t") != std::string::npos && (tlds.empty() || tlds.back() != owner)) tlds.push_back(owner);
    }
    if (file != nullptr) std::fclose(file);
  }
  std::unique_ptr<const zone::ZoneSnapshot> snapshot;
  zone::PublishedZones zones;
  std::atomic<const zone::PublishedZones*> published{&zones};
  services::DnsZoneService service{{}, published};
  std::vector<std::string> tlds;
};

Fixture& fixture() {
  static Fixture f;
  return f;
}

void put_labels(Message& m, const std::string& dotted) {
  for (std::size_t at = 0; at < dotted.size();) {
    const std::size_t dot = dotted.find('.', at);
    m.push_back(static_cast<std::uint8_t>(dot - at));
    m.insert(m.end(), dotted.begin() + static_cast<std::ptrdiff_t>(at),
             dotted.begin() + static_cast<std::ptrdiff_t>(dot));
    at = dot + 1;
  }
  m.push_back(0);
}

std::vector<Message> queries(Ask kind, bool dnssec) {
  std::mt19937 random(1);
  std::vector<Message> all;
  for (std::size_t i = 0; i < kQueries; ++i) {
    const std::string& tld = fixture().tlds[random() % fixture().tlds.size()];
    Message m{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1};
    if (kind == Ask::exact) put_labels(m, tld);
    if (kind == Ask::referral) put_labels(m, "www.example." + tld);
    if (kind == Ask::absent) put_labels(m, "host.no-such-" + std::to_string(random() % 10000) + ".");
    const std::uint8_t type = kind == Ask::exact ? 43 : 1;
    const std::uint8_t flags = dnssec ? 0x80 : 0;
    m.insert(m.end(), {0, type, 0, 1, 0, 0, 41, 4, 208, 0, 0, flags, 0, 0, 0});
    all.push_back(m);
  }
  return all;
}

void parse_a_query(benchmark::State& state) {
  const auto all = queries(Ask::referral, false);
  std::size_t i = 0;
  for (auto _ : state) {
    services::DnsQuery query;
    benchmark::DoNotOptimize(services::parse_query(all[i++ % kQueries], query));
    benchmark::DoNotOptimize(query);
  }
}
BENCHMARK(parse_a_query);

void look_up(benchmark::State& state) {
  const auto kind = static_cast<Ask>(state.range(0));
  const auto all = queries(kind, false);
  std::vector<dns::Name> names(kQueries);
  for (std::size_t i = 0; i < kQueries; ++i) {
    if (!names[i].parse(Bytes(all[i]).subspan(12))) state.SkipWithError("not a name");
  }
  std::size_t i = 0;
  zone::HashedName name;
  for (auto _ : state) {
    name.name = names[i++ % kQueries];
    name.rehash();
    const zone::Zone* zone = fixture().snapshot->find(name, false);
    benchmark::DoNotOptimize(zone::closest(*zone, name));
  }
}
BENCHMARK(look_up)->ArgName("kind")->Arg(0)->Arg(1)->Arg(2);

template <bool stream>
void answer(benchmark::State& state) {
  const auto all = queries(static_cast<Ask>(state.range(0)), state.range(1) != 0);
  Message out(kMaxRenderedAnswer);
  std::size_t i = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    const Message& query = all[i++ % kQueries];
    const Answer reply =
        stream ? fixture().service.answer(query, out, {}) : fixture().service.answer_datagram(query, out, {});
    bytes += reply.length;
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] = benchmark::Counter(static_cast<double>(bytes), benchmark::Counter::kAvgIterations);
}
// kind: 0 exact (DS), 1 referral, 2 name that does not exist; dnssec: the DO bit.
BENCHMARK(answer<true>)->ArgNames({"kind", "dnssec"})->ArgsProduct({{0, 1, 2}, {0, 1}});
BENCHMARK(answer<false>)->ArgNames({"kind", "dnssec"})->ArgsProduct({{0, 1, 2}, {0, 1}});

}  // namespace
