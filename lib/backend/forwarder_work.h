// The inside of a Forwarder: its tables, and what the files of forwarding do with them: requests come in
// (forwarder_ask.cc), questions go out (forwarder_send.cc), replies come back (forwarder_reply.cc), time passes
// (forwarder_time.cc). Units: microseconds and milliseconds as named. Ownership: everything here is the core's.
// Thread: that core only. Errors: by value.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "lib/backend/answer_store.h"
#include "lib/backend/backend_selector.h"
#include "lib/backend/flow_tag.h"
#include "lib/backend/forwarder.h"
#include "lib/backend/health.h"
#include "lib/backend/non_idempotent.h"
#include "lib/backend/pending.h"
#include "lib/backend/random_stream.h"
#include "lib/backend/requests.h"
#include "lib/backend/shares.h"
#include "lib/backend/waiters.h"

namespace gl::backend {

// One call of ask() or prepare().
struct QueryContext {
  const ClientQuery& query;
  const RequestContext& context;
  unsigned pool = 0;
  bool stream = false;
  bool waits = false;     // its frame will be suspended
  bool prepares = false;  // wants no answer yet
  QuestionKey key{};
  std::uint64_t waiter_tag = 0;
  std::uint64_t request_tag = 0;  // over a stream
};

struct Forwarder::Work {
  Work(const ForwardSettings& settings, BackendTx& tx, TcpJobs* jobs, std::size_t frame_bytes,
       const OperatorState& wishes);

  // ---- Requests.
  [[nodiscard]] QueryResult ask(const ClientQuery& query, unsigned pool, bool stream, const RequestContext& context,
                                bool prepares) noexcept;
  // What the tables know a request by.
  struct Names {
    QuestionKey key;
    std::uint64_t waiter_tag;
  };
  [[nodiscard]] Names names_of(const ClientQuery& query, unsigned pool, std::uint32_t number, Bytes flow) noexcept;
  [[nodiscard]] Names datagram_names(const ClientQuery& query, unsigned pool, const RequestContext& context) noexcept;
  [[nodiscard]] QueryResult ask_question(const QueryContext& query_context) noexcept;
  [[nodiscard]] QueryResult ask_non_idempotent(const QueryContext& query_context) noexcept;
  [[nodiscard]] QueryResult refuse_non_idempotent(const QueryContext& query_context, Failure failure) noexcept;
  [[nodiscard]] QueryResult begin_non_idempotent(const QueryContext& query_context, std::uint64_t tag) noexcept;
  [[nodiscard]] std::optional<QueryResult> give_again(const QueryContext& query_context,
                                                      const Request& request) noexcept;
  [[nodiscard]] QueryResult continue_unknown(const QueryContext& query_context) noexcept;
  [[nodiscard]] QueryResult give(const QueryContext& query_context, std::uint64_t at, Request* request) noexcept;
  // Comes again by itself: nothing waits.
  [[nodiscard]] static QueryResult come_again(const QueryContext& query_context) noexcept;
  [[nodiscard]] QueryResult wait_for(const QueryContext& query_context, std::uint32_t slot) noexcept;
  [[nodiscard]] QueryResult fail(const QueryContext& query_context, Failure failure, Request* request) noexcept;
  [[nodiscard]] bool comes_again(const QueryContext& query_context) noexcept;
  [[nodiscard]] QueryResult join_or_begin(const QueryContext& query_context, Request* request, bool is_new,
                                          bool over_tcp) noexcept;
  [[nodiscard]] bool is_resumed(const QueryContext& query_context) const noexcept;
  // Its frame waited for this very question.
  [[nodiscard]] bool has_waited_for(const QueryContext& query_context) const noexcept;
  // `at`: where it is in the store.
  [[nodiscard]] bool may_serve(std::uint64_t at, const StoredAnswer& answer) const noexcept;
  [[nodiscard]] bool is_for_tcp(const QueryContext& query_context, bool begins) const noexcept;
  [[nodiscard]] bool is_over_share(const QueryContext& query_context) noexcept;
  [[nodiscard]] QueryResult come_over_tcp() noexcept;
  [[nodiscard]] bool has_room(const QueryContext& query_context) const noexcept;
  [[nodiscard]] bool tcp_possible(unsigned pool) const noexcept;
  [[nodiscard]] QueryResult failed_again(const QueryContext& query_context, Failure failure) noexcept;
  void count(Failure failure) noexcept;

