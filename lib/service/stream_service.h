// A service over TCP: it cuts requests out of a client's stream, and answers one request at a time.
// An answer is a number of bytes that can be read at any offset, as often as it is asked for: the responder keeps no
// copy of what it sent, and asks again for what was lost. Units: bytes. Byte order: wire. Ownership: spans are borrowed
// for the call. Thread: one instance a core, that core only. Errors: by value; everything is noexcept, and nothing that
// is called here may allocate, lock, log or make a system call.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/framed.h"
#include "lib/service/request.h"

namespace gl {

struct Answer {
  enum class Kind : std::uint8_t {
    answered,      // `length` bytes, framing included
    silent,        // this request gets no answer, ever (DNS: QR=1)
    unrepeatable,  // a continuation that cannot be given byte for byte
    malformed,     // the stream cannot go on: it is reset
    pending,       // not yet: `ticket` waits, and the request is given again when the answer is there
  };
  Kind kind = Kind::silent;
  std::uint64_t length = 0;
  bool close_after = false;  // the service ends the connection with this answer; see may_close()
  // Names the bytes: the same request under the same identity is the same bytes for as long as the service can give
  // them. 0: it does not say.
  std::uint32_t identity = 0;
  // Where the bytes are. True: all of them stand in the buffer that answer() was given. False: read() has them.
  bool rendered = true;
  std::uint64_t handle = 0;  // the service's own, for read()
  Ticket ticket{};           // with `pending`
};

class StreamService {
 public:
  StreamService(const StreamService&) = delete;
  StreamService& operator=(const StreamService&) = delete;
  virtual ~StreamService() = default;

  // How long the prefix in front of a request is that says how long the request is: 2 in DNS (RFC 1035 section 4.2.2),
  // 4 in RPC (RFC 5531 section 11), 0 where a request shows its own end.
  [[nodiscard]] std::uint8_t prefix_length() const noexcept { return prefix_length_; }

  // The request at the front of `stream`. `prefix_consumed`: its prefix was acknowledged earlier, alone.
  [[nodiscard]] virtual Framed next_request(Bytes stream, bool prefix_consumed) const noexcept = 0;

  // The answer with its framing. A service that has to make an answer as a whole writes it to `buffer`, which has room
  // for kMaxRenderedAnswer bytes; one that has its bytes elsewhere leaves the buffer alone, and is asked by read().
  [[nodiscard]] virtual Answer answer(Bytes request, MutableBytes buffer, const RequestContext& context) noexcept = 0;
  // The bytes of an answer that is not `rendered`, from `offset` on, as many as `out` takes; how many that were. The
  // same bytes whenever it is asked for the same identity.
  [[nodiscard]] virtual std::size_t read(const Answer& answer, std::uint64_t offset, MutableBytes out) noexcept {
    (void)answer, (void)offset, (void)out;
    return 0;
  }

  // Whether answers may be longer than kMaxRenderedAnswer (RequestContext::any_length). Such an answer is read over
  // minutes: its `handle` and `identity` are all that is kept of it.
  [[nodiscard]] virtual bool has_long_answers() const noexcept { return false; }
  // Whether read() still has the bytes of such an answer. Where it has not, the connection is reset.
  [[nodiscard]] virtual bool still_has(const Answer& answer) const noexcept {
    (void)answer;
    return true;
  }

  // Whether answers may be `pending`.
  [[nodiscard]] virtual bool takes_time() const noexcept { return false; }
  // Whether a request of this flow waits for its answer; `flow` as RequestContext's.
  [[nodiscard]] virtual bool has_waiting(Bytes flow) const noexcept {
    (void)flow;
    return false;
  }
  // A request that stands behind others which have to be answered first. What takes time may begin now.
  virtual void prepare(Bytes request, const RequestContext& context) noexcept { (void)request, (void)context; }

  // Whether an answer of this service ever says `close_after`.
  [[nodiscard]] virtual bool may_close() const noexcept { return false; }

  // Whether there are requests that may be executed twice without harm, and whether this is one. A request that may not
  // is never given before its connection stands (TCP Fast Open, RFC 7413 section 6.1). Behind the handshake a request
  // may be given again whenever its segment comes again: who must not execute it twice knows it by `flow` and
  // `position` of its context.
  [[nodiscard]] virtual bool has_idempotent_requests() const noexcept { return false; }
  [[nodiscard]] virtual bool is_idempotent(Bytes request) const noexcept {
    (void)request;
    return has_idempotent_requests();
  }

  // The longest answer, framing included, that this service may give to one request now.
  [[nodiscard]] virtual std::size_t largest_answer() const noexcept = 0;

 protected:
  explicit StreamService(std::uint8_t prefix_length) noexcept : prefix_length_(prefix_length) {}

 private:
  const std::uint8_t prefix_length_;
};

inline constexpr std::size_t kMaxRenderedAnswer = 2 + 65535;

}  // namespace gl
