#include "lib/control/telemetry/telemetry_neighbours.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>

#include "lib/control/options/parse_value.h"
#include "lib/control/telemetry/telemetry_view.h"
#include "lib/datapath/neighbours.h"

namespace gl::control {

namespace {

// The one table of all ports, or null where nothing is forwarded.
const datapath::NeighbourTable* table_of(const Network& network) {
  for (std::size_t i = 0; i < network.ports().size(); ++i) {
    if (network.interface(i).neighbours != nullptr) return network.interface(i).neighbours;
  }
  return nullptr;
}

std::string to_text(const wire::MacAddress& mac) {
  std::array<char, 18> text{};
  const auto& b = mac.bytes;
  std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
  return text.data();
}

const char* to_text(datapath::LinkState::State state) {
  switch (state) {
    case datapath::LinkState::State::unresolved:
      return "unresolved";
    case datapath::LinkState::State::reachable:
      return "reachable";
    case datapath::LinkState::State::unreachable:
      return "unreachable";
  }
  return "?";
}

void put_neighbour(rte_tel_data* data, const datapath::NeighbourTable& table, unsigned entry) {
  const datapath::NeighbourTable::Key& key = table.key(entry);
  const datapath::LinkState link = table.at(entry);
  rte_tel_data_add_dict_string(data, "address", ip_to_text(key.address).c_str());
  rte_tel_data_add_dict_string(data, "source", ip_to_text(key.ours).c_str());
  rte_tel_data_add_dict_u64(data, "port", telemetry_view.network->ports()[key.interface].id());
  rte_tel_data_add_dict_string(data, "state", to_text(link.state()));
  if (link.mac() == wire::MacAddress{}) return;
  rte_tel_data_add_dict_string(data, "mac", to_text(link.mac()).c_str());
}

int on_neighbours(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.network == nullptr) return -ENODEV;
  rte_tel_data_start_dict(data);
  const datapath::NeighbourTable* const table = table_of(*telemetry_view.network);
  for (unsigned i = 0; table != nullptr && i < table->size(); ++i) {
    rte_tel_data* const entry = rte_tel_data_alloc();
    if (entry == nullptr) return -ENOMEM;
    rte_tel_data_start_dict(entry);
    put_neighbour(entry, *table, i);
    if (rte_tel_data_add_dict_container(data, ("neighbour_" + std::to_string(i)).c_str(), entry, 0) != 0) {
      rte_tel_data_free(entry);
    }
  }
  return 0;
}

}  // namespace

void register_neighbour_command() {
  rte_telemetry_register_cmd("/goldilocks/neighbours", on_neighbours,
                             "Next hops toward name servers behind: address, state, MAC address");
}

}  // namespace gl::control
