// Replies come back: over UDP from whoever sends datagrams to our ports, over TCP from the helper.
#include <algorithm>
#include <array>

#include "lib/backend/edns_options.h"
#include "lib/backend/forwarder_work.h"

namespace gl::backend {
namespace {

using ReplyEnd = Forwarder::ReplyEnd;

constexpr std::size_t kFraming = 2;

dns::Rcode rcode_of(std::uint16_t flags) noexcept {
  return static_cast<dns::Rcode>(flags & dns::flag::rcode_mask);
}

}  // namespace

bool Forwarder::Work::from_backend(unsigned backend, Bytes address, std::uint16_t port) const noexcept {
  const BackendSettings& asked = settings.backends[backend];
  return asked.port == port && std::ranges::equal(wire::bytes_of(asked.address), address);
}

BackendCounters* Forwarder::Work::backend_at(Bytes address, std::uint16_t port) noexcept {
  for (unsigned i = 0; i < backends.size(); ++i) {
    if (from_backend(i, address, port)) return &backends[i];
  }
  return nullptr;
}

ReplyEnd Forwarder::Work::take_reply(Bytes payload, Bytes source_address, std::uint16_t source_port,
                                     std::uint16_t our_port, ReplyForm form) noexcept {
  ReplyHead head;
  if (!read_reply_head(payload, head)) {
    BackendCounters* const backend = backend_at(source_address, source_port);
    (backend != nullptr ? backend->malformed : forward.late).add();
    return ReplyEnd::malformed;
  }
  const std::uint32_t slot = pending.find_id(head.id);
  if (slot == Pending::kNone) {
    BackendCounters* const backend = backend_at(source_address, source_port);
    (backend != nullptr ? backend->late : forward.late).add();
    return ReplyEnd::late;
  }
  // Whoever guessed one of address, ports, ID and question, but not all: the question stays, and waits for the right
  // one (RFC 5452 section 9.1).
  const Question& question = pending[slot];
  BackendCounters& counters = backends[question.backend];
  if (our_port != question.source_port || !from_backend(question.backend, source_address, source_port) ||
      !answers_question(payload, question.message())) {
    counters.wrong.add();
    return ReplyEnd::wrong;
  }
  counters.answered.add();
  counters.latency.add(now_us - question.sent_us);
  leave_udp(slot);
  if (question.health) {
    health.check_answered(question.backend);
    return ReplyEnd::taken;
  }
  health.question_answered(question.backend);
  if (question.tap_cycles != 0 && form == ReplyForm::whole) [[unlikely]]
    tell_reply(question, payload);
  if (form == ReplyForm::whole) return take_answer(slot, payload, head.flags);
  counters.cut_short.add();
  std::array<std::uint8_t, kLongestTruncated> room;
  return take_answer(slot, truncate_reply(payload, room), head.flags | dns::flag::tc);
}

ReplyEnd Forwarder::Work::take_answer(std::uint32_t slot, Bytes reply, std::uint16_t flags) noexcept {
  const Question& question = pending[slot];
  BackendCounters& counters = backends[question.backend];
  if (rcode_of(flags) == dns::Rcode::refused) counters.refused.add();
  if (rcode_of(flags) == dns::Rcode::servfail) {
    counters.servfail.add();
    // Another may know better.
    if (question.non_idempotent == NonIdempotentRequests::kNone && question.tries < settings.tries &&
        selector.another(question.pool, {.avoid = question.tried})) {
      retry_udp(slot, Failure::reply);
      return ReplyEnd::taken;
    }
  }
  if ((flags & dns::flag::tc) != 0) {
    counters.truncated.add();
    if (ask_over_tcp(slot)) return ReplyEnd::taken;
  }
  if (ask_without_edns(slot, reply, flags) || keep(slot, reply)) return ReplyEnd::taken;
  retry_udp(slot, Failure::reply);
  return ReplyEnd::malformed;
}

// Those who ask by datagram can do with a sign to come over TCP, and are not worth a connection.
bool Forwarder::Work::ask_over_tcp(std::uint32_t slot) noexcept {
  Question& question = pending[slot];
  if (question.non_idempotent != NonIdempotentRequests::kNone || !question.wanted_whole || !tcp_possible(question.pool))
    return false;
  ClientQuery query;
  (void)parse_client_query(question.message(), query);
  question.tries = 0;
  question.tried = 0;
  // The one that has the answer, if it can be.
  const std::uint32_t others = ~(std::uint32_t{1} << question.backend);
  if (send_tcp(slot, query, others) != Failure::none) return false;
  forward.retried.add();
  return true;
}

// A name server from before EDNS (RFC 6891 section 7): once more without, where nothing that the client said gets lost.
bool Forwarder::Work::ask_without_edns(std::uint32_t slot, Bytes reply, std::uint16_t flags) noexcept {
  Question& question = pending[slot];
  const bool not_understood = rcode_of(flags) == dns::Rcode::formerr || rcode_of(flags) == dns::Rcode::notimp;
  const bool knows_edns = load_be<std::uint16_t>(reply.data() + 10) != 0;
  if (!not_understood || knows_edns || question.plain || question.non_idempotent != NonIdempotentRequests::kNone)
    return false;
  ClientQuery query;
  (void)parse_client_query(question.message(), query);
  if (query.is_signed || query.dnssec_ok || copy_options(query.options, {.cookie = settings.own_cookies}, nullptr) != 0)
    return false;
  question.plain = true;
  if (!send_datagram(slot, query, question.backend, 0)) return false;
  forward.retried.add();
  return true;
}

bool Forwarder::Work::keep(std::uint32_t slot, Bytes reply) noexcept {
  const Question& question = pending[slot];
  AnswerStore& into = store_of(question);
  KeptReply kept;
  if (keep_reply(reply, question.is_signed, into.reserve(reply.size()), kept) != ReplyFault::none) {
    backends[question.backend].malformed.add();
    return false;
  }
  end(slot, into.commit(question.key, kept, now_ms));
  return true;
}

bool Forwarder::Work::keep_job(std::uint32_t slot, const TcpJob& job) noexcept {
  const Question& question = pending[slot];
  const Bytes reply{job.reply.get(), job.reply_length};
  if (!question.transfer) {
    const Bytes message = reply.subspan(std::min(kFraming, reply.size()));
    ReplyHead head;
    // TC has no meaning over TCP, and there is nothing left to ask with.
    if (read_reply_head(message, head) && (head.flags & dns::flag::tc) == 0) return keep(slot, message);
    backends[question.backend].malformed.add();
    return false;
  }
  KeptReply kept;
  if (keep_transfer(reply, store.reserve(reply.size()), kept) != ReplyFault::none) {
    backends[question.backend].malformed.add();
    return false;
  }
  end(slot, store.commit(question.key, kept, now_ms));
  return true;
}

bool Forwarder::Work::take_job(TcpJob& job) noexcept {
  const std::uint32_t slot = job.token & 0xffff;
  Question& question = pending[slot];
  // It was given up on.
  if (question.generation != job.token >> 16 || question.state != Question::State::tcp) return false;
  pending.remove(tcp_tries, slot);
  question.state = Question::State::idle;
  BackendCounters& counters = backends[question.backend];
  const bool came = job.result == TcpJob::Result::answered;
  if (question.tap_cycles != 0) [[unlikely]]
    tell_job(question, job);
  (came ? counters.answered_tcp : counters.failed_tcp).add();
  if (came && keep_job(slot, job)) return false;
  // It is as long everywhere.
  if (job.result == TcpJob::Result::too_long) return end_with_failure(slot, Failure::reply), false;
  const bool silent = job.result == TcpJob::Result::refused || job.result == TcpJob::Result::timed_out;
  return retry_tcp(slot, silent ? Failure::timeout : Failure::reply, job);
}

}  // namespace gl::backend
