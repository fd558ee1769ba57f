// What a client's fields ask of a file: which form, whether it has it already, which part.
// Units: bytes, seconds since 1970. Thread: pure functions. Errors: by value: a field that cannot be read is passed
// over. Sources: RFC 9110 sections 12.5.3 (Accept-Encoding), 13 (conditions), 14 (ranges).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/files/file_set.h"
#include "lib/services/http/request.h"

namespace gl::http {

// The compressed form of the file that the client likes best; nothing where it is to have the file itself.
[[nodiscard]] std::optional<files::Coding> choose_coding(const files::File& file,
                                                         std::string_view accept_encoding) noexcept;

enum class Condition : std::uint8_t { holds, not_modified, failed };
// In the order of RFC 9110 section 13.2.2. `safe`: GET or HEAD.
[[nodiscard]] Condition check_conditions(const Request& request, const files::File& file) noexcept;

struct ByteRange {
  enum class Kind : std::uint8_t {
    all,            // no range, or one that is not understood, or several: the whole file
    part,           // `first`, `length`
    unsatisfiable,  // it begins behind the end
  };
  Kind kind = Kind::all;
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};
[[nodiscard]] ByteRange parse_range(std::string_view range, std::uint64_t size) noexcept;
// If-Range: whether the client's part is one of this very file.
[[nodiscard]] bool range_applies(const Request& request, const files::File& file) noexcept;

}  // namespace gl::http
