#include "lib/control/telemetry/backend_totals.h"

#include <algorithm>
#include <string>

#include "lib/control/options/parse_value.h"
#include "lib/zone/name_text.h"

namespace gl::control {

Forwarders forwarders_of(const Workers& workers) {
  Forwarders found;
  for (const auto& context : workers.contexts()) {
    if (context->forwarder != nullptr) found.push_back(context->forwarder.get());
  }
  return found;
}

std::string suffixes_of(const backend::ForwardSettings& settings, unsigned backend) {
  std::string text;
  for (const backend::PoolSettings& pool : settings.pools) {
    if (std::find(pool.backends.begin(), pool.backends.end(), backend) == pool.backends.end()) continue;
    if (!text.empty()) text += ' ';
    text += zone::to_text(zone::as_chars(pool.suffix));
  }
  return text;
}

std::optional<unsigned> find_backend(const backend::ForwardSettings& settings, const std::string& wanted) {
  for (unsigned i = 0; i < settings.backends.size(); ++i) {
    if (settings.backends[i].name == wanted) return i;
  }
  const auto number = parse_number(wanted, 0, backend::kMaxBackends - 1);
  if (!number || *number >= settings.backends.size()) return std::nullopt;
  return *number;
}

NamedCounters forward_counters(const backend::ForwardCounters& counters) {
  NamedCounters list;
#define X(name, help) list.emplace_back(#name, counters.name.value());
  GL_FORWARD_COUNTERS(X)
#undef X
  return list;
}

NamedCounters forward_counters(std::span<const backend::Forwarder* const> forwarders) {
  NamedCounters sum;
  for (const backend::Forwarder* const forwarder : forwarders) {
    add_counters(sum, forward_counters(forwarder->counters()));
  }
  return sum;
}

NamedCounters backend_counters(const backend::BackendCounters& counters) {
  NamedCounters list;
#define X(name, help) list.emplace_back(#name, counters.name.value());
  GL_BACKEND_COUNTERS(X)
#undef X
  return list;
}

NamedCounters backend_counters(std::span<const backend::Forwarder* const> forwarders, unsigned backend) {
  NamedCounters sum;
  for (const backend::Forwarder* const forwarder : forwarders) {
    add_counters(sum, backend_counters(forwarder->counters(backend)));
  }
  return sum;
}

NamedCounters tcp_helper_counters(const tcp_client::TcpHelperCounters& counters) {
  NamedCounters list;
#define X(name, help) list.emplace_back(#name, counters.name.value());
  GL_TCP_HELPER_COUNTERS(X)
#undef X
  return list;
}

std::uint64_t cores_up(std::span<const backend::Forwarder* const> forwarders, unsigned backend) {
  std::uint64_t up = 0;
  for (const backend::Forwarder* const forwarder : forwarders) up += forwarder->counters(backend).up.value();
  return up;
}

void Latency::add(const backend::LatencyHistogram& histogram) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += histogram.buckets[i].value();
  sum_ += histogram.sum.value();
}

std::uint64_t Latency::count() const noexcept {
  std::uint64_t count = 0;
  for (const std::uint64_t bucket : buckets_) count += bucket;
  return count;
}

std::uint64_t Latency::below(unsigned percent) const noexcept {
  const std::uint64_t all = count();
  if (all == 0) return 0;
  const std::uint64_t wanted = all - all * (100 - percent) / 100;
  std::uint64_t passed = 0;
  std::size_t i = 0;
  while (i < kBuckets - 1 && (passed += buckets_[i]) < wanted) ++i;
  return std::uint64_t{2} << i;
}

std::vector<std::pair<std::string, std::uint64_t>> Latency::named() const {
  std::vector<std::pair<std::string, std::uint64_t>> list;
  for (std::size_t i = 0; i + 1 < kBuckets; ++i) {
    list.emplace_back("us_lt_" + std::to_string(std::uint64_t{2} << i), buckets_[i]);
  }
  list.emplace_back("us_ge_" + std::to_string(std::uint64_t{1} << (kBuckets - 1)), buckets_[kBuckets - 1]);
  return list;
}

Latency latency_of(std::span<const backend::Forwarder* const> forwarders, unsigned backend) {
  Latency latency;
  for (const backend::Forwarder* const forwarder : forwarders) latency.add(forwarder->counters(backend).latency);
  return latency;
}

}  // namespace gl::control