  // ---- Questions. Failure::none: under way, in `slot`.
  [[nodiscard]] Failure begin(const QueryContext& query_context, bool over_tcp, std::uint16_t non_idempotent_entry,
                              std::uint32_t& slot) noexcept;
  [[nodiscard]] Failure send_udp(std::uint32_t slot, const ClientQuery& query, std::uint16_t payload) noexcept;
  [[nodiscard]] bool send_datagram(std::uint32_t slot, const ClientQuery& query, unsigned backend,
                                   std::uint16_t payload) noexcept;
  // `avoid`: backends, a bit each.
  [[nodiscard]] Failure send_tcp(std::uint32_t slot, const ClientQuery& query, std::uint32_t avoid) noexcept;
  // No job is free: it waits until one comes back. Not where the client's message was too long to be kept.
  [[nodiscard]] Failure wait_for_job(std::uint32_t slot, std::uint32_t avoid) noexcept;
  // With a job of its own; where nothing comes of it, that is given back.
  [[nodiscard]] Failure send_job(std::uint32_t slot, const ClientQuery& query, unsigned backend, TcpJob& job) noexcept;
  // For one that waited.
  [[nodiscard]] Failure take_turn(std::uint32_t slot, TcpJob& job) noexcept;
  [[nodiscard]] bool write_job(const Question& question, const ClientQuery& query, TcpJob& job) noexcept;
  void submit(std::uint32_t slot, TcpJob& job, unsigned backend) noexcept;
  // The question is in no list: another try, or its end.
  void retry_udp(std::uint32_t slot, Failure reason) noexcept;
  // With the job that has come back; false: it was not used again, and the question has ended.
  [[nodiscard]] bool retry_tcp(std::uint32_t slot, Failure reason, TcpJob& job) noexcept;
  void end_with_failure(std::uint32_t slot, Failure failure) noexcept;
  void end(std::uint32_t slot, std::uint64_t answer) noexcept;
  void free_question(std::uint32_t slot) noexcept;
  void leave_udp(std::uint32_t slot) noexcept;
  [[nodiscard]] std::uint16_t payload() const noexcept;
  [[nodiscard]] std::uint16_t payload(const Question& question) const noexcept;
  [[nodiscard]] AnswerStore& store_of(const Question& question) noexcept {
    return question.non_idempotent == NonIdempotentRequests::kNone ? store : non_idempotent_store;
  }

  // ---- Replies.
  [[nodiscard]] ReplyEnd take_reply(Bytes payload, Bytes source_address, std::uint16_t source_port,
                                    std::uint16_t our_port, ReplyForm form) noexcept;
  [[nodiscard]] ReplyEnd take_answer(std::uint32_t slot, Bytes reply, std::uint16_t flags) noexcept;
  [[nodiscard]] bool ask_over_tcp(std::uint32_t slot) noexcept;
  [[nodiscard]] bool ask_without_edns(std::uint32_t slot, Bytes reply, std::uint16_t flags) noexcept;
  // False: it is malformed, and the question as it was.
  [[nodiscard]] bool keep(std::uint32_t slot, Bytes reply) noexcept;
  [[nodiscard]] bool keep_job(std::uint32_t slot, const TcpJob& job) noexcept;
  [[nodiscard]] bool from_backend(unsigned backend, Bytes address, std::uint16_t port) const noexcept;
  BackendCounters* backend_at(Bytes address, std::uint16_t port) noexcept;
  // True: the job is under way again.
  [[nodiscard]] bool take_job(TcpJob& job) noexcept;

  // ---- What is told of both, where `tap` is not null.
  void tell_sent(Question& question, Bytes message) noexcept;
  void tell_reply(const Question& question, Bytes reply) noexcept;
  void tell_job(const Question& question, const TcpJob& job) noexcept;

  // ---- Time.
  [[nodiscard]] std::uint32_t tcp_timeout_ms(bool transfer) const noexcept;
  void tick(std::uint64_t now) noexcept;
  void flush(std::uint32_t flushes) noexcept;
  void take_jobs() noexcept;
  void give_jobs() noexcept;
  void time_out_udp() noexcept;
  void time_out_tcp() noexcept;
  void check_health() noexcept;
  void send_check(unsigned backend) noexcept;

  [[nodiscard]] Suspend suspend(const Suspended& what, const Ticket& ticket) noexcept;

  const ForwardSettings& settings;
  const OperatorState& wishes;
  BackendTx& tx;
  TcpJobs* jobs;
  dns::Tap* tap = nullptr;
  ForwardCounters forward;
  std::vector<BackendCounters> backends;

  std::uint64_t now_us = 0;
  std::uint64_t now_ms = 0;
  bool started = false;
  RandomStream random;
  FlowTagger tagger;
  KeyContext secret;
  std::array<bool, kMaxPools> pool_proxies{};

  AnswerStore store;
  AnswerStore non_idempotent_store;
  std::uint32_t flushes_done = 0;
  std::uint64_t serve_from = 0;  // what lies before in the store is for those only who have begun to read it
  Requests requests;
  NonIdempotentRequests non_idempotent;
  Pending pending;
  Shares shares;
  Pending::List udp_tries;
  Pending::List tcp_tries;
  Pending::List tcp_waiting;
  std::uint32_t jobs_out = 0;
  Waiters waiters;
  Health health;
  BackendSelector selector;
};

}  // namespace gl::backend
