// What goldilocks-zone can be asked for. Each gives the exit code: 0 done, 1 refused.
// Errors: one line on standard error that begins with `error: `; warnings likewise with `warning: `.
// Thread: one. Units: bytes.
#pragma once

#include <string>

#include "lib/zone/loader.h"

namespace gl::zone_program {

struct Request {
  std::string path;    // the zone's text, or an image
  std::string origin;  // as text; empty: the owner of the SOA
  std::string output;  // of compile; `-`: standard output
  zone::ZoneDigests digests = zone::ZoneDigests::check;
  bool standard_input = false;  // the text is on standard input, and `path` its name
};

// The image of a text.
[[nodiscard]] int compile(const Request& request);
// The records of a text on standard output, a line each as lib/transfer/record_text.h has them, the SOA first.
[[nodiscard]] int records(const Request& request);
// Whether a text, or an image, would be served.
[[nodiscard]] int check(const Request& request);
// What an image holds.
[[nodiscard]] int info(const Request& request);

}  // namespace gl::zone_program
