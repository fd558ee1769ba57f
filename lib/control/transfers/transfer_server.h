// Zones given out: SOA, AXFR and IXFR from a kernel socket of its own, to who may have them; NOTIFY is taken there too.
// An IXFR is answered with the zone's SOA where the other side has it, and otherwise with the whole zone. A connection
// of whom no setting names is closed unread.
// Ownership: owns its sockets and threads; one thread listens, and each connection has one. Thread: main core makes
// it. Errors: lines for the operator; whoever may not have a zone gets REFUSED.
// Sources: RFC 5936, RFC 1995 (sections 2 and 4), RFC 8945.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "lib/base/descriptor.h"
#include "lib/control/transfers/keys.h"
#include "lib/control/transfers/known_peers.h"
#include "lib/control/transfers/secondaries.h"
#include "lib/control/transfers/served_zones.h"
#include "lib/control/transfers/sessions.h"
#include "lib/transfer/sockets.h"
#include "lib/transfer/tsig.h"

namespace gl::control {

class TransferServer {
 public:
  TransferServer(const transfer::TransferSettings& settings, const TransferKeys& keys, const ServedZones& zones,
                 Secondaries& secondaries, const transfer::Stop& stop)
      : settings_(settings),
        keys_(keys),
        zones_(zones),
        secondaries_(secondaries),
        stop_(stop),
        peers_(known_peers(settings)),
        sessions_([this](int socket, const wire::Endpoint& from) { serve(socket, from); }) {}
  TransferServer(const TransferServer&) = delete;
  TransferServer& operator=(const TransferServer&) = delete;
  ~TransferServer();

  [[nodiscard]] Status open();
  void start();
  // Returns when no thread runs any more; `stop` is set by then.
  void join();

  [[nodiscard]] std::uint64_t given() const noexcept { return given_; }      // whole zones
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }  // requests

 private:
  struct Request {
    Bytes message{};
    wire::Endpoint from;
    transfer::CheckedRequest check;
    std::shared_ptr<const transfer::TsigKeys> keys;  // that `check` points into
    std::shared_ptr<const ServedZoneMap> zones;
    const ServedZone* zone = nullptr;
    std::string apex;
    std::uint16_t type = 0;
    std::optional<std::uint32_t> held;  // by who asks for an IXFR
  };

  void run();
  void take_datagrams();
  void take_connection();
  void tell_of_trouble(const std::string& line);
  void serve(int socket, const wire::Endpoint& from);
  [[nodiscard]] bool answer(transfer::Stream& stream, Bytes message, const wire::Endpoint& from);

  [[nodiscard]] Request begin(Bytes message, const wire::Endpoint& from) const;
  // The rcode that it deserves; 0: it is to be answered.
  [[nodiscard]] unsigned read(Request& request);
  [[nodiscard]] bool is_allowed(const Request& request) const;
  [[nodiscard]] transfer::Message refuse(const Request& request, unsigned rcode);
  [[nodiscard]] transfer::Message answer_soa(const Request& request) const;
  [[nodiscard]] bool send_zone(transfer::Stream& stream, const Request& request);

  const transfer::TransferSettings& settings_;
  const TransferKeys& keys_;
  const ServedZones& zones_;
  Secondaries& secondaries_;
  const transfer::Stop& stop_;
  const AllowedNetworks peers_;
  Descriptor datagrams_;
  Descriptor connections_;
  std::thread thread_;
  // The listening thread's.
  Sessions sessions_;
  transfer::Clock::time_point accept_at_{};  // not before
  std::string told_;                         // of trouble
  transfer::Clock::time_point tell_at_{};    // the same, not before
  std::atomic<std::uint64_t> given_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace gl::control
