// The remembered flows of a core: a table of fixed size. An entry is made only behind a valid cookie and data. Where a
// set is full, the entry that goes is, in this order: one whose connection both sides have closed (any of them, and
// before an empty place is taken: its memory is in the caches), an idle one with timestamps, an idle one without, one
// with timestamps in the middle of an answer, and last one that would end in a RST; among equals the one that has been
// quiet for longest. One of the last kind is not taken within kBusyMs of its last segment: then the newcomer gets none,
// and is answered by the rules without an entry.
// Byte order: host, the flow key as on the wire. Units: milliseconds of a monotonic clock. Ownership: the responder's.
// Thread: one core's own. Errors: make() gives nothing where every entry of a set is in use.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "lib/tcp/soft_state/flow.h"

namespace gl::tcp {

inline constexpr std::uint32_t kBusyMs = 10'000;
inline constexpr std::uint32_t kCrowdedMs = 60'000;

class FlowTable {
 public:
  // `entries` 0: none is ever found or made. Otherwise rounded up to a power of two, at least one set.
  explicit FlowTable(std::size_t entries);
  // Neither entries nor strays, and no memory: for the packet path.
  struct Nothing {};
  explicit FlowTable(Nothing) noexcept {}

  void begin_burst(std::uint64_t now_ms) noexcept { now_ms_ = static_cast<std::uint32_t>(now_ms); }
  [[nodiscard]] std::uint32_t now_ms() const noexcept { return now_ms_; }
  [[nodiscard]] bool enabled() const noexcept { return !sets_.empty(); }

  // With timestamps the cookie's MAC, a keyed hash of the flow, finds the entry: no offset-path sender can choose who
  // shares a set. Without, the cookie is not known from a later segment, and a seeded hash takes its place.
  [[nodiscard]] Flow* find(const FlowKey& key, SeqNum isn) noexcept { return find_tag(key, tag_of(isn)); }
  [[nodiscard]] Flow* find(const FlowKey& key) noexcept { return find_tag(key, tag_of(key)); }
  // An entry for the flow, in place of its old one or of another flow's: key, isn and kind are set, the rest is what
  // it was. Null where every one that could be replaced is in use.
  [[nodiscard]] Flow* make(const FlowKey& key, SeqNum isn, bool timestamps) noexcept;
  // Whether an entry took the place of one whose client waited for something, not long ago: there are too few.
  [[nodiscard]] bool crowded() const noexcept { return crowded_ && now_ms_ - crowded_ms_ < kCrowdedMs; }
  void evict(const FlowKey& key, SeqNum isn) noexcept;
  void evict(Flow& flow) noexcept { tag_at(index_of(flow)) = 0; }
  // A segment of it has been dealt with.
  void touch(const Flow& flow) noexcept;

  // A query that was answered last to a connection without an entry, with its answer in one segment: so what is
  // pipelined behind it is known for the next one.
  struct alignas(64) Recent {
    std::uint32_t tag = 0;
    std::uint32_t ts_val = 0;  // the TSval that went with it
    SeqNum seq;                // where the query begins
    std::uint32_t end = 0;     // where the answer ends in our stream
    std::uint32_t answer = 0;
    std::uint32_t identity = 0;
    std::uint16_t length = 0;
    std::array<std::uint8_t, 102> bytes;
    [[nodiscard]] Bytes query() const noexcept { return Bytes(bytes).first(length); }
  };
  // Longer queries are not noted.
  void note(SeqNum isn, Bytes query, SeqNum seq, const AnswerStream::Part& part, std::uint32_t ts_val,
            std::uint32_t end) noexcept;
  [[nodiscard]] const Recent* recent(SeqNum isn) const noexcept;

  // A segment that belongs to no connection known here, which its client may know better: how often its client has sent
  // it. Copies that come close to one another are the network's. Without entries, too.
  [[nodiscard]] unsigned count_stray(const FlowKey& key, SeqNum seq) noexcept;
  // It came together with what was answered: once, however often that is repeated.
  void note_stray(const FlowKey& key, SeqNum seq) noexcept;

 private:
  static constexpr std::size_t kWays = 8;
  enum class Rank : std::uint8_t { ended, idle, idle_needed, busy, busy_needed };
  struct Use {
    std::uint32_t at_ms = 0;
    Rank rank = Rank::ended;
  };
  struct alignas(32) Set {  // one cache line, compared as a vector
    std::array<std::uint32_t, kWays> tags{};
    [[nodiscard]] bool holds(std::uint32_t tag) const noexcept {
      using Four [[gnu::vector_size(16)]] = std::uint32_t;
      std::array<Four, 2> halves;
      std::memcpy(&halves, &tags, sizeof halves);
      const auto equal = (halves[0] == tag) | (halves[1] == tag);
      std::array<std::uint64_t, 2> bits;
      std::memcpy(&bits, &equal, sizeof bits);
      return (bits[0] | bits[1]) != 0;
    }
  };
  struct Stray {
    std::uint32_t tag = 0;
    std::uint32_t times = 0;
    std::uint32_t at_ms = 0;
  };

  // Where it is counted, which says so by its tag; otherwise the place that it may take.
  struct StrayPlace {
    Stray* stray;  // null: nothing is counted here
    std::uint32_t tag;
  };
  [[nodiscard]] StrayPlace place_of(const FlowKey& key, SeqNum seq) noexcept;
  [[nodiscard]] static Rank rank_of(const Flow& flow) noexcept;
  // Never 0: that marks an empty way.
  [[nodiscard]] static std::uint32_t tag_of(SeqNum isn) noexcept { return (isn.value() & 0x0fffffff) | 0x10000000; }
  [[nodiscard]] std::uint32_t tag_of(const FlowKey& key) const noexcept {
    return (static_cast<std::uint32_t>(hash(key) >> 32) & 0x0fffffff) | 0x20000000;
  }
  [[nodiscard]] std::uint64_t hash(const FlowKey& key) const noexcept;
  [[nodiscard]] std::size_t set_of(std::uint32_t tag) const noexcept { return tag & (sets_.size() - 1); }
  [[nodiscard]] std::size_t index_of(const Flow& flow) const noexcept {
    return static_cast<std::size_t>(&flow - flows_.get());
  }
  // Most segments are of no entry: they pay for two vector comparisons.
  [[nodiscard]] Flow* find_tag(const FlowKey& key, std::uint32_t tag) noexcept {
    const std::size_t set = set_of(tag);
    return enabled() && sets_[set].holds(tag) ? find_in(set, key, tag) : nullptr;
  }
  [[nodiscard]] Flow* find_in(std::size_t set, const FlowKey& key, std::uint32_t tag) noexcept;
  [[nodiscard]] std::uint32_t& tag_at(std::size_t index) noexcept { return sets_[index / kWays].tags[index % kWays]; }
  [[nodiscard]] std::optional<std::size_t> free_way(std::size_t set) const noexcept;

  std::array<std::uint64_t, 2> seed_{};
  std::vector<Set> sets_;
  std::vector<Use> uses_;
  std::unique_ptr<Flow[]> flows_;
  std::vector<Recent> recent_;
  std::vector<Stray> strays_;
  std::uint32_t now_ms_ = 0;
  std::uint32_t crowded_ms_ = 0;
  bool crowded_ = false;
};

}  // namespace gl::tcp
