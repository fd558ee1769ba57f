// A rendered piece of an answer: records as they lie on the wire, and where its compression pointers are.
// It is rendered as though its base name stood in the question and the block right behind; wherever it lands
// really, the pointers are shifted: those to the base name's start, those into the base name (a suffix such as the
// zone's apex), those into the block itself.
// Byte order: wire in the bytes. Ownership: the zone's BlockStore. Thread: immutable once built.
// Source: RFC 1035 4.1.4.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/dns/types.h"

namespace gl::zone {

using BlockId = std::uint32_t;
inline constexpr BlockId kNoBlock = 0xffffffff;

// From here on the rest of a block may be left out: only optional additional records follow.
struct BlockCut {
  std::uint16_t size;
  std::uint16_t additionals;

  [[nodiscard]] bool operator==(const BlockCut&) const noexcept = default;
};

struct Block {
  std::uint32_t bytes = 0;    // where in BlockStore::bytes
  std::uint32_t patches = 0;  // where in BlockStore::patches: own, then suffix, then self, each ascending
  std::uint32_t cuts = 0;     // where in BlockStore::cuts, ascending; the first is what must be there
  std::uint32_t since = 0;    // the generation that changed its bytes last, see generation.h
  std::uint16_t size = 0;
  std::uint16_t answer_size = 0;  // the answer section's part of it
  std::uint16_t answers = 0;
  std::uint16_t authorities = 0;
  std::uint16_t additionals = 0;
  std::uint16_t cut_count = 0;
  std::uint16_t own = 0;       // number of pointers to the base name's start
  std::uint16_t suffix = 0;    // number of pointers into the base name
  std::uint16_t self = 0;      // number of pointers into the block
  std::uint16_t max_self = 0;  // the farthest target of those, as rendered
  std::uint16_t target = 0;    // CNAME, DNAME: where in the block its target stands uncompressed
  std::uint8_t base_length = 0;
  bool oversize = false;  // of records that fit no message: it has no bytes, and a size that fits nowhere

  [[nodiscard]] bool operator==(const Block&) const noexcept = default;

  // Where the block begins in the message it was rendered for.
  [[nodiscard]] std::size_t rendered_at() const noexcept { return dns::kHeaderSize + base_length + 4U; }
};

struct BlockStore {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint16_t> patches;  // offsets within the block
  std::vector<BlockCut> cuts;
  std::vector<Block> blocks;
};

}  // namespace gl::zone
