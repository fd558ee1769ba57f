// Answers of the control socket for people to read. Thread: one. Errors: what is no object prints nothing.
#pragma once

#include <jansson.h>

namespace gl::ctl {

// Numbers and words a line each; lists of objects as tables.
void print_answer(const json_t* answer);
// A table a group: the sum, and each core beside it. Without what is zero everywhere.
void print_counters(const json_t* answer);

}  // namespace gl::ctl
