// Renders records into a Block, compressing names against the base name and against the block itself.
// Byte order: wire. Ownership: appends to the BlockStore it is given. Thread: main core; it allocates.
// Errors: kNoBlock, where the records do not fit a message. Source: RFC 1035 4.1.4, RFC 3597 4 (what may compress).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/zone/block.h"
#include "lib/zone/zone_file.h"

namespace gl::zone {

enum class Section : std::uint8_t { answer, authority, additional };

class BlockBuilder {
 public:
  // `base` in lower case; a wildcard's base stands for whatever name matched.
  BlockBuilder(BlockStore& store, std::string_view base);

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
  struct Target {
    enum class Kind : std::uint8_t { own, suffix, self } kind;
    std::uint16_t pointer;
  };

  void put_owner(std::string_view owner);
  void put_name(std::string_view name, Compress compress);
  void put_rdata(const Record& record);
  void put_pointer(const Target& target);
  void put_bytes(std::string_view bytes);
  template <class T>
  void put(T value);

  BlockStore& store_;
  Block block_;
  std::string base_;
  bool wildcard_;
  std::string bytes_;
  std::vector<std::uint16_t> own_, suffix_, self_;
  std::vector<BlockCut> cuts_;
  std::unordered_map<std::string, Target> targets_;  // names in lower case, and where they stand
};

}  // namespace gl::zone
