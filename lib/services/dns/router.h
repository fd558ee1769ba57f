// DNS on a port that serves some names from zones in memory and forwards others: the longest suffix decides, and a zone
// wins over a pool of the same name. Messages that name nothing go to the zones. Byte order: wire. Ownership: borrows
// both services. Thread: one instance a core.
#pragma once

#include "lib/services/dns/forward.h"
#include "lib/services/dns/zone.h"

namespace gl::services {

class DnsRouter final : public Service {
 public:
  DnsRouter(DnsZoneService& zones, DnsForwardService& forward) : zones_(zones), forward_(forward) {}

  void begin_burst(std::uint64_t now_ms) noexcept override;
  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override;
  [[nodiscard]] Reply answer_stream(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  [[nodiscard]] Reply answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  [[nodiscard]] bool takes_time() const noexcept override { return true; }
  void prepare(Bytes request, const RequestContext& context) noexcept override;
  [[nodiscard]] bool takes_early_requests() const noexcept override { return true; }
  [[nodiscard]] std::size_t largest_stream_reply() const noexcept override;

 private:
  enum class Side : std::uint8_t { zones, forward };
  [[nodiscard]] std::optional<Side> side_of(const dns::Name& name) const noexcept;
  [[nodiscard]] Service& for_request(Bytes request) noexcept;

  DnsZoneService& zones_;
  DnsForwardService& forward_;
};

}  // namespace gl::services
