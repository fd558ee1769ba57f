// Says in the log how far the reading of a zone's text is that takes long.
// Thread: main core, before the first zone is read. Errors: none.
#pragma once

namespace gl::control {

void report_long_loads();

}  // namespace gl::control
