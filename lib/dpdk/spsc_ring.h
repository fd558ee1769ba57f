// A queue of pointers from one core to one other: an rte_ring with a single producer and a single consumer, in memory
// of its own, so that neither a name nor the EAL is needed.
// Units: elements. Ownership: the ring's memory; what it points to stays whose it was. Thread: made and freed while
// nobody uses it; push() on one core, pop() on one. Errors: by value.
#pragma once

#include <rte_ring.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

namespace gl::dpdk {

template <class T>
class SpscRing {
 public:
  // Room for `capacity` elements at least, 1 to 2^20.
  explicit SpscRing(unsigned capacity) {
    unsigned size = 2;  // a power of two, of which one place stays empty
    while (size <= capacity) size *= 2;
    const auto bytes = static_cast<std::size_t>(rte_ring_get_memsize(size));
    ring_.reset(static_cast<rte_ring*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, bytes)));
    if (ring_ == nullptr || rte_ring_init(ring_.get(), "spsc", size, RING_F_SP_ENQ | RING_F_SC_DEQ) != 0) {
      throw std::bad_alloc();
    }
  }

  // False where it is full.
  [[nodiscard]] bool push(T* element) noexcept { return rte_ring_sp_enqueue(ring_.get(), element) == 0; }
  // Null where it is empty.
  [[nodiscard]] T* pop() noexcept {
    void* element = nullptr;
    return rte_ring_sc_dequeue(ring_.get(), &element) == 0 ? static_cast<T*>(element) : nullptr;
  }
  // Up to `most` elements at once; how many.
  [[nodiscard]] unsigned pop_burst(T** out, unsigned most) noexcept {
    return rte_ring_sc_dequeue_burst(ring_.get(), reinterpret_cast<void**>(out), most, nullptr);
  }

 private:
  struct Free {
    void operator()(rte_ring* ring) const noexcept { std::free(ring); }
  };
  std::unique_ptr<rte_ring, Free> ring_;
};

}  // namespace gl::dpdk
