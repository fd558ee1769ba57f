// The configuration file: INI as rte_cfgfile reads it, keys as the flags are called, `#` begins a comment.
// Keys stand before any section or in [goldilocks]; a key that a flag may repeat may be repeated.
// Thread: main core. Errors: one line with file, line and key.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"

namespace gl::control {

[[nodiscard]] Status read_config_file(const std::string& path, Settings& settings);

}  // namespace gl::control
