// One zone from its text to records, strictly: libzscanner reads the records, directives.h what comes before it.
// Ownership: the caller owns the records. Thread: one. Errors: one line `FILE:LINE: reason`.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "lib/base/result.h"
#include "lib/zone_compiler/records.h"

namespace gl::zone_program {

// `text` is the open file; `path` is for messages, and for what it includes. `origin`: as text, may be empty.
// `progress` is called now and then with the number of records so far; it may be empty.
[[nodiscard]] Result<zone::Records> read_zone(int text, const std::string& path, const std::string& origin,
                                              const std::function<void(std::uint64_t)>& progress = {});

}  // namespace gl::zone_program
