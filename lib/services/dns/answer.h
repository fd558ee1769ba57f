// The way from a question to the three sections of its answer (RFC 1034 4.3.2), block by block.
// Byte order: wire. Ownership: borrows snapshot, question and composer. Packet path: no allocation.
// Errors: `whole` is false where the answer does not fit. Source: RFC 1034 4.3.2, RFC 4592, RFC 6672, RFC 4035 3.1,
// RFC 5155 7.2, RFC 6604 (rcode of a chain), RFC 8482.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/zone/composer.h"
#include "lib/zone/snapshot.h"

namespace gl::services {

struct AnswerOptions {
  std::uint16_t type = 0;
  bool dnssec = false;
  bool minimal_any = false;  // RFC 8482 4.1: ANY gets one RRset
};

struct Outcome {
  dns::Rcode rcode = dns::Rcode::noerror;
  bool authoritative = false;
  bool referral = false;
  bool chain = false;       // the name was an alias's
  bool whole = true;        // false: it did not fit, and what stands in the message is not to be sent
  std::uint32_t since = 0;  // the generation from which on this question has been answered so, see zone/generation.h
};

class ZoneAnswer {
 public:
  ZoneAnswer(const zone::ZoneSnapshot& snapshot, const AnswerOptions& options, zone::Composer& composer) noexcept
      : snapshot_(snapshot), options_(options), composer_(composer) {}

  // `name` is the question's, hashed; it is overwritten by the targets of aliases.
  [[nodiscard]] Outcome run(zone::HashedName& name) noexcept;

 private:
  enum class Step : std::uint8_t { done, follow };
  // An authority block that has to wait until the answer section is complete.
  struct Proof {
    const zone::Zone* zone;
    zone::BlockId block;
    zone::NameAt name;
  };

  [[nodiscard]] Step step(const zone::Zone& zone, zone::HashedName& name) noexcept;
  [[nodiscard]] Step at_node(const zone::Zone& zone, const zone::Node& node, const zone::Node* encloser,
                             zone::HashedName& name) noexcept;
  [[nodiscard]] Step positive(const zone::Zone& zone, const zone::BlockRef& ref) noexcept;
  [[nodiscard]] Step refer(const zone::Zone& zone, const zone::Node& cut) noexcept;
  [[nodiscard]] Step follow_cname(const zone::Zone& zone, const zone::BlockRef& ref, zone::HashedName& name) noexcept;
  [[nodiscard]] Step follow_dname(const zone::Zone& zone, const zone::Node& owner, zone::HashedName& name) noexcept;
  [[nodiscard]] Step move_to(std::size_t at, zone::HashedName& name) noexcept;
  [[nodiscard]] Step negative(const zone::Zone& zone, dns::Rcode rcode) noexcept;
  [[nodiscard]] zone::BlockRef block_for(const zone::Zone& zone, const zone::Node& node) noexcept;
  // All that the answer depends on goes through these three.
  void depend(std::uint32_t since) noexcept { outcome_.since = std::max(outcome_.since, since); }
  [[nodiscard]] const zone::Block& use(const zone::Zone& zone, const zone::BlockRef& ref) noexcept {
    depend(ref.since);
    return zone.block(ref.id);
  }
  [[nodiscard]] const zone::Block& use(const zone::Zone& zone, zone::BlockId id) noexcept {
    const zone::Block& block = zone.block(id);
    depend(block.since);
    return block;
  }

  void prove_next_closer(const zone::Zone& zone, const zone::Node& encloser, const zone::HashedName& name) noexcept;
  void prove_name_absent(const zone::Zone& zone, const zone::Node& encloser, const zone::HashedName& name) noexcept;
  void prove_type_absent(const zone::Zone& zone, const zone::Node& node) noexcept;
  void add_proof(const zone::Zone& zone, zone::BlockId block) noexcept;
  void flush_proofs() noexcept;
  [[nodiscard]] Step finish() noexcept;
  [[nodiscard]] Step overflow() noexcept;

  const zone::ZoneSnapshot& snapshot_;
  AnswerOptions options_;
  zone::Composer& composer_;
  Outcome outcome_;
  zone::NameAt current_{dns::kHeaderSize, 0};  // the name that is being answered, in the message
  std::size_t aliases_ = 0;
  std::size_t proof_count_ = 0;
  std::size_t dname_count_ = 0;
  // Each alias may bring one proof (its wildcard's), the end an SOA and three more.
  std::array<Proof, zone::kMaxAliases + 4> proofs_;
  std::array<std::uint64_t, zone::kMaxAliases + 1> visited_;  // hashes of the names answered so far
  struct UsedDname {
    const zone::Block* block;
    std::size_t length;  // of the name that it was applied to last
  };
  std::array<UsedDname, zone::kMaxAliases> dnames_;  // DNAMEs that the answer holds
};

}  // namespace gl::services
