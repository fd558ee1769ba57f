#include "lib/control/options/suggest.h"

#include <algorithm>
#include <vector>

namespace gl::control {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t kLongest = 64;  // no word of ours is longer, and what is written may be
  a = a.substr(0, kLongest);
  b = b.substr(0, kLongest);
  std::vector<std::size_t> two_before(b.size() + 1);
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) before[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t other = before[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, other});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], two_before[j - 2] + 1);
    }
    two_before.swap(before);
    before.swap(row);
  }
  return before[b.size()];
}

std::string nearest_word(std::string_view written, std::span<const std::string> known) {
  std::size_t least = std::max<std::size_t>(1, written.size() / 3) + 1;
  std::string nearest;
  for (const std::string& word : known) {
    const std::size_t distance = edit_distance(written, word);
    if (distance >= least) continue;
    least = distance;
    nearest = word;
  }
  return nearest;
}

std::string did_you_mean(std::string_view written, std::span<const std::string> known, std::string_view before) {
  const std::string word = nearest_word(written, known);
  if (word.empty()) return {};
  return std::string("; did you mean ").append(before).append(word).append("?");
}

}  // namespace gl::control
