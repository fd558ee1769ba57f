// NOTIFY to secondaries when a zone has changed: repeated until it is answered, five times at most. Of what is to be
// told to one secondary only some is on its way at a time, the rest is queued: thousands of zones may have changed.
// Ownership: owns its sockets. Thread: tick() and changed() by one thread, or under the owner's lock. Errors: lines for
// the operator. Source: RFC 1996 sections 3.6 (repetition) and 4.5.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/control/transfers/keys.h"
#include "lib/control/transfers/served_zones.h"
#include "lib/transfer/settings.h"
#include "lib/transfer/sockets.h"
#include "lib/transfer/tsig.h"

namespace gl::control {

class Notifier {
 public:
  // To one secondary: so many that were sent a first time and may yet be answered before they are sent again.
  static constexpr std::size_t kInFlight = 16;

  Notifier(const transfer::TransferSettings& settings, const TransferKeys& keys) : settings_(settings), keys_(keys) {}
  // Its sockets: bound to the address of --transfer-listen where that is of their family.
  [[nodiscard]] Status open();
  // Whoever is to hear of one of these is told, unless he was told of that serial.
  void changed(const ServedZoneMap& zones);
  // Takes answers, and sends what is due.
  void tick();

  [[nodiscard]] std::uint64_t answered() const noexcept { return answered_; }
  [[nodiscard]] std::uint64_t given_up() const noexcept { return given_up_; }

 private:
  struct Letter {
    std::string zone;
    std::string name;
    std::string key;
    transfer::Record soa;
    std::shared_ptr<const transfer::TsigKeys> keys;
    transfer::Message message{};  // as sent last
    transfer::Mac mac{};
    unsigned tries = 0;
    std::uint64_t due_ms = 0;
  };
  // One secondary.
  struct Box {
    wire::Endpoint host;
    std::deque<Letter> queued;
    std::vector<Letter> sent;  // and not answered
  };
  [[nodiscard]] Box& box_of(const wire::Endpoint& host);
  void forget(const std::set<std::string>& zones);
  void send_due(Box& box, std::uint64_t now_ms);
  void send(const wire::Endpoint& host, Letter& letter, std::uint64_t now_ms);
  void receive(int socket);
  void take_answer(Box& box, Bytes answer);
  [[nodiscard]] static bool is_answered(const Letter& letter, Bytes answer);

  const transfer::TransferSettings& settings_;
  const TransferKeys& keys_;
  Descriptor v4_;
  Descriptor v6_;
  std::map<std::string, std::uint32_t> told_;  // serials, by zone
  std::vector<Box> boxes_;
  std::uint64_t answered_ = 0;
  std::uint64_t given_up_ = 0;
};

}  // namespace gl::control
