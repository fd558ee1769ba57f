#include "lib/control/telemetry/telemetry_neighbours.h"

#include <cerrno>
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
  rte_tel_data_add_dict_string(data, "mac", mac_to_text(link.mac()).c_str());
}

int on_neighbours(const char*, const char*, rte_tel_data* data) {
  const std::lock_guard lock(telemetry_view.mutex);
  if (telemetry_view.network == nullptr) return -ENODEV;
  rte_tel_data_start_dict(data);
  const datapath::NeighbourTable* const table = table_of(*telemetry_view.network);
  for (unsigned i = 0; table != nullptr && i < table->size(); ++i) {
    const auto put = [&](rte_tel_data* entry) { put_neighbour(entry, *table, i); };
    if (put_entry(data, "neighbour_" + std::to_string(i), put) == PutEntry::no_memory) return -ENOMEM;
  }
  return 0;
}

}  // namespace

void register_neighbour_command() {
  rte_telemetry_register_cmd("/goldilocks/neighbours", on_neighbours,
                             "Next hops toward name servers behind: address, state, MAC address");
}

}  // namespace gl::control
