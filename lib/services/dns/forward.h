// DNS answered by the backends, over TCP and UDP (RFC 1034, 7766, 6891, 7828). The answers are the
// backends'; headers, IDs and OPT are made to fit each client. Byte order: wire. Ownership: borrows the forwarder.
// Thread: one instance a core.
#pragma once

#include <optional>
#include <vector>

#include "lib/backend/forwarder.h"
#include "lib/services/dns/admission.h"
#include "lib/services/dns/service.h"

namespace gl::services {

class DnsForwardService final : public DnsService {
 public:
  // `admission` is the core's, whose bursts somebody else begins; without it everybody is answered.
  explicit DnsForwardService(backend::Forwarder& forwarder, DnsAdmission* admission = nullptr);

  // Before the core runs: whom to tell what is asked and answered; null: nobody.
  void tap_to(dns::Tap* tap) noexcept { tap_ = tap; }

  void begin_burst(std::uint64_t) noexcept override {}
  void read_counters(CounterReader&) const override {}  // the forwarder's own are told elsewhere
  [[nodiscard]] Answer answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override { receive_by(*this, datagram, sink); }
  // One datagram in, at most `out.size()` bytes out.
  [[nodiscard]] Answer answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept;
  void prepare(Bytes request, const RequestContext& context) noexcept override;
  [[nodiscard]] bool has_waiting(Bytes flow) const noexcept override { return forwarder_.waits(flow); }
  [[nodiscard]] std::size_t largest_answer() const noexcept override { return kMaxRenderedAnswer; }

  // The pool for a name, by its longest suffix; nothing: none. `labels`: how many that suffix has.
  struct Route {
    unsigned pool = 0;
    unsigned labels = 0;
  };
  [[nodiscard]] std::optional<Route> route(const dns::Name& name) const noexcept;

  // A request whose question was read and routed already; `stream` says how it came.
  struct Routed {
    Bytes request;
    backend::ClientQuery& query;  // filled by parse_client_question()
    std::optional<Route> route;
    bool stream = false;
  };
  [[nodiscard]] Routed route(Bytes request, bool stream, backend::ClientQuery& query) const noexcept;
  [[nodiscard]] Answer answer(const Routed& routed, MutableBytes out, const RequestContext& context) noexcept;
  void prepare(const Routed& routed, const RequestContext& context) noexcept;

 private:
  void tell(const Routed& routed, Bytes out, const RequestContext& context, const Answer& answer) noexcept;

  backend::Forwarder& forwarder_;
  DnsAdmission* const admission_;
  std::vector<Route> routes_;  // one a pool, the longest suffix first
  dns::Tap* tap_ = nullptr;
};

}  // namespace gl::services
