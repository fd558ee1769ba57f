// Renders records into blocks, compressing names against the base name and against the block itself.
// Byte order: wire. Ownership: appends to the BlockStore it is given. Thread: one; it allocates, and keeps what it has
// for the next block. Errors: kNoBlock, where the records do not fit a message; BlockStore::full.
// Source: RFC 1035 4.1.4, RFC 3597 4 (what may compress).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/base/growing_array.h"
#include "lib/zone/block.h"
#include "lib/zone/zone_data.h"
#include "lib/zone_compiler/name_targets.h"
#include "lib/zone_compiler/records.h"

namespace gl::zone {

// All blocks of a zone, as they lie in its image.
struct BlockStore {
  // What a BlockId reaches.
  static constexpr std::size_t kMost = std::size_t{kNoBlock} * kBlockUnit;

  GrowingArray<std::uint8_t> bytes;
  std::size_t most = kMost;  // bytes
  bool full = false;         // there was no room for a block: what was rendered is not to be used
};

enum class Section : std::uint8_t { answer, authority, additional };

class BlockBuilder {
 public:
  explicit BlockBuilder(BlockStore& store) : store_(store) {}

  // A new block. `base` in lower case; a wildcard's base stands for whatever name matched.
  void begin(std::string_view base);
  // Sections come in order. One call writes one record with this owner (lower case).
  void add(Section section, std::string_view owner, const Record& record, std::uint32_t ttl);
  // All that follows is optional, and may be cut off here.
  void may_cut();
  // Closes the block. kNoBlock: it is larger than any message.
  [[nodiscard]] BlockId finish();
  // After that: a block that stands for what fits no message.
  [[nodiscard]] BlockId finish_oversize();

 private:
  enum class Compress : std::uint8_t { no, yes, target_only };

  void put_owner(std::string_view owner);
  void put_name(std::string_view name, Compress compress);
  void put_data(const Record& record);
  void put_pointer(const NameTarget& target);
  void put_bytes(std::string_view bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  template <class T>
  void put(T value);
  [[nodiscard]] BlockId store(const Block& block);

  BlockStore& store_;
  Block block_;
  std::string_view base_;
  bool wildcard_ = false;
  std::vector<std::uint8_t> bytes_;
  std::vector<std::uint16_t> own_, suffix_, self_;
  std::vector<BlockCut> cuts_;
  NameTargets targets_;
  HashedName name_;
};

}  // namespace gl::zone
