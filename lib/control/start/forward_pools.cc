#include <algorithm>
#include <tuple>

#include "lib/control/options/parse_forward.h"

namespace gl::control {

namespace {

using backend::BackendSettings;

bool same_place(const BackendSettings& a, const BackendSettings& b) {
  return a.address == b.address && a.port == b.port;
}

bool same_settings(const BackendSettings& a, const BackendSettings& b) {
  const auto all = [](const BackendSettings& s) {
    return std::tie(s.name, s.weight, s.dpdk_port, s.proxy, s.tcp, s.tcp_address, s.tcp_port);
  };
  return all(a) == all(b);
}

// The index of this backend, which is added if it is new.
Result<unsigned> place_of(backend::ForwardSettings& settings, BackendSettings&& wanted) {
  for (unsigned i = 0; i < settings.backends.size(); ++i) {
    const BackendSettings& known = settings.backends[i];
    if (same_place(known, wanted)) {
      if (same_settings(known, wanted)) return i;
      return Error{"'" + wanted.name + "' was given before, with other settings, as '" + known.name +
                   "': one address and port is one backend"};
    }
    if (known.name == wanted.name) return Error{"name '" + wanted.name + "' is another backend's"};
  }
  if (settings.backends.size() == backend::kMaxBackends) {
    return Error{"more than " + std::to_string(backend::kMaxBackends) + " backends"};
  }
  settings.backends.push_back(std::move(wanted));
  return static_cast<unsigned>(settings.backends.size() - 1);
}

}  // namespace

Status add_forward(backend::ForwardSettings& settings, ForwardEntry entry) {
  const std::string name = entry.backend.name;
  const auto index = place_of(settings, std::move(entry.backend));
  if (!index) return Error{index.error()};
  auto pool = std::find_if(settings.pools.begin(), settings.pools.end(),
                           [&](const backend::PoolSettings& p) { return p.suffix == entry.suffix; });
  if (pool == settings.pools.end()) {
    if (settings.pools.size() == backend::kMaxPools) {
      return Error{"more than " + std::to_string(backend::kMaxPools) + " different suffixes"};
    }
    pool = settings.pools.insert(pool, backend::PoolSettings{std::move(entry.suffix), {}});
  }
  if (std::find(pool->backends.begin(), pool->backends.end(), *index) != pool->backends.end()) {
    return Error{"'" + name + "' was given before for the same suffix"};
  }
  pool->backends.push_back(*index);
  return success();
}

}  // namespace gl::control
