// The program that reads the text of zones, started once a zone: goldilocks-zone-reader.
// Ownership: the file and the pipe are closed when it has ended. Thread: any but a worker; it blocks until the program
// has ended. Errors: one line that names the file.
#pragma once

#include <functional>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/zone/loader.h"

namespace gl::zone {

// Gives the file on the program's standard input, and what comes from its output to `take`, until that says false.
[[nodiscard]] Status run_zone_reader(const ZoneSource& source, const std::function<bool(Bytes)>& take);

}  // namespace gl::zone
