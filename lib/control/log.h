// What the main core tells the operator: a line each on standard error, with the time (RFC 3339, UTC) and a level.
// Thread: any but a worker's. Errors: none; a standard error that nobody reads is no reason to end.
#pragma once

#include <string>

#include "lib/base/text.h"

namespace gl::control {

using gl::counted;

void say(const std::string& line);       // info
void warn(const std::string& line);      // warning: something is not as it should be, and we go on
void complain(const std::string& line);  // error: what was asked for cannot be done

}  // namespace gl::control
