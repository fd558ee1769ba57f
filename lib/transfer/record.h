// Records as transfers carry them: out of messages, with compressed names written out, and into messages.
// Byte order: wire in owner and data, host order elsewhere. Ownership: values. Thread: pure functions.
// Errors: false. Source: RFC 1035 section 4.1, RFC 3597 section 4 (data of unknown types is opaque).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"

namespace gl::transfer {

using Message = std::vector<std::uint8_t>;

struct Record {
  std::string owner;  // uncompressed, letters as they came
  std::uint16_t type = 0;
  std::uint16_t rr_class = 0;
  std::uint32_t ttl = 0;
  std::string data;  // names uncompressed
};

// The record at `at` of a message; `at` is behind it then. False: it is cut short, or not what its type consists of.
[[nodiscard]] bool read_record(Bytes message, std::size_t& at, Record& record);

// The name at `at`, compressed or not, appended to `name`. The position behind it; 0: it is none.
[[nodiscard]] std::size_t read_name(Bytes message, std::size_t at, std::string& name);

// What tells records of a zone apart (RFC 4034 section 6.2: names in lower case), TTL left out.
[[nodiscard]] std::string identity_of(const Record& record);

// Whether `name` is `apex` or below it; both in wire form, any case.
[[nodiscard]] bool is_within(std::string_view name, std::string_view apex);
[[nodiscard]] std::string lower_name(std::string_view name);

struct Soa {
  std::uint32_t serial = 0;
  std::uint32_t refresh = 0;
  std::uint32_t retry = 0;
  std::uint32_t expire = 0;
  std::uint32_t minimum = 0;
};
[[nodiscard]] std::optional<Soa> soa_of(const Record& record);

// RFC 1982 section 3.2: whether `a` is newer than `b`.
[[nodiscard]] constexpr bool is_newer(std::uint32_t a, std::uint32_t b) noexcept {
  return static_cast<std::int32_t>(a - b) > 0;
}

}  // namespace gl::transfer
