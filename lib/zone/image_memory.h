// The memory that one zone's image lies in: a large one has pages of its own, huge ones where the kernel has them.
// It is read into there, not mapped from its file: whoever truncates or rewrites a mapped file ends the server (SIGBUS)
// or changes what it says, and a page that the kernel dropped would be read from the disk by a polling core.
// Ownership: owns the pages. Thread: any but a worker. Errors: an empty object.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/zone/image.h"

namespace gl::zone {

class ImageMemory {
 public:
  ImageMemory() = default;
  explicit ImageMemory(std::size_t size) {
    void* const memory =
        size >= kLarge ? pages(size) : ::operator new (size, std::align_val_t{kAlignment}, std::nothrow);
    if (memory == nullptr) return;
    data_ = static_cast<std::uint8_t*>(memory);
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
    if (size_ >= kLarge) {
      munmap(data_, size_);
    } else {
      ::operator delete (data_, std::align_val_t{kAlignment});
    }
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] MutableBytes bytes() noexcept { return {data_, size_}; }
  [[nodiscard]] Bytes bytes() const noexcept { return {data_, size_}; }

 private:
  // A mapping each would be too many for a server of very many small zones.
  static constexpr std::size_t kLarge = std::size_t{2} << 20;
  static constexpr std::size_t kAlignment = kSectionAlignment;

  static void* pages(std::size_t size) noexcept {
    void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    (void)madvise(memory, size, MADV_HUGEPAGE);  // without: slower, and right all the same
    return memory;
  }

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace gl::zone
