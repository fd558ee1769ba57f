// The TSIG record at the end of a message: found, taken off, put there. No signature is made or checked here (tsig.h).
// Byte order: wire in messages, host order in fields. Ownership: values. Thread: pure functions. Errors: by Search.
// Source: RFC 8945 section 4.2.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "lib/base/endian.h"
#include "lib/transfer/tsig.h"

namespace gl::transfer::tsig {

inline constexpr std::uint16_t kFudge = 300;  // seconds; RFC 8945 section 10 recommends it

inline void put(Message& to, Bytes bytes) {
  const std::size_t at = to.size();
  to.resize(at + bytes.size());
  std::copy(bytes.begin(), bytes.end(), to.begin() + static_cast<std::ptrdiff_t>(at));
}
template <class T>
void put_number(Message& to, T value) {
  std::array<std::uint8_t, sizeof(T)> bytes;
  store_be(bytes.data(), value);
  put(to, bytes);
}
inline void put_time(Message& to, std::uint64_t time) {
  put_number(to, static_cast<std::uint16_t>(time >> 32));
  put_number(to, static_cast<std::uint32_t>(time));
}
inline void put_sized(Message& to, Bytes bytes) {
  put_number(to, static_cast<std::uint16_t>(bytes.size()));
  put(to, bytes);
}

// A TSIG record as it stands at the end of a message.
struct Found {
  std::size_t at = 0;  // where it begins
  std::vector<std::uint8_t> name;
  std::vector<std::uint8_t> algorithm;
  std::uint64_t time = 0;
  std::uint16_t fudge = 0;
  Mac mac;
  std::uint16_t original_id = 0;
  std::uint16_t error = 0;
  Mac other;
};
enum class Search : std::uint8_t { absent, present, malformed };

struct Variables {
  std::uint64_t time = 0;
  std::uint16_t fudge = kFudge;
  TsigError error = TsigError::none;
  Bytes other{};
};

struct Place {
  Bytes name;
  Bytes algorithm;
};

// The last of the additional records, where it is a TSIG; anywhere else there may be none.
[[nodiscard]] Search find(Bytes message, Found& found);
void append(Message& message, const Place& place, Bytes mac, const Variables& variables);
// The message as it was before it was signed.
[[nodiscard]] Message stripped(Bytes message, const Found& found);

}  // namespace gl::transfer::tsig
