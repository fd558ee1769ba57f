// What a service on a port is to the responders: it cuts requests out of a stream, and answers one request.
// Byte order: wire. Ownership: spans are borrowed for the call. Thread: one instance a core, that core only.
// Errors: by value; noexcept throughout; an implementation allocates, locks, logs and calls no kernel.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/framed.h"

namespace gl {

// Who asks; what a service may need to know besides the request.
struct RequestContext {
  // The client holds the beginning of this answer: give exactly the bytes that were given before, or
  // `unrepeatable` where that cannot be known.
  bool continuation = false;
  // The request came before its connection stood (TCP Fast Open), and will come again behind it.
  bool early = false;
  // Both ends, in wire order: client address, server address, client port, server port; 12 bytes or 36.
  Bytes flow{};
  // TCP: the client's sequence number at the first byte of the request (behind its framing). With `flow` it names
  // this very request, however often it is repeated.
  std::uint32_t position = 0;
  // With `continuation`: what Reply::identity was when this answer was begun. 0: not known.
  std::uint32_t identity = 0;
};

struct Reply {
  enum class Kind : std::uint8_t {
    answered,      // `length` bytes were written, framing included
    silent,        // this request gets no answer, ever (DNS: QR=1)
    unrepeatable,  // a continuation that cannot be given byte for byte
    malformed,     // the stream cannot go on: it is reset
    pending,       // not yet: whoever asks waits, and asks again when it is told to
  };
  Kind kind = Kind::silent;
  std::size_t length = 0;
  bool close_after = false;  // the service ends the connection with this answer; see may_close()
  // Names the bytes: the same request under the same identity is the same bytes for as long as the service can give
  // them. 0: it does not say.
  std::uint32_t identity = 0;
};

class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  // Called once before a burst of frames; `now_ms` is monotonic. Picks up newly published data.
  virtual void begin_burst(std::uint64_t now_ms) noexcept = 0;

  // TCP: the request at the front of `stream`. `prefix_consumed` means its length prefix was consumed earlier.
  [[nodiscard]] virtual Framed next_request(Bytes stream, bool prefix_consumed) const noexcept = 0;
  // TCP: the whole answer with its framing into `out`, which has room for kMaxStreamReply bytes.
  [[nodiscard]] virtual Reply answer_stream(Bytes request, MutableBytes out,
                                            const RequestContext& context) noexcept = 0;
  // UDP: one datagram in, at most `out.size()` bytes out.
  [[nodiscard]] virtual Reply answer_datagram(Bytes request, MutableBytes out,
                                              const RequestContext& context) noexcept = 0;

  // Whether answers may be `pending`.
  [[nodiscard]] virtual bool takes_time() const noexcept { return false; }
  // TCP: a request that stands behind others which have to be answered first. What takes time may begin now.
  virtual void prepare(Bytes request, const RequestContext& context) noexcept {
    (void)request;
    (void)context;
  }

  // Whether an answer of this service ever says `close_after`.
  [[nodiscard]] virtual bool may_close() const noexcept { return false; }

  // Whether a request may be answered before its connection stands: it may come twice, and asking it twice changes
  // nothing (TCP Fast Open, RFC 7413 section 6.1).
  [[nodiscard]] virtual bool takes_early_requests() const noexcept { return false; }

  // The largest answer in bytes, framing included, that this service may give to one stream request now.
  [[nodiscard]] virtual std::size_t largest_stream_reply() const noexcept = 0;
};

inline constexpr std::size_t kMaxStreamReply = 2 + 65535;

}  // namespace gl
