#include "app/health/question.h"

#include <ldns/ldns.h>
#include <sys/random.h>

#include <algorithm>
#include <memory>

#include "lib/base/endian.h"

namespace gl::health {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::uint8_t kResponse = 0x80;
constexpr std::uint8_t kOpcode = 0x78;
constexpr std::uint8_t kRcode = 0x0f;

struct Free {
  void operator()(ldns_rdf* p) const { ldns_rdf_deep_free(p); }
};

void append(Message& to, std::uint16_t value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value));
}

}  // namespace

Result<Message> make_question(const std::string& text) {
  const std::size_t slash = text.rfind('/');
  const std::string name = text.substr(0, slash);
  const std::string type = slash == std::string::npos ? "SOA" : text.substr(slash + 1);
  const std::unique_ptr<ldns_rdf, Free> wire(ldns_dname_new_frm_str(name.c_str()));
  if (wire == nullptr || name.empty()) return Error{"'" + name + "' is no name"};
  const ldns_rr_type number = ldns_get_rr_type_by_name(type.c_str());
  if (number == 0) return Error{"'" + type + "' is no type of records"};
  Message message(kHeader);
  message[5] = 1;  // QDCOUNT
  const std::uint8_t* const bytes = ldns_rdf_data(wire.get());
  message.insert(message.end(), bytes, bytes + ldns_rdf_size(wire.get()));
  append(message, static_cast<std::uint16_t>(number));
  append(message, LDNS_RR_CLASS_IN);
  return message;
}

Message with_new_number(Message question) {
  if (getrandom(question.data(), 2, 0) != 2) question[0] = question[1] = 0;
  return question;
}

std::string fault_of(Bytes question, Bytes answer) {
  if (answer.size() < question.size()) return "a short answer";
  if (!std::equal(question.begin(), question.begin() + 2, answer.begin())) return "the answer to another question";
  if ((answer[2] & kResponse) == 0 || (answer[2] & kOpcode) != 0) return "no answer but something else";
  if ((answer[3] & kRcode) != 0) {
    const std::unique_ptr<char, decltype(&std::free)> name(
        ldns_pkt_rcode2str(static_cast<ldns_pkt_rcode>(answer[3] & kRcode)), std::free);
    return name != nullptr ? name.get() : "an error";
  }
  const bool same = load_be<std::uint16_t>(answer.data() + 4) == 1 &&
                    std::equal(question.begin() + kHeader, question.end(), answer.begin() + kHeader);
  return same ? "" : "the answer to another question";
}

}  // namespace gl::health
