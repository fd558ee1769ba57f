// The command line: EAL flags, `--`, the application's flags.
// Thread: main core, before the EAL starts. Errors: one line that names flag, or file and key, and what is allowed.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/control/options/settings.h"

namespace gl::control {

struct CommandLine {
  enum class Action { run, help, options_page, version, check };
  Action action = Action::run;
  std::vector<std::string> eal;  // the program's name first
  Settings settings;
  std::vector<std::string> problems;  // with `check` all that is wrong; otherwise the first is the error
};

// `log` has afterwards what was said of the log, also where something else is wrong.
[[nodiscard]] Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                                     LogSettings* log = nullptr);
[[nodiscard]] std::string help_text();
// docs/options.md.
[[nodiscard]] std::string options_page();

}  // namespace gl::control
