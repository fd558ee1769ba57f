// One zone from its text to records, strictly: libzscanner reads the records, directives.h what comes before it.
// Ownership: writes to `out`. Thread: one. Errors: told in the stream of records.
#pragma once

#include <cstdio>
#include <string>

namespace gl::zone_reader {

// The text is on standard input; `path` is for messages and for what it includes. False: `out` does not take it.
[[nodiscard]] bool read_zone(const std::string& path, const std::string& origin, std::FILE* out);

}  // namespace gl::zone_reader
