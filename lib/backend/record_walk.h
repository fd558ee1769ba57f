// The records of a message from outside, one by one, and where their names point to (compression).
// Byte order: wire in the message, host in values. Ownership: borrows. Thread: pure functions. Errors: by value,
// sticky. Sources: RFC 1035 4.1.3, 4.1.4, RFC 3597 section 4 (types whose names may be compressed).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/endian.h"
#include "lib/dns/types.h"

namespace gl::backend {

struct NameSpan {
  std::size_t end = 0;       // 0: there is no name
  std::uint16_t target = 0;  // where its compression pointer points; 0: it has none
};

// The name at `at`, which has to end before `limit`. A pointer is not followed; it has to go backward.
[[nodiscard]] inline NameSpan span_name(Bytes message, std::size_t at, std::size_t limit) noexcept {
  const std::size_t start = at;
  while (at < limit && at - start < dns::kMaxName) {
    const std::size_t label = message[at];
    if (label == 0) return {at + 1};
    if (label >= 0xc0) {
      if (limit - at < 2) return {};
      const auto target = static_cast<std::uint16_t>(load_be<std::uint16_t>(message.data() + at) & dns::kMaxPointer);
      if (target < dns::kHeaderSize || target >= start) return {};
      return {at + 2, target};
    }
    if (label > dns::kMaxLabel) return {};
    at += 1 + label;
  }
  return {};
}

// Whether the name at `at` ends before `limit`, its compression pointers followed. Each leads to what lies wholly
// before, so there is no circle, and what they put together is no longer than a name may be.
[[nodiscard]] inline bool name_resolves(Bytes message, std::size_t at, std::size_t limit) noexcept {
  std::size_t start = at;
  for (std::size_t length = 0; at < limit && length < dns::kMaxName;) {
    const std::size_t label = message[at];
    if (label == 0) return true;
    if (label >= 0xc0) {
      if (limit - at < 2) return false;
      at = load_be<std::uint16_t>(message.data() + at) & dns::kMaxPointer;
      if (at < dns::kHeaderSize || at >= start) return false;
      limit = start;
      start = at;
      continue;
    }
    if (label > dns::kMaxLabel) return false;
    at += 1 + label;
    length += 1 + label;
  }
  return false;
}

struct Record {
  std::size_t begin = 0;
  std::size_t fixed = 0;  // of type, class, TTL, length of data: ten bytes
  std::size_t end = 0;
  std::uint16_t type = 0;
  std::uint16_t target = 0;  // of its owner's compression pointer; 0: none

  [[nodiscard]] bool owned_by_root() const noexcept { return fixed == begin + 1; }
  [[nodiscard]] std::size_t data() const noexcept { return fixed + 10; }
};

class RecordWalk {
 public:
  RecordWalk(Bytes message, std::size_t at) noexcept : message_(message), at_(at), ok_(at <= message.size()) {}

  [[nodiscard]] bool next(Record& record) noexcept {
    if (!ok_) return false;
    ok_ = false;
    const NameSpan owner = span_name(message_, at_, message_.size());
    if (owner.end == 0 || message_.size() - owner.end < 10) return false;
    record.begin = at_;
    record.fixed = owner.end;
    record.target = owner.target;
    record.type = load_be<std::uint16_t>(message_.data() + owner.end);
    const std::size_t length = load_be<std::uint16_t>(message_.data() + owner.end + 8);
    if (message_.size() - record.data() < length) return false;
    record.end = at_ = record.data() + length;
    return ok_ = true;
  }
  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  [[nodiscard]] bool done() const noexcept { return ok_ && at_ == message_.size(); }

 private:
  Bytes message_;
  std::size_t at_;
  bool ok_;
};

namespace detail {
// Where names lie in a type's data.
struct DataNames {
  std::size_t before = 0;  // bytes
  unsigned names = 0;
};
[[nodiscard]] inline DataNames data_names(std::uint16_t type) noexcept {
  namespace rr = dns::rr;
  switch (type) {
    case rr::ns:
    case rr::md:
    case rr::mf:
    case rr::cname:
    case rr::mb:
    case rr::mg:
    case rr::mr:
    case rr::ptr:
    case rr::dname:
    case rr::nxt:
    case rr::nsec:
      return {0, 1};
    case rr::soa:
    case rr::minfo:
    case 17:  // RP
      return {0, 2};
    case rr::mx:
    case rr::afsdb:
    case rr::rt:
    case rr::kx:
      return {2, 1};
    case 26:  // PX
      return {2, 2};
    case rr::srv:
      return {6, 1};
    case rr::sig:
    case rr::rrsig:
      return {18, 1};
    default:
      return {};
  }
}
}  // namespace detail

// Whether all of the record's compression pointers lead to before `to`: then it stays valid where what lies between is
// taken out of the message. NAPTR, with its strings before the name, is taken as if its name did not.
[[nodiscard]] inline bool points_before(Bytes message, const Record& record, std::size_t to) noexcept {
  const auto leads_before = [&](std::uint16_t target) { return target == 0 || name_resolves(message, target, to); };
  if (!leads_before(record.target) || record.type == dns::rr::naptr) return false;
  if (record.data() == record.end) return true;
  const detail::DataNames layout = detail::data_names(record.type);
  std::size_t at = record.data() + layout.before;
  for (unsigned i = 0; i < layout.names; ++i) {
    const NameSpan name = span_name(message, at, record.end);
    if (name.end == 0 || !leads_before(name.target)) return false;
    at = name.end;
  }
  return true;
}

}  // namespace gl::backend
