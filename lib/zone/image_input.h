// An image as it comes out of a file or a pipe, into the memory where it stays.
// Ownership: owns what has come until take(). Thread: any but a worker. Errors: one line, without the file's name.
#pragma once

#include <array>
#include <cstddef>

#include "lib/base/bytes.h"
#include "lib/base/result.h"
#include "lib/zone/image.h"
#include "lib/zone/image_memory.h"

namespace gl::zone {

class ImageInput {
 public:
  // Where the next bytes go: never empty. Behind the image there is room for one byte, which is one too many.
  [[nodiscard]] MutableBytes room() noexcept;
  // So many came there. An error: this is no image, and no more is wanted.
  [[nodiscard]] Status filled(std::size_t count);
  [[nodiscard]] std::size_t received() const noexcept { return received_; }
  // The whole image, when nothing more comes.
  [[nodiscard]] Result<ImageMemory> take();

 private:
  std::array<std::uint8_t, sizeof(ImageHead)> head_{};
  std::uint8_t beyond_ = 0;
  std::size_t received_ = 0;
  ImageMemory image_;
};

// All that can be read from the descriptor.
[[nodiscard]] Result<ImageMemory> read_image(int descriptor);

}  // namespace gl::zone
