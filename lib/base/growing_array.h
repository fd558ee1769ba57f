// An array that grows to any size without being copied: the kernel moves its pages, so that while it grows it takes no
// more memory than it holds. For trivially copyable values, and for what is too large for std::vector's doubling.
// Ownership: owns its memory. Thread: one. Errors: std::bad_alloc.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace gl {

template <class T>
class GrowingArray {
  static_assert(std::is_trivially_copyable_v<T>);
  static constexpr std::size_t kSize = sizeof(T);  // NOLINT(bugprone-sizeof-expression): of a pointer, if it is one

 public:
  GrowingArray() = default;
  GrowingArray(GrowingArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  GrowingArray& operator=(GrowingArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  GrowingArray(const GrowingArray&) = delete;
  GrowingArray& operator=(const GrowingArray&) = delete;
  ~GrowingArray() {
    if (data_ != nullptr) munmap(data_, capacity_ * kSize);
  }

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  [[nodiscard]] T& back() noexcept { return data_[size_ - 1]; }
  [[nodiscard]] T* begin() noexcept { return data_; }
  [[nodiscard]] T* end() noexcept { return data_ + size_; }
  [[nodiscard]] const T* begin() const noexcept { return data_; }
  [[nodiscard]] const T* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::span<const T> view() const noexcept { return {data_, size_}; }

  void push_back(const T& value) {
    reserve(size_ + 1);
    data_[size_++] = value;
  }
  void append(const T* from, std::size_t count) {
    if (count == 0) return;
    reserve(size_ + count);
    std::memcpy(data_ + size_, from, count * kSize);
    size_ += count;
  }
  // New ones are all zero bytes.
  void resize(std::size_t size) {
    reserve(size);
    if (size > size_) std::memset(static_cast<void*>(data_ + size_), 0, (size - size_) * kSize);
    size_ = size;
  }
  void clear() noexcept { size_ = 0; }

 private:
  void reserve(std::size_t wanted) {
    constexpr std::size_t kFirst = 4096;                  // bytes
    constexpr std::size_t kLarge = std::size_t{8} << 20;  // from here on huge pages are worth their size
    if (wanted <= capacity_) return;
    const std::size_t capacity = std::max({wanted, 2 * capacity_, (kFirst + kSize - 1) / kSize});
    void* const memory =
        data_ == nullptr ? mmap(nullptr, capacity * kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                         : mremap(data_, capacity_ * kSize, capacity * kSize, MREMAP_MAYMOVE);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    if (capacity * kSize >= kLarge) (void)madvise(memory, capacity * kSize, MADV_HUGEPAGE);
    data_ = static_cast<T*>(memory);
    capacity_ = capacity;
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace gl
