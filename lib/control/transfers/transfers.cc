#include "lib/control/transfers/transfers.h"

#include <chrono>
#include <iterator>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/control/transfers/known_peers.h"
#include "lib/zone/compiler_process.h"
#include "lib/zone/name_text.h"
#include "lib/zone/zone_data.h"

namespace gl::control {
namespace {

constexpr std::chrono::milliseconds kTurn{20};

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
  const AllowedNetworks primaries = primaries_of(settings);
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

// Programs that threads wait for are ended before the threads are.
Transfers::~Transfers() {
  const zone::CompilingGivenUp given_up;
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  server_.join();
  secondaries_.join();
}

Status Transfers::begin(ZoneStore& zones) {
  if (Status status = keys_.load(); !status) return status;
  if (const auto missing = missing_keys(settings_, *keys_.get()); !missing.empty()) return Error{missing.front()};
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
  served_.set(served_zones(*zones.current()));  // before anybody asks for it
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
