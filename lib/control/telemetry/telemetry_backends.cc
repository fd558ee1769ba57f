#include "lib/control/telemetry/telemetry_backends.h"

#include <cerrno>
#include <string>

#include "lib/control/options/parse_value.h"
#include "lib/control/telemetry/backend_totals.h"
#include "lib/control/telemetry/telemetry_view.h"

namespace gl::control {

namespace {

// What rte_telemetry takes of a text.
std::string cut(std::string text) {
  constexpr std::size_t kLongestText = RTE_TEL_MAX_STRING_LEN - 1;
  if (text.size() <= kLongestText) return text;
  text.resize(kLongestText - 3);
  return text += "...";
}

// What does not change, and whether it is up.
void put_backend(rte_tel_data* data, const Forwarders& forwarders, unsigned index) {
  const backend::ForwardSettings& settings = forwarders.front()->settings();
  const backend::BackendSettings& backend = settings.backends[index];
  rte_tel_data_add_dict_string(data, "name", backend.name.c_str());
  rte_tel_data_add_dict_string(data, "pools", cut(suffixes_of(settings, index)).c_str());
  rte_tel_data_add_dict_u64(data, "weight", backend.weight);
  rte_tel_data_add_dict_u64(data, "cores", forwarders.size());
  rte_tel_data_add_dict_u64(data, "cores_up", cores_up(forwarders, index));
}

int on_forward(const char*, const char* parameters, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.workers == nullptr) return -ENODEV;
  rte_tel_data_start_dict(data);
  if (parameters == nullptr || *parameters == '\0') {
    put_counters(data, forward_counters(forwarders_of(*telemetry_view.workers)));
    return 0;
  }
  const auto lcore = parse_number(parameters, 0, 65535);
  if (!lcore) return -EINVAL;
  for (const auto& context : telemetry_view.workers->contexts()) {
    if (context->settings.lcore != *lcore) continue;
    if (context->forwarder != nullptr) put_counters(data, forward_counters(context->forwarder->counters()));
    return 0;
  }
  return -ENOENT;
}

int on_backends(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.workers == nullptr) return -ENODEV;
  rte_tel_data_start_dict(data);
  const Forwarders forwarders = forwarders_of(*telemetry_view.workers);
  if (forwarders.empty()) return 0;
  const std::size_t count = forwarders.front()->settings().backends.size();
  for (unsigned i = 0; i < count; ++i) {
    const auto put = [&](rte_tel_data* entry) { put_backend(entry, forwarders, i); };
    if (put_entry(data, "backend_" + std::to_string(i), put) == PutEntry::no_memory) return -ENOMEM;
  }
  return 0;
}

int put_latency(rte_tel_data* data, const Latency& latency) {
  rte_tel_data_add_dict_u64(data, "p50_us", latency.below(50));
  rte_tel_data_add_dict_u64(data, "p90_us", latency.below(90));
  rte_tel_data_add_dict_u64(data, "p99_us", latency.below(99));
  const auto put = [&](rte_tel_data* buckets) {
    for (const auto& [name, value] : latency.named()) rte_tel_data_add_dict_u64(buckets, name.c_str(), value);
  };
  return put_entry(data, "latency", put) == PutEntry::no_memory ? -ENOMEM : 0;
}

int on_backend(const char*, const char* parameters, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.workers == nullptr) return -ENODEV;
  const Forwarders forwarders = forwarders_of(*telemetry_view.workers);
  if (forwarders.empty()) return -ENOENT;
  const auto index = find_backend(forwarders.front()->settings(), parameters == nullptr ? "" : parameters);
  if (!index) return -ENOENT;
  rte_tel_data_start_dict(data);
  put_backend(data, forwarders, *index);
  put_counters(data, backend_counters(forwarders, *index));
  return put_latency(data, latency_of(forwarders, *index));
}

int on_tcp_helper(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.workers == nullptr) return -ENODEV;
  rte_tel_data_start_dict(data);
  if (telemetry_view.helper != nullptr) put_counters(data, tcp_helper_counters(telemetry_view.helper->counters()));
  return 0;
}

}  // namespace

void register_backend_commands() {
  rte_telemetry_register_cmd("/goldilocks/forward", on_forward,
                             "Counters of forwarding of all workers. Parameter: of the worker on this lcore");
  rte_telemetry_register_cmd("/goldilocks/backends", on_backends,
                             "Name servers behind: name, pools, cores that see it up");
  rte_telemetry_register_cmd("/goldilocks/backend", on_backend,
                             "Counters and round trips of one. Parameter: its name or number");
  rte_telemetry_register_cmd("/goldilocks/tcp_helper", on_tcp_helper, "Questions to name servers behind over TCP");
}

}  // namespace gl::control
