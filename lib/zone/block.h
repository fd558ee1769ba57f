// A rendered piece of an answer: records as they lie on the wire, and where its compression pointers are.
// It is rendered as though its base name stood in the question and the block right behind; wherever it lands
// really, the pointers are shifted: those to the base name's start, those into the base name (a suffix such as the
// zone's apex), those into the block itself.
// A block is one piece of memory: this head, the records, the places of the pointers, the cuts. So an answer needs no
// other part of the zone's memory than that.
// Byte order: wire in the records, the host's elsewhere. Ownership: lies in the zone's image. Thread: immutable once
// published. Source: RFC 1035 4.1.4.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/dns/types.h"

namespace gl::zone {

// Where the block lies among the image's blocks, in units of kBlockUnit bytes: 32 bits reach 32 GiB.
using BlockId = std::uint32_t;
inline constexpr BlockId kNoBlock = 0xffffffff;
inline constexpr std::size_t kBlockUnit = 8;

// From here on the rest of a block may be left out: only optional additional records follow.
struct BlockCut {
  std::uint16_t size;
  std::uint16_t additionals;

  [[nodiscard]] bool operator==(const BlockCut&) const noexcept = default;
};

struct Block {
  // The generation that changed its bytes last, see generation.h: of proofs and negative SOAs. One block may answer for
  // several RRsets, which have theirs in RrsetEntry.
  std::uint32_t since = 0;
  std::uint16_t size = 0;         // of the records
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
  std::uint8_t oversize = 0;  // 1: of records that fit no message: nothing follows, and its size fits nowhere

  [[nodiscard]] std::size_t even_size() const noexcept { return (std::size_t{size} + 1) / 2 * 2; }
  [[nodiscard]] std::size_t patch_count() const noexcept { return std::size_t{own} + suffix + self; }
  [[nodiscard]] const std::uint8_t* bytes() const noexcept {
    return reinterpret_cast<const std::uint8_t*>(this + 1);  // NOLINT
  }
  // Offsets within the records: own, then suffix, then self, each ascending.
  [[nodiscard]] const std::uint16_t* patches() const noexcept {
    return reinterpret_cast<const std::uint16_t*>(bytes() + even_size());  // NOLINT
  }
  // Ascending; the first is what must be there.
  [[nodiscard]] const BlockCut* cuts() const noexcept {
    return reinterpret_cast<const BlockCut*>(patches() + patch_count());  // NOLINT
  }
  // All of it, this head included; the next block begins at the next kBlockUnit.
  [[nodiscard]] std::size_t length() const noexcept {
    if (oversize != 0) return sizeof(Block);
    return sizeof(Block) + even_size() + patch_count() * sizeof(std::uint16_t) + cut_count * sizeof(BlockCut);
  }

  // Where the block begins in the message it was rendered for.
  [[nodiscard]] std::size_t rendered_at() const noexcept { return dns::kHeaderSize + base_length + 4U; }
};
static_assert(sizeof(Block) == 28 && alignof(BlockCut) == 2);

}  // namespace gl::zone
