// The commands of the control socket: a line of JSON names one, a line of JSON is its answer. docs/control.md says what
// they hold.
// Ownership: borrows. Thread: main core. Errors: `"ok": false` and one line of why.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lib/base/json.h"
#include "lib/control/ctl/control_client.h"
#include "lib/control/ctl/operations.h"
#include "lib/control/ctl/show.h"

namespace gl::control {

class Commands {
 public:
  Commands(const ControlView& view, Operations& operations) : view_(view), operations_(operations) {}

  [[nodiscard]] ControlAnswer answer(std::string_view line);

 private:
  struct Command {
    const char* name;
    const char* members;  // besides `command`, that there may be, with spaces between
    ControlAnswer (Commands::*run)(const json_t* request);
  };
  static std::span<const Command> table();

  ControlAnswer status(const json_t*);
  ControlAnswer counters(const json_t*);
  ControlAnswer zones(const json_t*);
  ControlAnswer health(const json_t*);
  ControlAnswer backends(const json_t*);
  ControlAnswer backend(const json_t* request);
  ControlAnswer flush(const json_t*);
  ControlAnswer log_level_of(const json_t* request);
  ControlAnswer reload(const json_t*);
  ControlAnswer zone_reload(const json_t* request);
  ControlAnswer drain(const json_t* request);
  ControlAnswer undrain(const json_t*);
  ControlAnswer stop(const json_t* request);
  [[nodiscard]] static bool may_have(const Command& command, std::string_view member);
  [[nodiscard]] LaterAnswer when_reloaded(std::uint64_t number) const;

  ControlView view_;
  Operations& operations_;
};

}  // namespace gl::control
