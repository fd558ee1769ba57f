// The file format of a zone image: a zone that was read, checked and rendered, as the packet path uses it. Whoever
// holds its bytes can answer from them; nothing in it is an address, so it may lie anywhere.
//   head      magic, byte order, format: one right value each; the length of the whole, and a checksum of what follows
//   facts     what the zone is, and where each section lies
//   sections  arrays, each at a multiple of 64 bytes
// The same text gives the same bytes, on every machine. Byte order: the host's (a mark tells), wire within names and
// blocks. Thread: constants. Source: docs/decisions.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/zone/block.h"

namespace gl::zone {

// The first byte begins no text of a zone.
inline constexpr std::array<char, 8> kImageMagic = {'\x89', 'G', 'L', 'Z', 'O', 'N', 'E', '\n'};
inline constexpr std::uint32_t kImageByteOrder = 0x01020304;
// Another one whenever the layout changes, or what is rendered for the same text.
inline constexpr std::uint32_t kImageFormat = 1;
inline constexpr std::size_t kSectionAlignment = 64;

enum class ImageSection : std::uint8_t {
  names,     // of the nodes, one behind the other
  nodes,     // Node, in canonical order: the apex first
  rrsets,    // RrsetEntry
  slots,     // Slot: the hash table over the names
  blocks,    // Block, each at a multiple of kBlockUnit
  prefixes,  // the first eight bytes of the keys, as numbers
  chain,     // ChainEntry, in the order of their keys
  keys,      // of the NSEC or NSEC3 records
  salt,      // of NSEC3
  origin,    // as text
  included,  // paths of the files that the text includes, each ended by a zero byte
};
inline constexpr std::size_t kImageSections = 11;

struct SectionPlace {
  std::uint64_t offset;  // from the image's first byte
  std::uint64_t length;  // bytes
};

struct ImageHead {
  std::array<char, 8> magic;
  std::uint32_t byte_order;
  std::uint32_t format;
  std::uint64_t length;                   // of the image, bytes
  std::array<std::uint64_t, 2> checksum;  // XXH3, 128 bits: low, high; of all bytes behind this head
};
static_assert(sizeof(ImageHead) == 40);

struct ImageFacts {
  std::uint64_t records;  // in the text
  std::uint32_t serial;
  BlockId negative_soa[2];  // without and with DNSSEC records
  std::uint32_t apex_key_length;
  std::uint16_t nsec3_iterations;
  std::uint8_t denial;  // Denials::Kind
  std::uint8_t apex_labels;
  std::uint8_t apex_length;
  std::uint8_t max_labels;  // no name here has more
  std::uint16_t reserved;   // zero
  std::array<SectionPlace, kImageSections> sections;
};
static_assert(sizeof(ImageFacts) == 8 + 6 * 4 + 16 * kImageSections);

inline constexpr std::size_t kImageHeaderSize = sizeof(ImageHead) + sizeof(ImageFacts);

}  // namespace gl::zone
