// Whether a zone is what its maker has digested: the ZONEMD record at its apex.
// Byte order: wire. Ownership: borrows. Thread: one. Errors: one line `FILE:LINE: reason`.
// Source: RFC 8976 section 3 (how it is computed: scheme SIMPLE, SHA-384 and SHA-512) and 4 (how it is checked).
#pragma once

#include <string_view>
#include <vector>

#include "lib/zone/loader.h"
#include "lib/zone_compiler/records.h"

namespace gl::zone {

// `apex` in wire form, lower case. A digest of a scheme or algorithm that is not known here says nothing, with a
// warning.
[[nodiscard]] Status check_digest(const Records& records, std::string_view apex, ZoneDigests digests,
                                  std::vector<std::string>& warnings);

}  // namespace gl::zone
