// What a receiver tells of data that came out of order, and of data that came twice, as Linux keeps it: the block that
// changed last stands first, a duplicate before all of them, once (RFC 2018 section 4, RFC 2883 section 4).
// Units: places in the stream. Ownership: a value. Thread: one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

namespace gl::sim {

class SackList {
 public:
  struct Block {
    std::size_t begin;
    std::size_t end;
  };

  // Data that came out of order: a duplicate where all of it was here.
  void add(Block fresh) {
    if (fresh.begin >= fresh.end) return;
    for (const Block& block : blocks_) {
      if (block.begin <= fresh.begin && fresh.end <= block.end) return duplicate(fresh);
    }
    for (const Block& block : blocks_) {  // a part of it was
      if (block.begin <= fresh.begin && fresh.begin < block.end) duplicate({fresh.begin, block.end});
    }
    std::erase_if(blocks_, [&fresh](const Block& block) {
      if (block.end < fresh.begin || fresh.end < block.begin) return false;
      fresh = {std::min(fresh.begin, block.begin), std::max(fresh.end, block.end)};
      return true;
    });
    blocks_.insert(blocks_.begin(), fresh);
    if (blocks_.size() > kMost) blocks_.pop_back();
  }
  void duplicate(Block again) { duplicate_ = again; }
  // Everything before `place` has arrived.
  void advance(std::size_t place) {
    std::erase_if(blocks_, [place](const Block& block) { return block.begin <= place; });
  }

  [[nodiscard]] std::size_t count(std::size_t most) const {
    return std::min(most, blocks_.size() + (duplicate_ ? 1u : 0u));
  }
  // What goes with the next segment, at most `most` of them.
  [[nodiscard]] std::vector<Block> take(std::size_t most) {
    std::vector<Block> told;
    if (duplicate_) told.push_back(*duplicate_);
    told.insert(told.end(), blocks_.begin(), blocks_.end());
    if (told.size() > most) told.resize(most);
    duplicate_.reset();
    return told;
  }

 private:
  static constexpr std::size_t kMost = 4;
  std::vector<Block> blocks_;
  std::optional<Block> duplicate_;
};

}  // namespace gl::sim
