// What an IXFR changes, and a kept zone with that done to it. In memory are the differences alone; the zone streams by.
// Ownership: values. Thread: one. Errors: one line; the zone then has to be transferred whole.
// Source: RFC 1995 section 4: records are told apart by owner, type and data.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "lib/base/result.h"
#include "lib/transfer/record.h"
#include "lib/transfer/zone_file.h"

namespace gl::transfer {

class Differences {
 public:
  // `most_bytes` of memory, roughly.
  explicit Differences(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}

  [[nodiscard]] Status remove(const Record& record) { return change(record, false); }
  [[nodiscard]] Status add(const Record& record) { return change(record, true); }
  // `newest` is the SOA that they lead to: it goes first.
  [[nodiscard]] Status apply(const std::string& kept, const Record& newest, ZoneWriter& into);

 private:
  struct Change {
    bool first_adds = false;  // so it was not there before
    bool last_adds = false;   // so it is there in the end
    bool met = false;         // in the zone before
    Record record;
  };
  [[nodiscard]] Status change(const Record& record, bool adds);

  const std::uint64_t most_bytes_;
  std::uint64_t bytes_ = 0;
  std::unordered_map<std::string, Change> changes_;
};

}  // namespace gl::transfer
