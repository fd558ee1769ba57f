// NOTIFY to secondaries when a zone has changed: repeated until it is answered, five times at most.
// Ownership: owns its sockets. Thread: tick() and changed() by one thread, or under the owner's lock. Errors: lines for
// the operator. Source: RFC 1996 sections 3.6 (repetition) and 4.5.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
    transfer::Peer to;
    transfer::Message message;  // as sent last
    transfer::Record soa;
    transfer::Mac mac;
    std::shared_ptr<const transfer::TsigKeys> keys;
    unsigned tries = 0;
    std::uint64_t due_ms = 0;
  };
  void send(Letter& letter, std::uint64_t now_ms);
  void receive(int socket);
  [[nodiscard]] bool is_answered(const Letter& letter, Bytes answer) const;

  const transfer::TransferSettings& settings_;
  const TransferKeys& keys_;
  Descriptor v4_;
  Descriptor v6_;
  std::map<std::string, std::uint32_t> told_;  // serials, by zone
  std::vector<Letter> letters_;
  std::uint64_t answered_ = 0;
  std::uint64_t given_up_ = 0;
};

}  // namespace gl::control
