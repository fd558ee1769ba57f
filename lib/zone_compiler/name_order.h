// The owners of a zone's records in canonical order. Records that stand together under one owner are one run.
// Byte order: wire; order keys as dns::order_key. Ownership: refers to records by number. Thread: one; it allocates.
// Source: RFC 4034 6.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/bytes.h"
#include "lib/base/growing_array.h"
#include "lib/dns/name.h"
#include "lib/zone_compiler/records.h"

namespace gl::zone {

struct NameRun {
  std::uint64_t prefix;  // the key's first eight bytes, as a big-endian number: most comparisons end here
  std::uint64_t key;     // where among the keys
  std::uint32_t first;   // number of the first record
  std::uint32_t count;
  std::uint32_t key_size;
};

class NameOrder {
 public:
  // All names are at or below the apex, whose key is this long: it is left out.
  NameOrder(const Records& records, std::size_t apex_key_size) : records_(records), apex_key_size_(apex_key_size) {}
  // In the order of their numbers.
  void add(std::uint32_t record);
  // Afterwards the runs are in canonical order; those of one name in the order in which they came.
  void sort();
  [[nodiscard]] std::span<const NameRun> runs() const noexcept { return runs_.view(); }

 private:
  [[nodiscard]] Bytes key_of(const NameRun& run) const noexcept { return {keys_.data() + run.key, run.key_size}; }
  [[nodiscard]] bool less(const NameRun& a, const NameRun& b) const noexcept;

  const Records& records_;
  std::size_t apex_key_size_;
  GrowingArray<NameRun> runs_;
  GrowingArray<std::uint8_t> keys_;
  dns::Name name_;
};

}  // namespace gl::zone
