// The stream of records that goldilocks-zone-reader writes and the server reads: messages, each a kind and its fields.
//   'R' line 4, TTL 4, type 2, length of the owner 1, owner, length of the data 2, data: a record, names uncompressed
//   'I' length 2, path: a file that the zone includes
//   'E' line 4, length 2, text: the zone is refused, for this reason; line 0: the file as a whole
//   'Z' nothing: the zone is complete
// Byte order: wire. Thread: constants.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gl::zone::records {

inline constexpr std::uint8_t kRecord = 'R';
inline constexpr std::uint8_t kIncluded = 'I';
inline constexpr std::uint8_t kError = 'E';
inline constexpr std::uint8_t kEnd = 'Z';
inline constexpr std::size_t kRecordHead = 1 + 4 + 4 + 2 + 1;
inline constexpr std::size_t kIncludedHead = 1 + 2;
inline constexpr std::size_t kErrorHead = 1 + 4 + 2;

}  // namespace gl::zone::records
