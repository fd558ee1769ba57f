// Files of secrets, which none but their owner may read.
// Ownership: values. Thread: any. Errors: one line that names the file.
#pragma once

#include <string>

#include "lib/base/result.h"

namespace gl::control {

// The whole content. `kind`: what such a file is called in messages.
[[nodiscard]] Result<std::string> read_private_file(const std::string& path, const std::string& kind);

}  // namespace gl::control
