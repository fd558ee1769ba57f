// What a reload has changed. Each snapshot that differs from the one before is a generation, numbered from 1; every
// part of a zone that an answer can depend on knows the generation that changed it last (`since`). An answer is the
// same bytes in all generations from the newest `since` among what it depends on: that number is its identity.
//   what an answer uses                                         is as old as
//   an RRset, a referral                                        BlockRef::since
//   a denial, the negative SOA                                  Block::since
//   that a node has no such type, no such child, no wildcard    Node::since
//   that denials are NSEC, NSEC3 or none                        Denials::since()
//   that this zone is the nearest, or that there is none        ZoneSnapshot
// A referral or a DNAME depends on its block alone: all below it is hidden, in every generation that has this block.
// Thread: main core; it allocates. Linear in names, blocks and bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/zone/zone_data.h"

namespace gl::zone {

// Fills in every `since` of `zone`, which is new in `generation`: what is as it was in `before` keeps its number.
// `before` is of the same origin, or null: then all is new.
void set_generations(Zone& zone, const Zone* before, std::uint32_t generation);

// About how many bytes a zone takes.
[[nodiscard]] std::size_t memory_of(const Zone& zone) noexcept;

}  // namespace gl::zone
