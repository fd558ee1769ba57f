// DNS messages for the tests of the TCP helper: questions, answers, and the parts of a zone transfer.
// Byte order: wire. Ownership: own copies. Thread: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gl::test {

using Message = std::vector<std::uint8_t>;

inline constexpr const char* kZone = "example.test.";
inline constexpr std::uint16_t kTransferId = 0x5a5a;
inline constexpr std::size_t kZoneTypeAt = 27;        // low byte of the type where kZone is the question
inline constexpr std::uint16_t kQuestionAt = 0xc00c;  // a pointer to the question's name

inline void put16(Message& to, unsigned value) {
  to.push_back(static_cast<std::uint8_t>(value >> 8));
  to.push_back(static_cast<std::uint8_t>(value & 0xff));
}
inline void put32(Message& to, std::uint32_t value) {
  put16(to, value >> 16);
  put16(to, value & 0xffff);
}
// Labels that each end with a dot; the root's zero byte is not written.
inline void put_labels(Message& to, std::string_view name) {
  while (!name.empty()) {
    const std::size_t dot = name.find('.');
    to.push_back(static_cast<std::uint8_t>(dot));
    to.insert(to.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(dot));
    name.remove_prefix(dot + 1);
  }
}

inline Message make_query(std::string_view name, std::uint16_t type, std::uint16_t id, std::uint8_t opcode = 0) {
  Message m;
  put16(m, id);
  put16(m, static_cast<unsigned>(opcode) << 11);
  for (const unsigned count : {1U, 0U, 0U, 0U}) put16(m, count);
  put_labels(m, name);
  m.push_back(0);
  put16(m, type);
  put16(m, 1);
  return m;
}

// What is asked, and one address as the answer.
inline Message answer_to(const Message& query) {
  Message m = query;
  m[2] |= 0x80;
  m[7] = 1;
  put16(m, kQuestionAt);
  put16(m, 1);
  put16(m, 1);
  put32(m, 300);
  put16(m, 4);
  put32(m, 0xc0000201);
  return m;
}

// ---- Records of a zone. `label`: below the zone, empty for the zone itself.
inline Message record(std::string_view label, std::uint16_t type, const Message& data) {
  Message m;
  if (!label.empty()) put_labels(m, std::string(label) + ".");
  put16(m, kQuestionAt);
  put16(m, type);
  put16(m, 1);
  put32(m, 300);
  put16(m, static_cast<unsigned>(data.size()));
  m.insert(m.end(), data.begin(), data.end());
  return m;
}
inline Message soa(std::uint32_t serial, std::string_view label = "") {
  Message data;
  put_labels(data, "NS.");
  put16(data, kQuestionAt);
  put_labels(data, "hostmaster.");
  put16(data, kQuestionAt);
  for (const std::uint32_t value : {serial, 3600U, 600U, 86400U, 300U}) put32(data, value);
  return record(label, 6, data);
}
inline Message a(std::string_view label) {
  return record(label, 1, {192, 0, 2, 1});
}
inline Message txt(std::size_t length) {
  return record("text", 16, Message(length, 0));
}

// One message of a transfer of kZone.
inline Message part(const std::vector<Message>& records, bool with_question = true) {
  Message m = make_query(kZone, 252, kTransferId);
  m[2] |= 0x84;
  m[7] = static_cast<std::uint8_t>(records.size());
  if (!with_question) {
    m.resize(12);
    m[5] = 0;
  }
  for (const Message& one : records) {
    auto begin = one.begin();
    if (!with_question && *begin >= 0xc0) {  // nothing to point at
      put_labels(m, kZone);
      m.push_back(0);
      begin += 2;
    }
    m.insert(m.end(), begin, one.end());
  }
  return m;
}

inline Message make_ixfr(std::string_view zone, std::uint16_t id, std::uint32_t serial) {
  Message m = make_query(zone, 251, id);
  m[9] = 1;
  const Message have = soa(serial);
  m.insert(m.end(), have.begin(), have.end());
  return m;
}

}  // namespace gl::test
