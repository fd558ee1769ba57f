// Proofs that something does not exist: which NSEC or NSEC3 records a zone has, rendered, and which of them covers
// what. What a node needs is known beforehand; only names that do not exist are searched for.
// Byte order: wire; order keys as dns::order_key. Ownership: part of the zone. Packet path: no allocation.
// Source: RFC 4035 3.1.3 (NSEC), RFC 5155 7.2 (NSEC3), RFC 4034 6.1 (order).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/dns/name.h"
#include "lib/zone/block.h"

namespace gl::zone {

// Known for each node when the zone is built; kNoBlock where there is none.
struct NodeDenial {
  BlockId match = kNoBlock;     // the record at this name; NSEC of an empty non-terminal: the one that covers it
  BlockId wildcard = kNoBlock;  // proves that the closest (provable) encloser has no child `*`
  // NSEC3 only. Opt-out leaves names without a record: then the closest ancestor that has one is the closest
  // provable encloser, and `cover` covers its child towards this node.
  BlockId encloser = kNoBlock;
  BlockId cover = kNoBlock;
};

using Nsec3Hash = std::array<std::uint8_t, 20>;

// H(name) of RFC 5155 5; `name` in lower case. `salt` has at most 255 bytes.
[[nodiscard]] Nsec3Hash nsec3_hash(Bytes name, Bytes salt, std::uint16_t iterations) noexcept;

class Denials {
 public:
  enum class Kind : std::uint8_t { none, nsec, nsec3 };

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  // The record whose span holds `name`; kNoBlock: there are no records. Of a name that has one: that one.
  [[nodiscard]] BlockId covering_nsec(const dns::Name& name) const noexcept;
  [[nodiscard]] BlockId covering_nsec3(Bytes name) const noexcept;
  [[nodiscard]] BlockId covering_nsec3(const Nsec3Hash& hash) const noexcept;
  [[nodiscard]] BlockId matching_nsec3(const Nsec3Hash& hash) const noexcept;
  [[nodiscard]] Nsec3Hash hash(Bytes name) const noexcept;

  // The generation that changed kind or parameters last, see generation.h.
  [[nodiscard]] std::uint32_t since() const noexcept { return since_; }
  void set_since(std::uint32_t generation) noexcept { since_ = generation; }
  // Whether both are of one kind, with the same parameters.
  [[nodiscard]] bool like(const Denials& other) const noexcept;
  // The records with the same key in both, which are alike.
  struct Pair {
    BlockId here;
    BlockId there;
    bool same_span;  // the next key is the same too: so both are chosen for the same names
  };
  [[nodiscard]] std::vector<Pair> pairs_with(const Denials& other) const;

  // Building: in any order, then sort() once.
  void use_nsec(std::size_t apex_key_length);
  void use_nsec3(std::string salt, std::uint16_t iterations);
  void add_nsec(std::string_view order_key, BlockId block);
  void add_nsec3(const Nsec3Hash& hash, BlockId block);
  void sort();

 private:
  struct Entry {
    std::string key;  // NSEC: order key below the apex; NSEC3: the hash
    BlockId block;
  };
  [[nodiscard]] std::size_t last_at_or_before(const std::uint8_t* key, std::size_t length) const noexcept;

  Kind kind_ = Kind::none;
  std::uint32_t since_ = 0;
  std::uint16_t iterations_ = 0;
  std::size_t apex_key_length_ = 0;
  std::string salt_;
  std::vector<std::uint64_t> prefixes_;  // of the keys, as big-endian numbers: most comparisons end here
  std::vector<Entry> entries_;
};

}  // namespace gl::zone
