#include "lib/transfer/zone_stream.h"

#include <algorithm>

#include "lib/base/endian.h"
#include "lib/dns/message.h"
#include "lib/transfer/queries.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

constexpr std::size_t kOrdinary = 16'000;  // pointers reach this far, and the other side's memory is spared
constexpr std::size_t kLargest = dns::kMaxMessage - 512;  // a signature has to fit behind

}  // namespace

Message begin_answer(Bytes request, unsigned rcode, bool authoritative) {
  dns::Question question;
  const bool asked = load_be<std::uint16_t>(request.data() + 4) == 1 && dns::parse_question(request, question);
  const std::size_t end = asked ? question.end : dns::kHeaderSize;
  Message message(request.begin(), request.begin() + static_cast<std::ptrdiff_t>(end));
  const unsigned flags = load_be<std::uint16_t>(request.data() + 2) & (dns::flag::opcode_mask | dns::flag::rd);
  store_be(message.data() + 2,
           static_cast<std::uint16_t>(flags | dns::flag::qr | (authoritative ? dns::flag::aa : 0U) | rcode));
  store_be(message.data() + 4, static_cast<std::uint16_t>(asked ? 1 : 0));
  std::fill(message.begin() + 6, message.begin() + dns::kHeaderSize, std::uint8_t{0});
  return message;
}

void MessagePacker::begin() {
  message_ = head_;
  answers_ = 0;
  last_owner_.clear();
}

void MessagePacker::append_owner(const std::string& owner) {
  const auto pointer = [&](std::size_t to) {
    message_.push_back(static_cast<std::uint8_t>(0xc0 | to >> 8));
    message_.push_back(static_cast<std::uint8_t>(to));
  };
  if (owner == last_owner_) return pointer(last_at_);
  const std::size_t at = message_.size();
  const bool inside = is_within(owner, apex_) && apex_.size() > 1;
  const std::string_view own = std::string_view(owner).substr(0, owner.size() - (inside ? apex_.size() : 0));
  for (const char c : own) message_.push_back(static_cast<std::uint8_t>(c));
  if (inside) pointer(dns::kHeaderSize);
  if (at > dns::kMaxPointer) return;
  last_owner_ = owner;
  last_at_ = at;
}

bool MessagePacker::add(const Record& record) {
  const std::size_t size = record.owner.size() + 10 + record.data.size();
  if (message_.size() + size > (is_empty() ? kLargest : kOrdinary)) return false;
  append_owner(record.owner);
  Record rest = record;
  rest.owner.clear();
  append_record(message_, rest);
  ++answers_;
  return true;
}

Message MessagePacker::take() {
  store_be(message_.data() + 6, static_cast<std::uint16_t>(answers_));
  Message whole = std::move(message_);
  begin();
  return whole;
}

}  // namespace gl::transfer
