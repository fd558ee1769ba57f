// DNS answered by the backends, over TCP and UDP (RFC 1034, 7766, 6891, 7828). The answers are the
// backends'; headers, IDs and OPT are made to fit each client. Byte order: wire. Ownership: borrows the forwarder.
// Thread: one instance a core.
#pragma once

#include <optional>

#include "lib/backend/forwarder.h"
#include "lib/service/service.h"

namespace gl::services {

class DnsForwardService final : public Service {
 public:
  explicit DnsForwardService(backend::Forwarder& forwarder) : forwarder_(forwarder) {}

  void begin_burst(std::uint64_t) noexcept override {}
  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept override;
  [[nodiscard]] Reply answer_stream(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  [[nodiscard]] Reply answer_datagram(Bytes request, MutableBytes out, const RequestContext& context) noexcept override;
  [[nodiscard]] bool takes_time() const noexcept override { return true; }
  void prepare(Bytes request, const RequestContext& context) noexcept override;
  [[nodiscard]] bool takes_early_requests() const noexcept override { return true; }
  [[nodiscard]] std::size_t largest_stream_reply() const noexcept override { return kMaxStreamReply; }

  // The pool for a name, by its longest suffix; nothing: none. `labels`: how many that suffix has.
  struct Route {
    unsigned pool = 0;
    unsigned labels = 0;
  };
  [[nodiscard]] std::optional<Route> route(const dns::Name& name) const noexcept;

 private:
  backend::Forwarder& forwarder_;
};

}  // namespace gl::services
