// The bytes of an image, from its facts and its sections: where each section goes, and the head in front of them.
// Byte order: the host's. Ownership: the sections are borrowed for the call. Thread: any but a worker; it allocates.
// Errors: one line, without the file's name.
#pragma once

#include <array>
#include <span>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/zone/image.h"
#include "lib/zone/image_memory.h"

namespace gl::zone {

template <class T>
[[nodiscard]] Bytes raw(std::span<const T> array) {
  return {reinterpret_cast<const std::uint8_t*>(array.data()), array.size_bytes()};  // NOLINT: plain numbers
}

// `sections` as ImageSection lists them; the places in `facts` are filled in here.
[[nodiscard]] Result<ImageMemory> lay_out_image(ImageFacts facts, const std::array<Bytes, kImageSections>& sections);

}  // namespace gl::zone
