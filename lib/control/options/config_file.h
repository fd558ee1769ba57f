// The configuration file: INI as rte_cfgfile reads it, keys as the flags are called, `#` begins a comment.
// Keys stand before any section or in [goldilocks]; a key that a flag may repeat may be repeated.
// Thread: main core. Errors: one line each with file, line and key; what comes behind one is read as well.
#pragma once

#include <string>
#include <vector>

#include "lib/control/options/given.h"
#include "lib/control/options/settings.h"

namespace gl::control {

// What the file gives is added to `given`.
void read_config_file(const std::string& path, Settings& settings, std::vector<GivenOption>& given,
                      std::vector<std::string>& problems);

}  // namespace gl::control
