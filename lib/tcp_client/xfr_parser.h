// Where a zone transfer ends: walks the answers of its messages, one after the other.
// Byte order: wire in messages. Ownership: borrows each message for one call. Thread: plain value. Errors: by Step.
// Sources: RFC 5936 2.2 (AXFR), RFC 1995 section 4 (IXFR), RFC 1982 (serial numbers).
#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/dns/message.h"

namespace gl::tcp_client {

class XfrParser {
 public:
  enum class Step : std::uint8_t { more, ended, malformed };

  XfrParser() = default;
  explicit XfrParser(Bytes query) noexcept;

  // The next message, without its length prefix. Its header has been read: it has one, and it is the asked one's.
  [[nodiscard]] Step take(Bytes message) noexcept;

 private:
  enum class At : std::uint8_t {
    start,     // nothing came yet
    second,    // the newest SOA came: what follows tells a whole zone from differences
    whole,     // records of a zone, up to its SOA again
    removing,  // differences: what is taken out of an older version
    adding,    // differences: what is put in
    ended,
    broken,
  };

  void find_serial(Bytes query) noexcept;
  void take_record(Bytes message, dns::Cursor& cursor) noexcept;
  [[nodiscard]] At after_soa(std::uint32_t serial) const noexcept;
  [[nodiscard]] bool owned_by_zone(Bytes message, std::size_t at) const noexcept;
  [[nodiscard]] bool has_newest() const noexcept;

  dns::Question question_{};
  At at_ = At::start;
  std::uint32_t newest_ = 0;  // serial of the first SOA
  bool has_serial_ = false;
  std::uint32_t serial_ = 0;  // what the client of an IXFR has
};

}  // namespace gl::tcp_client
