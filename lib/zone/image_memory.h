// The memory that one zone's image lies in: pages of its own, on huge pages where the kernel has them.
// It is read into there, not mapped from its file: whoever truncates or rewrites a mapped file ends the server (SIGBUS)
// or changes what it says, and a page that the kernel dropped would be read from the disk by a polling core.
// Ownership: owns the pages. Thread: any but a worker. Errors: an empty object.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <utility>

#include "lib/base/bytes.h"

namespace gl::zone {

class ImageMemory {
 public:
  ImageMemory() = default;
  explicit ImageMemory(std::size_t size) {
    void* const pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return;
    (void)madvise(pages, size, MADV_HUGEPAGE);  // without: slower, and right all the same
    data_ = static_cast<std::uint8_t*>(pages);
    size_ = size;
  }
  ImageMemory(ImageMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ImageMemory& operator=(ImageMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ImageMemory(const ImageMemory&) = delete;
  ImageMemory& operator=(const ImageMemory&) = delete;
  ~ImageMemory() {
    if (data_ != nullptr) munmap(data_, size_);
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] MutableBytes bytes() noexcept { return {data_, size_}; }
  [[nodiscard]] Bytes bytes() const noexcept { return {data_, size_}; }

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace gl::zone
