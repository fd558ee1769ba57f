// The value of --dnstap as the operator wrote it.
// Thread: pure function. Errors: one line that says what is allowed, without the flag's name.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/control/dnstap/settings.h"

namespace gl::control {

// unix:PATH|tcp:ADDRESS:PORT|file:PATH[,sample=N][,messages=auth,forward][,identity=TEXT][,version=TEXT]
[[nodiscard]] Result<DnstapSettings> parse_dnstap(const std::string& text);

}  // namespace gl::control
