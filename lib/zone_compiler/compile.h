// From the records of a zone to its image: sorted, checked, rendered, laid out.
// Ownership: the caller's. Thread: one; it allocates. Errors: one line `FILE:LINE: reason`; then there is no image.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/zone/image_memory.h"
#include "lib/zone/loader.h"
#include "lib/zone_compiler/records.h"
#include "lib/zone_compiler/zone_render.h"

namespace gl::zone {

// `origin` as text, or empty: then the SOA's owner. Equal records give equal bytes. What is odd but served goes to
// `warnings`, one line each.
[[nodiscard]] Result<ImageMemory> compile_zone(Records records, const std::string& origin,
                                               std::vector<std::string>& warnings,
                                               ZoneDigests digests = ZoneDigests::check);

// Lays out the sections.
[[nodiscard]] Result<ImageMemory> make_image(ZoneParts parts);

}  // namespace gl::zone
