// From the bytes of an image to a zone: all that the packet path relies on is checked here, once.
// Checked are the head, the checksum, and every index, length and offset in every section, so that no answer reads or
// writes beyond its memory, whoever made the image. Not checked is whether the zone makes sense: whether the records in
// a block are what the text said, and whether the hash table and the chain of denials find what they hold. An image is
// trusted for that as its text would be.
// Byte order: the host's. Ownership: the zone owns the image. Thread: any but a worker; it allocates.
// Errors: one line, without the file's name.
#pragma once

#include <cstddef>
#include <memory>

#include "lib/base/result.h"
#include "lib/zone/image_memory.h"
#include "lib/zone/zone_data.h"

namespace gl::zone {

// More is no zone that this program could have made, and not tried.
inline constexpr std::size_t kMaxImage = std::size_t{1} << 36;

// Whether it begins as an image does.
[[nodiscard]] bool is_image(Bytes first) noexcept;
// The length that the head says; an error where there is no such image. `head` has sizeof(ImageHead) bytes.
[[nodiscard]] Result<std::size_t> image_length(Bytes head);

// Without path, and with no generation set.
[[nodiscard]] Result<std::unique_ptr<Zone>> open_image(ImageMemory image);

// The checksum of an image whose bytes are all there, but for the head.
[[nodiscard]] std::array<std::uint64_t, 2> image_checksum(Bytes image) noexcept;

}  // namespace gl::zone
