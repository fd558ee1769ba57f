// Signatures of messages (TSIG): made, and checked.
// Units: seconds since 1970. Byte order: messages as on the wire, without the length prefix of TCP. Ownership: borrows
// keys. Thread: plain values. Errors: one line, or the TSIG error that the other side is to be told.
// Source: RFC 8945 sections 4.3 (what is digested), 5.2 (requests), 5.3 (answers, streams of several messages).
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"
#include "lib/transfer/record.h"
#include "lib/transfer/tsig_key.h"

namespace gl::transfer {

using Mac = std::vector<std::uint8_t>;

enum class TsigError : std::uint16_t { none = 0, bad_signature = 16, bad_key = 17, bad_time = 18 };

// Signs a query; the MAC is what its answer is checked with.
[[nodiscard]] Mac sign_query(Message& message, const TsigKey& key, std::uint64_t now);

// What a request's signature comes to.
struct CheckedRequest {
  bool malformed = false;  // FORMERR: it has a TSIG that is none, or in the wrong place
  bool is_signed = false;
  TsigError error = TsigError::none;
  const TsigKey* key = nullptr;         // where it is known
  std::vector<std::uint8_t> key_name;   // as the request has it
  std::vector<std::uint8_t> algorithm;  // likewise
  Mac mac;                              // of the request
  std::uint64_t time = 0;               // when it was signed, as it says
  std::size_t length = 0;               // of the message without it
};
[[nodiscard]] CheckedRequest check_request(Bytes message, const TsigKeys& keys, std::uint64_t now);

// Signs the messages of an answer, one or several. A request with a bad signature or key is answered unsigned.
class AnswerSigner {
 public:
  explicit AnswerSigner(const CheckedRequest& request) : request_(request), prior_(request.mac) {}
  void sign(Message& message, std::uint64_t now);

 private:
  const CheckedRequest request_;
  Mac prior_;
  bool first_ = true;
};

// Checks the messages of an answer, in their order. Between two that are signed there may be up to 99 that are not.
class AnswerChecker {
 public:
  AnswerChecker(const TsigKey& key, Mac request) : key_(key), prior_(std::move(request)) {}
  [[nodiscard]] Status take(Bytes message, std::uint64_t now);
  // Whether the message that came last was signed: the last of an answer has to be.
  [[nodiscard]] bool is_complete() const noexcept { return unsigned_ == 0 && !first_; }

 private:
  const TsigKey& key_;
  Mac prior_;
  Message between_;  // messages since the last signature
  unsigned unsigned_ = 0;
  bool first_ = true;
};

}  // namespace gl::transfer
