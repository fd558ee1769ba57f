// What every ONC RPC service has, whichever programs it serves, on one core: calls over UDP and over stateless TCP with
// record marking, who may ask, the errors of RPC itself, and their counters. It keeps nothing: a reply is a function of
// the call and of what is published, so a call may be executed as often as it comes (at least once, RFC 5531 section
// 4). Units: bytes. Byte order: wire in spans, host in values. Ownership: borrows the networks and the registry.
// Thread: one instance a core, that core only. Errors: ONC RPC's own; what is not answered is counted. Source: RFC
// 5531.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "lib/base/counter.h"
#include "lib/service/datagram_service.h"
#include "lib/service/networks.h"
#include "lib/service/registry.h"
#include "lib/service/service.h"
#include "lib/service/stream_service.h"
#include "lib/services/onc_rpc/mappings.h"
#include "lib/services/onc_rpc/message.h"

namespace gl::onc_rpc {

// Every name is a counter of each core.
#define GL_RPC_COUNTERS(X)                                                                         \
  X(calls, "calls of callers that may ask, those that were repeated included")                     \
  X(answered, "calls whose procedure was executed")                                                \
  X(rpc_mismatch, "calls of another version of RPC")                                               \
  X(auth_errors, "calls whose credential or verifier is too long, malformed or of another flavor") \
  X(prog_unavail, "calls of programs that are not there")                                          \
  X(prog_mismatch, "calls of versions that are not there")                                         \
  X(proc_unavail, "calls of procedures that are not there")                                        \
  X(garbage_args, "calls whose arguments cannot be read")                                          \
  X(drop_not_allowed, "calls of callers outside the networks that may ask")                        \
  X(drop_source_port, "datagrams from a port below 512, or one of our own services")               \
  X(drop_not_a_call, "replies, and what is neither")                                               \
  X(drop_malformed, "messages that end in their header")                                           \
  X(drop_record, "TCP: fragments that are not the only one of their record, or too long")          \
  X(drop_amplification, "UDP: results that are more than three times the call")                    \
  X(drop_no_room, "replies that there was no room for")

struct CallContext {
  Transport transport = Transport::udp;
  Bytes peer_address{};   // the caller's, 4 or 16 bytes
  Bytes local_address{};  // that the call came to
  bool allowed = true;    // the caller is in a network that may ask
  bool verified = false;  // he has shown that he receives at his address
  // TCP: he holds the beginning of this reply (RequestContext).
  bool continuation = false;
  std::uint32_t identity = 0;
};

// What a call leads to.
enum class Outcome : std::uint8_t {
  results,        // written
  none,           // it is not answered; the program has counted why
  not_allowed,    // not answered either: the caller may not ask that
  unrepeatable,   // a continuation whose bytes are no longer known
  prog_unavail,   // another program
  prog_mismatch,  // another version of it
  proc_unavail,
  garbage_args,
};

// The results of a call, behind the beginning of a successful reply.
struct Results {
  XdrWriter head;
  Bytes tail{};  // further bytes, which lie elsewhere until the burst is over; they are filled up to whole words
  std::uint32_t identity = 0;  // names the bytes (Answer::identity)
};

struct VersionRange {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
};

class RpcService : public Service, public DatagramService, public StreamService {
 public:
  void begin_burst(std::uint64_t now_ms) noexcept override { (void)now_ms; }
  void read_counters(CounterReader& reader) const override;
  void receive(const Datagram& datagram, DatagramSink& sink) noexcept final;
  [[nodiscard]] Framed next_request(Bytes stream, bool prefix_consumed) const noexcept final;
  [[nodiscard]] Answer answer(Bytes request, MutableBytes buffer, const RequestContext& context) noexcept final;
  [[nodiscard]] std::size_t read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept final;
  [[nodiscard]] bool has_idempotent_requests() const noexcept final { return true; }
  [[nodiscard]] std::size_t largest_answer() const noexcept final { return kRecordMarkSize + most_reply_; }

 protected:
  static constexpr std::size_t kFactor = 3;  // of a call's bytes may a reply have over UDP, before `verifies()`

  struct Manner {
    std::size_t most_reply = 0;      // bytes, over TCP
    bool has_tails = false;          // results may have a tail
    bool answers_strangers = false;  // calls of those outside of the networks come to call() as well
  };
  // `allowed` is written before the cores start.
  RpcService(const AllowedNetworks& allowed, const Registry& registry, const Manner& manner);

  [[nodiscard]] virtual Outcome call(const Call& call, const CallContext& context, Results& results) noexcept = 0;
  // Steps over the arguments of a call; false: it is not known what they are.
  [[nodiscard]] virtual bool skip_arguments(const Call& call, XdrReader& reader) const noexcept = 0;
  // Of a program with Outcome::prog_mismatch.
  [[nodiscard]] virtual VersionRange versions(std::uint32_t program) const noexcept = 0;
  // UDP: whether the call names what only the receiver of our replies knows.
  [[nodiscard]] virtual bool verifies(const Call& call, const CallContext& context) noexcept {
    (void)call, (void)context;
    return false;
  }

 private:
  // A reply that is written: its head, and what follows elsewhere.
  struct Written {
    Answer::Kind kind = Answer::Kind::silent;
    std::size_t length = 0;  // of the head
    Bytes tail{};
    std::uint32_t identity = 0;
  };
  // Of a reply with a tail over TCP.
  struct Head {
    std::uint16_t length = 0;  // with the record mark
    Bytes tail{};
    std::array<std::uint8_t, 256> bytes;
  };
  // More than one segment's calls: what a plan refers to stays until it is sent.
  static constexpr std::size_t kHeads = 512;

  [[nodiscard]] bool is_heard(const ParsedCall& parsed, bool allowed) noexcept;
  [[nodiscard]] Written reply(const ParsedCall& parsed, const CallContext& context, MutableBytes out) noexcept;
  [[nodiscard]] Written execute(const Call& call, const CallContext& context, MutableBytes out) noexcept;
  [[nodiscard]] std::size_t refuse(const Call& call, Outcome outcome, MutableBytes out) noexcept;
  [[nodiscard]] Answer keep_head(const Written& written, MutableBytes head) noexcept;

  const AllowedNetworks& allowed_;
  const Registry& registry_;
  const std::size_t most_reply_;
  const bool answers_strangers_;
  const std::unique_ptr<std::array<Head, kHeads>> heads_;  // null: no tails
  std::size_t next_head_ = 0;
#define X(name, help) mutable Counter name##_;  // next_request() counts what it refuses
  GL_RPC_COUNTERS(X)
#undef X
};

}  // namespace gl::onc_rpc
