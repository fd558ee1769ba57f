// One zone from its text to records, strictly: libzscanner reads the records, directives.h what comes before it.
// Ownership: the caller owns the records. Thread: one. Errors: one line `FILE:LINE: reason`.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/zone_compiler/records.h"

namespace gl::zone_program {

// `text` is the open file; `path` is for messages, and for what it includes. `origin`: as text, may be empty.
[[nodiscard]] Result<zone::Records> read_zone(int text, const std::string& path, const std::string& origin);

}  // namespace gl::zone_program
