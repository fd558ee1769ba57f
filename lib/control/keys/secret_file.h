// The file of cookie secrets: lines `[@UNIXTIME] <64 hex digits>`, the node's, and `[@UNIXTIME] dns <32 hex digits>`,
// DNS cookie secrets as other name servers have them; comments after `#`. A line without a time holds since ever. Made
// with mode 0600 and random bytes where it is missing; refused where group or others may read it. Thread: main core.
// Errors: one line with file, line and reason; the secret itself is never in it.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/control/keys/secrets.h"

namespace gl::control {

[[nodiscard]] Result<Secrets> read_secret_file(const std::string& path);
// The same, after making the file (and its folder) where it does not exist.
[[nodiscard]] Result<Secrets> read_or_make_secret_file(const std::string& path);

}  // namespace gl::control
