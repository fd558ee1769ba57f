#include "lib/backend/answer_store.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace gl::backend {
namespace {

constexpr std::size_t kAlign = 8;
constexpr std::size_t kSmallest = std::size_t{1} << 20;

constexpr std::size_t aligned(std::size_t bytes) noexcept {
  return (bytes + kAlign - 1) & ~(kAlign - 1);
}

}  // namespace

AnswerStore::AnswerStore(std::size_t bytes, std::size_t questions)
    : ring_(std::max(aligned(bytes), kSmallest)),
      entries_(std::max(std::bit_ceil(questions), kWays)),
      evicted_ms_(entries_.size() / kWays) {}

MutableBytes AnswerStore::reserve(std::size_t bytes) noexcept {
  const std::size_t total = sizeof(Header) + aligned(bytes);
  const std::size_t to_end = ring_.size() - head_ % ring_.size();
  if (to_end < total) head_ += to_end;  // an answer lies in one piece
  if (head_ + total > ring_.size()) floor_ = std::max(floor_, head_ + total - ring_.size());
  return {memory(head_) + sizeof(Header), bytes};
}

AnswerStore::Header AnswerStore::header(std::uint64_t at) const noexcept {
  Header header;
  std::memcpy(&header, memory(at), sizeof header);
  return header;
}

std::uint64_t AnswerStore::commit(const QuestionKey& key, const KeptReply& kept, std::uint64_t now_ms) noexcept {
  const std::uint8_t* const begin = memory(head_) + sizeof(Header);
  const std::size_t options_at =
      kept.options.empty() ? kept.message.size() : static_cast<std::size_t>(kept.options.data() - begin);
  Header header{};
  header.completed_ms = now_ms;
  header.message_length = static_cast<std::uint32_t>(kept.message.size());
  header.options_at = static_cast<std::uint32_t>(options_at);
  header.options_length = static_cast<std::uint32_t>(kept.options.size());
  header.extended_rcode = kept.extended_rcode;
  header.edns = kept.edns;
  header.dnssec_ok = kept.dnssec_ok;
  header.verbatim = kept.verbatim;
  header.truncated = kept.truncated;
  header.framed = kept.framed;
  return append(key, header, options_at + kept.options.size());
}

std::uint64_t AnswerStore::commit_failure(const QuestionKey& key, Failure failure, std::uint64_t now_ms) noexcept {
  (void)reserve(0);
  Header header{};
  header.completed_ms = now_ms;
  header.failure = failure;
  return append(key, header, 0);
}

bool AnswerStore::same_bytes(std::uint64_t a, const Header& ha, std::uint64_t b, const Header& hb) const noexcept {
  const auto shape = [](const Header& h) {
    return std::array{
        h.message_length,
        h.options_at,
        h.options_length,
        std::uint32_t{h.extended_rcode},
        static_cast<std::uint32_t>(h.failure),
        static_cast<std::uint32_t>(h.edns | h.dnssec_ok << 1 | h.verbatim << 2 | h.truncated << 3 | h.framed << 4)};
  };
  if (shape(ha) != shape(hb)) return false;
  return std::memcmp(memory(a) + sizeof(Header), memory(b) + sizeof(Header), ha.options_at + ha.options_length) == 0;
}

AnswerStore::Entry& AnswerStore::replaceable(const QuestionKey& key, std::uint64_t now_ms) noexcept {
  Entry* const set = entries_.data() + set_of(key) * kWays;
  Entry* oldest = set;
  for (Entry* entry = set; entry != set + kWays; ++entry) {
    if (entry->at == kNone) {
      oldest = entry;
      break;
    }
    if (entry->completed_ms < oldest->completed_ms) oldest = entry;
  }
  std::uint64_t& evicted = evicted_ms_[set_of(key)];
  if (oldest->at != kNone) evicted = now_ms;
  *oldest = {.key = key, .changed_ms = std::max(evicted, started_ms_)};
  return *oldest;
}

std::uint64_t AnswerStore::append(const QuestionKey& key, Header header, std::size_t bytes) noexcept {
  const std::uint64_t at = head_;
  Entry* entry = const_cast<Entry*>(find(key));
  if (entry == nullptr) {
    entry = &replaceable(key, header.completed_ms);
  } else if (holds(entry->at)) {
    const Header before = this->header(entry->at);
    if (same_bytes(entry->at, before, at, header)) {
      header.given = before.given;
      header.age_given = before.age_given;
      header.several_ages = before.several_ages;
    } else {
      entry->changed_ms = header.completed_ms;
    }
  } else {
    entry->changed_ms = header.completed_ms;  // the bytes before cannot be compared any more
  }
  std::memcpy(memory(at), &header, sizeof header);
  entry->at = at;
  entry->completed_ms = header.completed_ms;
  head_ += sizeof header + aligned(bytes);
  return at;
}

StoredAnswer AnswerStore::read(std::uint64_t at) const noexcept {
  const Header h = header(at);
  const std::uint8_t* const bytes = memory(at) + sizeof h;
  return {.reply = {.message = {bytes, h.message_length},
                    .options = {bytes + h.options_at, h.options_length},
                    .extended_rcode = h.extended_rcode,
                    .edns = h.edns,
                    .dnssec_ok = h.dnssec_ok,
                    .verbatim = h.verbatim,
                    .truncated = h.truncated,
                    .framed = h.framed},
          .failure = h.failure,
          .completed_ms = h.completed_ms};
}

const AnswerStore::Entry* AnswerStore::find(const QuestionKey& key) const noexcept {
  const Entry* const set = entries_.data() + set_of(key) * kWays;
  for (const Entry* entry = set; entry != set + kWays; ++entry) {
    if (entry->at != kNone && entry->key == key) return entry;
  }
  return nullptr;
}

std::uint64_t AnswerStore::newest(const QuestionKey& key) const noexcept {
  const Entry* const entry = find(key);
  return entry != nullptr && holds(entry->at) ? entry->at : kNone;
}

void AnswerStore::note_given(std::uint64_t at, std::uint32_t age_s) noexcept {
  Header h = header(at);
  h.several_ages = h.several_ages || (h.given && h.age_given != age_s);
  h.given = true;
  h.age_given = age_s;
  std::memcpy(memory(at), &h, sizeof h);
}

std::optional<std::uint32_t> AnswerStore::only_age(const QuestionKey& key, std::uint64_t now_ms,
                                                   std::uint64_t doubt_ms) const noexcept {
  const Entry* const entry = find(key);
  if (entry == nullptr || !holds(entry->at) || now_ms - entry->changed_ms < doubt_ms) return std::nullopt;
  const Header h = header(entry->at);
  if (h.failure != Failure::none || !h.given || h.several_ages) return std::nullopt;
  return h.age_given;
}

}  // namespace gl::backend
