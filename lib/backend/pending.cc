#include "lib/backend/pending.h"

#include <algorithm>
#include <bit>

namespace gl::backend {
namespace {

constexpr std::size_t kIds = 65536;
constexpr std::size_t kMostSlots = 16384;  // a quarter of the IDs: one is found in a draw or two

}  // namespace

Pending::Pending(std::size_t slots, std::size_t backends)
    : slots_(std::min(slots, kMostSlots)),
      questions_(slots_ + backends),
      buckets_(std::bit_ceil(2 * slots_ + 1), kNone),
      by_id_(kIds, kNone) {
  for (std::size_t i = slots_; i-- > 0;) release(static_cast<std::uint32_t>(i));
}

std::uint32_t Pending::take() noexcept {
  const std::uint32_t i = free_;
  if (i == kNone) return kNone;
  Question& question = questions_[i];
  free_ = question.next;
  --free_count_;
  question.tries = 0;
  question.tried = 0;
  question.plain = false;
  return i;
}

void Pending::release(std::uint32_t i) noexcept {
  Question& question = questions_[i];
  question.state = Question::State::idle;
  ++question.generation;
  question.next = free_;
  free_ = i;
  ++free_count_;
}

std::uint32_t Pending::find(const QuestionKey& key) const noexcept {
  std::uint32_t i = buckets_[bucket(key)];
  while (i != kNone && questions_[i].key != key) i = questions_[i].next_in_bucket;
  return i;
}

void Pending::enter_key(std::uint32_t i) noexcept {
  std::uint32_t& first = buckets_[bucket(questions_[i].key)];
  questions_[i].next_in_bucket = first;
  first = i;
}

void Pending::leave_key(std::uint32_t i) noexcept {
  std::uint32_t* link = &buckets_[bucket(questions_[i].key)];
  while (*link != i) link = &questions_[*link].next_in_bucket;
  *link = questions_[i].next_in_bucket;
}

void Pending::draw_id(std::uint32_t i, RandomStream& random) noexcept {
  std::uint16_t id = random.u16();
  while (by_id_[id] != kNone) id = random.u16();
  questions_[i].id = id;
  by_id_[id] = i;
}

void Pending::append(List& list, std::uint32_t i) noexcept {
  questions_[i].next = kNone;
  questions_[i].previous = list.tail;
  (list.tail == kNone ? list.head : questions_[list.tail].next) = i;
  list.tail = i;
}

void Pending::remove(List& list, std::uint32_t i) noexcept {
  const Question& question = questions_[i];
  (question.previous == kNone ? list.head : questions_[question.previous].next) = question.next;
  (question.next == kNone ? list.tail : questions_[question.next].previous) = question.previous;
}

}  // namespace gl::backend
