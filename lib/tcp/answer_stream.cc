#include "lib/tcp/answer_stream.h"

#include "lib/tcp/ledger.h"

namespace gl::tcp {
namespace {

Stop stop_of(Framed::Kind kind) noexcept {
  switch (kind) {
    case Framed::Kind::prefix_only:
      return Stop::prefix_only;
    case Framed::Kind::incomplete:
      return Stop::incomplete;
    default:
      return Stop::malformed;
  }
}

}  // namespace

Stop AnswerStream::answer(const Request& request, Service& service) noexcept {
  bool prefix_consumed = request.prefix_consumed;
  while (true) {
    if (state_.consumed >= request.limit) return Stop::boundary;
    if (state_.consumed == request.payload.size()) return Stop::end;
    const Framed framed = service.next_request(request.payload.subspan(state_.consumed), prefix_consumed);
    if (framed.kind != Framed::Kind::complete) return stop_of(framed.kind);
    if (state_.size >= request.most || state_.queries == kMaxParts) return Stop::full;
    const Reply reply = service.answer_stream(
        framed.request, MutableBytes(buffer_).subspan(state_.size, kMaxStreamReply), context_at(framed, request));
    if (reply.kind == Reply::Kind::pending) {
      const std::size_t behind = state_.consumed + framed.consumed;
      prepare(request.payload.subspan(behind), request.seq + static_cast<std::uint32_t>(behind), false, service);
      return Stop::pending;
    }
    if (reply.kind == Reply::Kind::unrepeatable) return Stop::unrepeatable;
    // A request without an answer would move `next` and not E: TSval could then run ahead of other replies. Such a
    // stream is no dialogue, and is reset like one that holds no request.
    if (reply.kind != Reply::Kind::answered || reply.length == 0) return Stop::malformed;
    const std::size_t size = state_.size + reply.length;
    if (size > request.room || (state_.size > 0 && size > request.most)) return Stop::full;
    parts_[state_.queries++] = {static_cast<std::uint16_t>(framed.consumed), static_cast<std::uint32_t>(reply.length),
                                reply.identity};
    state_.size = size;
    state_.consumed += framed.consumed;
    if (reply.close_after) {
      state_.close_after = true;
      return Stop::boundary;
    }
    prefix_consumed = false;
  }
}

RequestContext AnswerStream::context_at(const Framed& framed, const Request& request) const noexcept {
  const auto at = static_cast<std::uint32_t>(framed.request.data() - request.payload.data());
  return {state_.size < request.client_has, early_, flow_, (request.seq + at).value(), request.identity};
}

void AnswerStream::prepare(Bytes payload, SeqNum seq, bool prefix_consumed, Service& service) const noexcept {
  if (!service.takes_time() || early_) return;
  const Request request{payload, seq};
  for (std::size_t at = 0; at < payload.size(); prefix_consumed = false) {
    const Framed framed = service.next_request(payload.subspan(at), prefix_consumed);
    if (framed.kind != Framed::Kind::complete) return;
    service.prepare(framed.request, context_at(framed, request));
    at += framed.consumed;
  }
}

std::size_t find_boundary(Bytes payload, bool prefix_consumed, std::uint32_t seq, std::uint16_t next,
                          const Service& service) noexcept {
  std::size_t consumed = 0;
  while (consumed < payload.size()) {
    const Framed framed = service.next_request(payload.subspan(consumed), prefix_consumed);
    if (framed.kind != Framed::Kind::complete) return 0;
    consumed += framed.consumed;
    if (((seq + consumed) & kNextMask) == next) return consumed;
    prefix_consumed = false;
  }
  return 0;
}

std::size_t whole_queries(Bytes payload, bool prefix_consumed, const Service& service) noexcept {
  std::size_t whole = 0;
  while (whole < payload.size()) {
    const Framed framed = service.next_request(payload.subspan(whole), prefix_consumed);
    if (framed.kind != Framed::Kind::complete) break;
    whole += framed.consumed;
    prefix_consumed = false;
  }
  return whole;
}

}  // namespace gl::tcp
