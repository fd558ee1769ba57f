#include "lib/tcp/answer_stream.h"

#include <algorithm>
#include <cstring>

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

Stop AnswerStream::answer(const Request& request, StreamService& service) noexcept {
  bool prefix_consumed = request.prefix_consumed;
  while (true) {
    if (state_.consumed >= request.limit) return Stop::boundary;
    if (state_.consumed == request.payload.size()) return Stop::end;
    const Framed framed = service.next_request(request.payload.subspan(state_.consumed), prefix_consumed);
    if (framed.kind != Framed::Kind::complete) return stop_of(framed.kind);
    if (state_.size >= request.most || state_.queries == kMaxParts) return Stop::full;
    // It will come again behind the handshake, and then be executed once.
    if (early_ && !service.is_idempotent(framed.request)) return Stop::pending;
    const Answer answer =
        service.answer(framed.request, MutableBytes(buffer_).subspan(state_.rendered, kMaxRenderedAnswer),
                       context_at(framed, request));
    if (answer.kind == Answer::Kind::pending) {
      ticket_ = answer.ticket;
      const std::size_t behind = state_.consumed + framed.consumed;
      prepare(request.payload.subspan(behind), request.seq + static_cast<std::uint32_t>(behind), false, service);
      return Stop::pending;
    }
    if (answer.kind == Answer::Kind::unrepeatable) return Stop::unrepeatable;
    // A request without an answer would move `next` and not E: TSval could then run ahead of other replies. Such a
    // stream is no dialogue, and is reset like one that holds no request.
    if (answer.kind != Answer::Kind::answered || answer.length == 0) return Stop::malformed;
    // A ledger counts no longer one in a step.
    if (answer.length > kMaxRenderedAnswer) return note_long(answer, framed.consumed);
    const std::size_t size = state_.size + answer.length;
    if (size > request.room || (state_.size > 0 && size > request.most)) return Stop::full;
    if (!answer.rendered || !state_.all_rendered) note_source(answer, service);
    parts_[state_.queries++] = {static_cast<std::uint16_t>(framed.consumed), static_cast<std::uint32_t>(answer.length),
                                answer.identity};
    if (answer.rendered) state_.rendered += answer.length;
    state_.size = size;
    state_.consumed += framed.consumed;
    if (answer.close_after) {
      state_.close_after = true;
      return Stop::boundary;
    }
    prefix_consumed = false;
  }
}

Stop AnswerStream::note_long(const Answer& answer, std::size_t request) noexcept {
  if (!any_length_) return Stop::full;
  long_answer_ = answer;
  long_request_ = request;
  return Stop::long_answer;
}

// From the first answer on that is not in the buffer each has a source of its own.
void AnswerStream::note_source(const Answer& answer, StreamService& service) noexcept {
  if (state_.all_rendered) {
    std::size_t at = 0;
    for (unsigned i = 0; i < state_.queries; at += parts_[i++].answer) sources_[i] = {{}, at};
    state_.all_rendered = false;
  }
  service_ = &service;
  sources_[state_.queries] = {answer, state_.rendered};
}

Bytes AnswerStream::gather(std::size_t offset, MutableBytes room) const noexcept {
  std::size_t written = 0;
  std::size_t begin = 0;  // of the part, in the stream
  for (unsigned i = 0; i < state_.queries && written < room.size(); begin += parts_[i++].answer) {
    const std::size_t at = offset + written;
    if (at >= begin + parts_[i].answer) continue;
    const std::size_t within = at - begin;
    const MutableBytes out = room.subspan(written, std::min(room.size() - written, parts_[i].answer - within));
    if (sources_[i].answer.rendered) {
      std::memcpy(out.data(), buffer_.data() + sources_[i].buffer + within, out.size());
      written += out.size();
      continue;
    }
    const std::size_t read = service_->read(sources_[i].answer, within, out);
    written += read;
    if (read < out.size()) break;
  }
  return room.first(written);
}

RequestContext AnswerStream::context_at(const Framed& framed, const Request& request) const noexcept {
  const auto at = static_cast<std::uint32_t>(framed.request.data() - request.payload.data());
  return {state_.size < request.client_has, early_, any_length_, flow_, (request.seq + at).value(), request.identity};
}

void AnswerStream::prepare(Bytes payload, SeqNum seq, bool prefix_consumed, StreamService& service) const noexcept {
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
                          const StreamService& service) noexcept {
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

std::size_t whole_queries(Bytes payload, bool prefix_consumed, const StreamService& service) noexcept {
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
