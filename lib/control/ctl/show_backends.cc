#include <array>
#include <utility>

#include "lib/control/ctl/show.h"
#include "lib/control/telemetry/backend_totals.h"

namespace gl::control {
namespace {

const char* wish_of(const backend::OperatorState& wishes, unsigned backend) {
  const std::uint32_t bit = std::uint32_t{1} << backend;
  if ((wishes.down.load(std::memory_order_relaxed) & bit) != 0) return "down";
  return (wishes.drained.load(std::memory_order_relaxed) & bit) != 0 ? "drain" : "up";
}

Json show(const ControlView& view, const Forwarders& forwarders, unsigned index) {
  const backend::ForwardSettings& settings = forwarders.front()->settings();
  Json entry = new_object();
  put(entry, "backend", settings.backends[index].name);
  put(entry, "wanted", wish_of(*view.wishes, index));
  put(entry, "cores_up", cores_up(forwarders, index));
  put(entry, "cores", forwarders.size());
  put(entry, "weight", settings.backends[index].weight);
  constexpr std::array<std::string_view, 5> kShown = {"sent", "answered", "timed_out", "sent_tcp", "answered_tcp"};
  for (const auto& [name, value] : backend_counters(forwarders, index)) {
    for (const std::string_view shown : kShown) {
      if (name == shown) put(entry, name, value);
    }
  }
  const Latency latency = latency_of(forwarders, index);
  put(entry, "p50_us", latency.below(50));
  put(entry, "p99_us", latency.below(99));
  put(entry, "pools", suffixes_of(settings, index));
  return entry;
}

}  // namespace

void show_backends(const ControlView& view, const Json& answer) {
  Json backends = new_array();
  const Forwarders forwarders = forwarders_of(view.workers);
  const std::size_t count = forwarders.empty() ? 0 : forwarders.front()->settings().backends.size();
  for (unsigned i = 0; i < count; ++i) append(backends, show(view, forwarders, i));
  put(answer, "backends", std::move(backends));
}

}  // namespace gl::control
