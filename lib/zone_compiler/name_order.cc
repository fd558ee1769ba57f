#include "lib/zone_compiler/name_order.h"

#include <algorithm>
#include <cstring>

#include "lib/zone/denial.h"

namespace gl::zone {

void NameOrder::add(std::uint32_t record) {
  const std::string_view owner = records_[record].owner();
  if (!runs_.empty()) {
    NameRun& last = runs_.back();
    if (last.first + last.count == record && records_[last.first].owner() == owner) {
      ++last.count;
      return;
    }
  }
  if (!name_.parse(as_bytes(owner))) return;  // cannot be: the records were checked
  std::uint8_t key[dns::kMaxOrderKey];
  const Bytes below = Bytes(key, dns::order_key(name_, key)).subspan(apex_key_size_);
  runs_.push_back({Denials::prefix_of(below), keys_.size(), record, 1, static_cast<std::uint32_t>(below.size())});
  keys_.append(below.data(), below.size());
}

bool NameOrder::less(const NameRun& a, const NameRun& b) const noexcept {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  const std::size_t both = std::min(a.key_size, b.key_size);
  const int order = both == 0 ? 0 : std::memcmp(key_of(a).data(), key_of(b).data(), both);
  if (order != 0) return order < 0;
  return a.key_size != b.key_size ? a.key_size < b.key_size : a.first < b.first;
}

// Most zones come in order, or in few pieces that are: those are merged.
void NameOrder::sort() {
  constexpr std::size_t kFewPieces = 8;
  const auto by_name = [this](const NameRun& a, const NameRun& b) { return less(a, b); };
  NameRun* sorted = std::is_sorted_until(runs_.begin(), runs_.end(), by_name);
  for (std::size_t pieces = 1; sorted != runs_.end() && pieces < kFewPieces; ++pieces) {
    NameRun* const next = std::is_sorted_until(sorted, runs_.end(), by_name);
    std::inplace_merge(runs_.begin(), sorted, next, by_name);
    sorted = next;
  }
  if (sorted != runs_.end()) std::sort(runs_.begin(), runs_.end(), by_name);
}

}  // namespace gl::zone
