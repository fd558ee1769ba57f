// What is told of questions to backends and their replies, for dnstap.
#include "lib/backend/forwarder_work.h"

namespace gl::backend {
namespace {

using dns::TapTransport;
using dns::TapType;

}  // namespace

void Forwarder::Work::tell_sent(Question& question, Bytes message) noexcept {
  question.tap_cycles = 0;
  if (!tap->takes()) return;
  const BackendSettings& backend = settings.backends[question.backend];
  const wire::IpAddress ours = tx.source(question.backend);
  const dns::TapFlow flow(wire::bytes_of(ours), wire::bytes_of(backend.address), question.source_port, backend.port);
  question.tap_cycles = tap->tell(
      {.type = TapType::forwarder_query, .transport = TapTransport::udp, .flow = flow.bytes(), .bytes = message});
}

void Forwarder::Work::tell_reply(const Question& question, Bytes reply) noexcept {
  const BackendSettings& backend = settings.backends[question.backend];
  const wire::IpAddress ours = tx.source(question.backend);
  const dns::TapFlow flow(wire::bytes_of(ours), wire::bytes_of(backend.address), question.source_port, backend.port);
  (void)tap->tell({.type = TapType::forwarder_response,
                   .transport = TapTransport::udp,
                   .flow = flow.bytes(),
                   .bytes = reply,
                   .query_cycles = question.tap_cycles});
}

// Both together: from which address of the kernel's the question went is known when the job is back.
void Forwarder::Work::tell_job(const Question& question, const TcpJob& job) noexcept {
  const BackendSettings& backend = settings.backends[question.backend];
  const wire::IpAddress& theirs = backend.tcp_address ? *backend.tcp_address : backend.address;
  const dns::TapFlow flow({job.local.data(), job.local_length}, wire::bytes_of(theirs), job.local_port,
                          backend.tcp_port != 0 ? backend.tcp_port : backend.port);
  (void)tap->tell({.type = TapType::forwarder_query,
                   .transport = TapTransport::tcp,
                   .flow = flow.bytes(),
                   .bytes = Bytes(job.query).first(job.query_length).subspan(job.preamble_length),
                   .cycles = question.tap_cycles});
  if (job.result != TcpJob::Result::answered) return;
  tap->tell_framed({.type = TapType::forwarder_response,
                    .transport = TapTransport::tcp,
                    .flow = flow.bytes(),
                    .bytes = {},
                    .query_cycles = question.tap_cycles},
                   {job.reply.get(), job.reply_length});
}

}  // namespace gl::backend
