// Proofs that something does not exist: which NSEC or NSEC3 records a zone has, rendered, and which of them covers
// what. What a node needs is known beforehand; only names that do not exist are searched for.
// Byte order: wire; order keys as dns::order_key. Ownership: a view of the zone's image. Packet path: no allocation.
// Source: RFC 4035 3.1.3 (NSEC), RFC 5155 7.2 (NSEC3), RFC 4034 6.1 (order).
#pragma once

#include <array>
#include <cstdint>
#include <span>
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

// RFC 9276 3.1: with more, anybody could make every core hash.
inline constexpr std::uint16_t kMaxNsec3Iterations = 150;

using Nsec3Hash = std::array<std::uint8_t, 20>;

// H(name) of RFC 5155 5; `name` in lower case. `salt` has at most 255 bytes.
[[nodiscard]] Nsec3Hash nsec3_hash(Bytes name, Bytes salt, std::uint16_t iterations) noexcept;

// One record of the chain.
struct ChainEntry {
  std::uint32_t key = 0;  // where in the keys: NSEC: the order key below the apex; NSEC3: the hash
  BlockId block = kNoBlock;
  std::uint16_t length = 0;  // of the key
  std::uint16_t reserved = 0;
};

class Denials {
 public:
  enum class Kind : std::uint8_t { none, nsec, nsec3 };
  struct Parameters {
    Kind kind = Kind::none;
    std::uint16_t iterations = 0;  // NSEC3
    Bytes salt;
    std::size_t apex_key_length = 0;  // NSEC
  };
  // Parallel arrays, in the order of the keys.
  struct Chain {
    std::span<const std::uint64_t> prefixes;  // of the keys, as big-endian numbers: most comparisons end here
    std::span<const ChainEntry> entries;
    Bytes keys;
  };

  Denials() = default;
  Denials(const Parameters& parameters, const Chain& chain) noexcept : parameters_(parameters), chain_(chain) {}

  [[nodiscard]] Kind kind() const noexcept { return parameters_.kind; }
  [[nodiscard]] const Chain& chain() const noexcept { return chain_; }
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

  [[nodiscard]] Bytes key_of(std::size_t entry) const noexcept {
    return chain_.keys.subspan(chain_.entries[entry].key, chain_.entries[entry].length);
  }
  // What `prefixes` holds of a key.
  [[nodiscard]] static std::uint64_t prefix_of(Bytes key) noexcept;

 private:
  [[nodiscard]] std::size_t last_at_or_before(Bytes key) const noexcept;

  Parameters parameters_;
  Chain chain_;
  std::uint32_t since_ = 0;
};

}  // namespace gl::zone
