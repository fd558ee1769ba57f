// One zone file as plain records. A program of its own reads the text (app/zone-reader); here its stream is checked.
// Byte order: wire within owner and rdata, host order elsewhere. Ownership: the caller's. Thread: main core.
// Errors: one line `FILE:LINE: reason`. Source: RFC 1035 5.1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/zone/loader.h"

namespace gl::zone {

// Bytes kept as std::string: short ones need no allocation, and they compare and hash as they are.
using WireString = std::string;

inline Bytes as_bytes(std::string_view s) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};  // NOLINT: char and uint8_t may alias
}
inline std::string_view as_chars(Bytes b) noexcept {
  return {reinterpret_cast<const char*>(b.data()), b.size()};  // NOLINT
}

struct Record {
  WireString owner;  // lower case, uncompressed
  WireString rdata;  // names in it as the file spells them, uncompressed
  std::uint32_t ttl = 0;
  std::uint16_t type = 0;
  std::uint16_t name_count = 0;       // domain names in rdata, of which the first two are located
  std::uint16_t name_at[2] = {0, 0};  // their offsets
  int line = 0;

  // RRSIG only: the type it signs.
  [[nodiscard]] std::uint16_t covered() const noexcept;
  // The name at name_at[i] as a view of rdata.
  [[nodiscard]] std::string_view name(std::size_t i) const noexcept;
};

struct ZoneFile {
  std::string path;
  std::vector<Record> records;
  std::vector<std::string> included;  // paths of the files that it includes
};

[[nodiscard]] Result<ZoneFile> read_zone_file(const ZoneSource& source);

// `path:line: reason`, the shape of every error here.
[[nodiscard]] Error error_at(const std::string& path, int line, const std::string& reason);

// A wire name as people write it, for messages.
[[nodiscard]] std::string to_text(std::string_view wire_name);
[[nodiscard]] std::string type_to_text(std::uint16_t type);

// The bytes behind an NSEC3 owner's label (RFC 5155 3.3); empty where it is none.
[[nodiscard]] std::string decode_base32hex(const std::string& label);

}  // namespace gl::zone
