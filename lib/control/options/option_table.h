// The one table that the flags, the configuration file and --help are made from.
// Thread: constants; apply() on the main core. Errors: one line without the option's name, which the caller puts before
// it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"

namespace gl::control {

struct Option {
  const char* name;      // without dashes; the key in the file
  const char* argument;  // as --help shows it
  const char* help;
  Status (*apply)(Settings& settings, const std::string& value);
};

[[nodiscard]] std::span<const Option> option_table();

// One that says `repeat for more`.
[[nodiscard]] bool may_repeat(const ServiceOption& option);

// Those of the table, and behind them those of the services' modules. Borrows `settings`.
[[nodiscard]] std::vector<ServiceOption> all_options(Settings& settings);

}  // namespace gl::control
