#include "lib/transfer/queries.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "lib/base/endian.h"
#include "lib/dns/message.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

void put(Message& to, std::string_view bytes) {
  const std::size_t at = to.size();
  to.resize(at + bytes.size());
  std::ranges::copy(bytes, to.begin() + static_cast<std::ptrdiff_t>(at));
}
template <class T>
void put_number(Message& to, T value) {
  to.resize(to.size() + sizeof value);
  store_be(to.data() + to.size() - sizeof value, value);
}

}  // namespace

void append_record(Message& message, const Record& record) {
  put(message, record.owner);
  put_number(message, record.type);
  put_number(message, record.rr_class);
  put_number(message, record.ttl);
  put_number(message, static_cast<std::uint16_t>(record.data.size()));
  put(message, record.data);
}

Message make_question(const std::string& zone, std::uint16_t type, dns::Opcode opcode, const Record* soa) {
  const bool notify = opcode == dns::Opcode::notify;
  Message message(dns::kHeaderSize);
  store_be(message.data(), static_cast<std::uint16_t>(randombytes_random()));
  store_be(message.data() + 2,
           static_cast<std::uint16_t>(static_cast<unsigned>(opcode) << 11 | (notify ? dns::flag::aa : 0U)));
  store_be(message.data() + 4, std::uint16_t{1});
  put(message, zone);
  put_number(message, type);
  put_number(message, dns::rr_class::in);
  if (soa != nullptr) {
    append_record(message, *soa);
    store_be(message.data() + (notify ? 6 : 8), std::uint16_t{1});
  }
  return message;
}

Record soa_of_serial(const std::string& zone, std::uint32_t serial) {
  std::array<std::uint8_t, 22> data{};  // two names of the root, serial, four times
  store_be(data.data() + 2, serial);
  return {zone, dns::rr::soa, dns::rr_class::in, 0, std::string(zone::as_chars(data))};
}

bool answers(Bytes answer, Bytes question) {
  if (answer.size() < dns::kHeaderSize || !std::ranges::equal(answer.first(2), question.first(2))) return false;
  const auto flags = load_be<std::uint16_t>(answer.data() + 2);
  const auto asked = load_be<std::uint16_t>(question.data() + 2);
  if ((flags & dns::flag::qr) == 0 || dns::opcode_of(flags) != dns::opcode_of(asked)) return false;
  const auto questions = load_be<std::uint16_t>(answer.data() + 4);
  if (questions == 0) return true;
  dns::Question theirs;
  dns::Question ours;
  return questions == 1 && dns::parse_question(answer, theirs) && dns::parse_question(question, ours) &&
         theirs.type == ours.type && theirs.rr_class == ours.rr_class &&
         std::ranges::equal(theirs.name.view(), ours.name.view());
}

unsigned rcode_of(Bytes message) {
  return load_be<std::uint16_t>(message.data() + 2) & dns::flag::rcode_mask;
}

std::string rcode_text(unsigned rcode) {
  constexpr std::array<const char*, 11> kNames = {"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
                                                  "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
  return rcode < kNames.size() ? kNames[rcode] : "rcode " + std::to_string(rcode);
}

}  // namespace gl::transfer
