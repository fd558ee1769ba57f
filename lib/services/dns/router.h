// DNS on a port that serves some names from zones in memory and forwards others: the longest suffix decides, and a zone
// wins over a pool of the same name. Messages that name nothing go to the zones. Byte order: wire. Ownership: borrows
// both services. Thread: one instance a core.
#pragma once

#include <algorithm>

#include "lib/services/dns/forward.h"
#include "lib/services/dns/zone.h"

namespace gl::services {

class DnsRouter final : public DnsService {
 public:
  DnsRouter(DnsZoneService& zones, DnsForwardService& forward)
      : DnsService(std::max(zones.allowance(0), forward.allowance(0)), true), zones_(zones), forward_(forward) {}

  void begin_burst(std::uint64_t now_ms) noexcept override;
  [[nodiscard]] bool looks_ahead() const noexcept override { return zones_.looks_ahead(); }
  void look_ahead(std::span<const Bytes> requests) noexcept override { zones_.look_ahead(requests); }
  void read_counters(CounterReader& reader) const override { zones_.read_counters(reader); }
  [[nodiscard]] Answer answer(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept override {
    if (!zones_.take_notify(datagram)) receive_by(*this, datagram, sink);
  }
  [[nodiscard]] bool has_deadlines() const noexcept override { return zones_.has_deadlines(); }
  [[nodiscard]] std::uint64_t next_deadline() const noexcept override { return zones_.next_deadline(); }
  void on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept override { zones_.on_time(now_ms, sender); }
  // One datagram in, at most `out.size()` bytes out.
  [[nodiscard]] Answer answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept;
  void prepare(Bytes request, const RequestContext& context) noexcept override;
  [[nodiscard]] Suspender* suspender() noexcept override { return zones_.suspender(); }
  [[nodiscard]] bool has_waiting(Bytes flow) const noexcept override {
    return zones_.has_waiting(flow) || forward_.has_waiting(flow);
  }
  [[nodiscard]] std::size_t largest_answer() const noexcept override;

 private:
  enum class Side : std::uint8_t { zones, forward };
  using Route = std::optional<DnsForwardService::Route>;
  [[nodiscard]] std::optional<Side> side_of(const dns::Name& name, const Route& route) const noexcept;
  [[nodiscard]] bool is_forwarded(DnsForwardService::Routed& routed) const noexcept;

  DnsZoneService& zones_;
  DnsForwardService& forward_;
};

}  // namespace gl::services
