#include "lib/control/transfers/transfers.h"

#include <chrono>
#include <iterator>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/zone/compiler_process.h"
#include "lib/zone/name_text.h"
#include "lib/zone/zone_data.h"

namespace gl::control {
namespace {

constexpr std::chrono::milliseconds kTurn{20};

AllowedNetwork network_of(const wire::IpAddress& address) {
  const Bytes bytes = wire::bytes_of(address);
  AllowedNetwork network;
  network.address_length = static_cast<std::uint8_t>(bytes.size());
  network.prefix_length = static_cast<std::uint8_t>(8 * bytes.size());
  std::ranges::copy(bytes, network.address.begin());
  return network;
}

wire::IpAddress address_of(const Peer& peer) {
  if (peer.address_length == 4) {
    wire::Ipv4Address v4;
    std::copy_n(peer.address.begin(), v4.bytes.size(), v4.bytes.begin());
    return v4;
  }
  wire::Ipv6Address v6;
  std::copy_n(peer.address.begin(), v6.bytes.size(), v6.bytes.begin());
  return v6;
}

}  // namespace

NotifyDoors make_doors(const transfer::TransferSettings& settings, std::size_t cores) {
  NotifyDoors doors;
  AllowedNetworks primaries;
  for (const transfer::SecondarySetting& secondary : settings.secondaries) {
    for (const transfer::Peer& primary : secondary.primaries) {
      primaries.push_back(network_of(primary.host.address));
      if (primary.notify_from) primaries.push_back(network_of(*primary.notify_from));
    }
  }
  for (std::size_t i = 0; !primaries.empty() && i < cores; ++i) {
    doors.push_back(std::make_shared<services::NotifyDoor>(primaries));
  }
  return doors;
}

Transfers::Transfers(const transfer::TransferSettings& settings, zone::ZoneDigests digests, const NotifyDoors& doors)
    : settings_(settings),
      doors_(doors),
      keys_(settings.key_files),
      secondaries_(settings, digests, keys_, stop_),
      notifier_(settings, keys_),
      server_(settings, keys_, served_, secondaries_, stop_) {}

Transfers::~Transfers() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  const zone::CompilingGivenUp given_up;
  secondaries_.join();
}

// Each that a flag names is in some file.
Status Transfers::check_keys() const {
  std::vector<std::string> names;
  for (const transfer::SecondarySetting& secondary : settings_.secondaries) {
    for (const transfer::Peer& primary : secondary.primaries) names.push_back(primary.key);
  }
  for (const transfer::NotifySetting& notify : settings_.notify) names.push_back(notify.peer.key);
  for (const transfer::AllowSetting& allow : settings_.allow) names.push_back(allow.key);
  const auto keys = keys_.get();
  for (const std::string& name : names) {
    if (name.empty() || transfer::find_key(*keys, zone::as_bytes(name)) != nullptr) continue;
    return Error{"the TSIG key " + zone::to_text(name) + " is in no --tsig file"};
  }
  return success();
}

Status Transfers::begin(ZoneStore& zones) {
  if (Status status = keys_.load(); !status) return status;
  if (Status status = check_keys(); !status) return status;
  if (Status status = notifier_.open(); !status) return status;
  if (Status status = server_.open(); !status) return status;
  std::set<std::string> others;
  for (const auto& zone : zones.current()->zones()) {
    others.emplace(zone::as_chars(zone->name_of(zone->nodes[0])));
  }
  if (Status status = secondaries_.begin(std::move(others)); !status) return status;
  if (begin_update(zones)) {
    while (!zones.finish_reload(monotonic_ms() / 1000)) std::this_thread::sleep_for(kTurn);
  }
  served(zones);
  return success();
}

void Transfers::start() {
  if (!settings_.enabled()) return;
  secondaries_.start();
  server_.start();
  thread_ = std::thread([this] { carry_letters(); });
}

bool Transfers::begin_update(ZoneStore& zones) {
  std::vector<ZoneUpdate> more = secondaries_.take_updates();
  std::ranges::move(more, std::back_inserter(updates_));
  return !updates_.empty() && zones.begin_update(updates_);
}

void Transfers::served(const ZoneStore& zones) {
  if (!settings_.enabled()) return;
  served_.set(served_zones(*zones.current(), settings_.state_folder));  // before anybody asks for it
  const std::lock_guard lock(mutex_);
  notifier_.changed(*served_.get());
}

void Transfers::reload() {
  if (settings_.key_files.empty()) return;
  if (Status status = keys_.load(); !status) complain("keeping the old TSIG keys: " + status.error());
}

Transfers::Totals Transfers::totals() const {
  const std::lock_guard lock(mutex_);
  return {server_.given(), server_.refused(), notifier_.answered(), notifier_.given_up()};
}

void Transfers::carry_letters() {
  services::NotifyDoor::Letter letter;
  while (!stop_) {
    for (const auto& door : doors_) {
      while (door->take(letter)) {
        const transfer::Message answer =
            secondaries_.answer_notify(letter.message(), {address_of(letter.peer), letter.peer.port});
        letter.length =
            answer.size() > letter.bytes.size() ? std::uint16_t{0} : static_cast<std::uint16_t>(answer.size());
        std::copy_n(answer.begin(), letter.length, letter.bytes.begin());
        door->answer(letter);
      }
    }
    {
      const std::lock_guard lock(mutex_);
      notifier_.tick();
    }
    std::this_thread::sleep_for(kTurn);
  }
}

}  // namespace gl::control
