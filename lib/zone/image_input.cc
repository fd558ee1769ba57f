#include "lib/zone/image_input.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "lib/zone/image_check.h"

namespace gl::zone {

MutableBytes ImageInput::room() noexcept {
  if (received_ < head_.size()) return MutableBytes(head_).subspan(received_);
  if (received_ < image_.bytes().size()) return image_.bytes().subspan(received_);
  return {&beyond_, 1};
}

Status ImageInput::filled(std::size_t count) {
  received_ += count;
  if (received_ < head_.size()) return success();
  if (image_.empty()) {
    const Result<std::size_t> length = image_length(head_);
    if (!length) return Error{length.error()};
    image_ = ImageMemory(*length);
    if (image_.empty()) return Error{"no memory for an image of " + std::to_string(*length) + " bytes"};
    std::copy(head_.begin(), head_.end(), image_.bytes().begin());
  }
  if (received_ > image_.bytes().size()) return Error{"a broken image: it is longer than it says"};
  return success();
}

Result<ImageMemory> ImageInput::take() {
  if (image_.empty() || received_ != image_.bytes().size()) {
    return Error{"a broken image: it ends after " + std::to_string(received_) + " bytes"};
  }
  return std::move(image_);
}

Result<ImageMemory> read_image(int descriptor) {
  ImageInput input;
  while (true) {
    const MutableBytes room = input.room();
    const ssize_t count = read(descriptor, room.data(), room.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Error{std::strerror(errno)};
    if (count == 0) return input.take();
    if (Status status = input.filled(static_cast<std::size_t>(count)); !status) return Error{status.error()};
  }
}

}  // namespace gl::zone
