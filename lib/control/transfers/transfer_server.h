// Zones given out: SOA, AXFR and IXFR from a kernel socket of its own, to who may have them; NOTIFY is taken there too.
// An IXFR is answered with the zone's SOA where the other side has it, and otherwise with the whole zone.
// Ownership: owns its sockets and threads; one thread listens, and each connection has one. Thread: main core makes
// it. Errors: lines for the operator; whoever may not have a zone gets REFUSED.
// Sources: RFC 5936, RFC 1995 (sections 2 and 4), RFC 8945.
#pragma once

#include <atomic>
#include <list>
#include <memory>
#include <thread>

#include "lib/base/descriptor.h"
#include "lib/control/transfers/keys.h"
#include "lib/control/transfers/secondaries.h"
#include "lib/control/transfers/served_zones.h"
#include "lib/transfer/sockets.h"
#include "lib/transfer/tsig.h"

namespace gl::control {

class TransferServer {
 public:
  TransferServer(const transfer::TransferSettings& settings, const TransferKeys& keys, const ServedZones& zones,
                 Secondaries& secondaries, const transfer::Stop& stop)
      : settings_(settings), keys_(keys), zones_(zones), secondaries_(secondaries), stop_(stop) {}
  TransferServer(const TransferServer&) = delete;
  TransferServer& operator=(const TransferServer&) = delete;
  ~TransferServer();

  [[nodiscard]] Status open();
  void start();

  [[nodiscard]] std::uint64_t given() const noexcept { return given_; }      // whole zones
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }  // requests

 private:
  struct Session {
    std::thread thread;
    std::atomic<bool> ended{false};
  };
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
  Descriptor datagrams_;
  Descriptor connections_;
  std::thread thread_;
  std::list<Session> sessions_;  // the listening thread's
  std::atomic<std::uint64_t> given_{0};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace gl::control
