// DNS messages put together from parts, for the tests of forwarding.
// Byte order: wire. Ownership: values. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lib/backend/client_query.h"
#include "lib/backend/reply.h"
#include "tests/unit/dns_test_support.h"

namespace gl::test {

using Parts = std::vector<Message>;

inline void put32(Message& m, std::uint32_t v) {
  put16(m, v >> 16);
  put16(m, v & 0xffff);
}
inline Message bytes_of(const std::string& text) {
  return Message(text.begin(), text.end());
}
inline Message joined(Message first, const Message& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

inline Message question(const std::string& name, std::uint16_t type, std::uint16_t rr_class = 1) {
  Message m = wire_name(name);
  put16(m, type);
  put16(m, rr_class);
  return m;
}
inline Message pointer_to(unsigned offset) {
  Message m;
  put16(m, 0xc000 | offset);
  return m;
}
inline Message record(Message owner, std::uint16_t type, std::uint32_t ttl, const Message& data,
                      std::uint16_t rr_class = 1) {
  put16(owner, type);
  put16(owner, rr_class);
  put32(owner, ttl);
  put16(owner, static_cast<unsigned>(data.size()));
  return joined(std::move(owner), data);
}
inline Message option(std::uint16_t code, const Message& data) {
  Message m;
  put16(m, code);
  put16(m, static_cast<unsigned>(data.size()));
  return joined(std::move(m), data);
}
struct Opt {
  std::uint16_t payload = 1232;
  std::uint8_t extended_rcode = 0;
  std::uint8_t version = 0;
  bool dnssec = false;
};
inline Message opt(const Opt& o, const Message& options = {}) {
  const std::uint32_t ttl =
      std::uint32_t{o.extended_rcode} << 24 | std::uint32_t{o.version} << 16 | (o.dnssec ? 0x8000U : 0U);
  return record({0}, 41, ttl, options, o.payload);
}
// Any bytes will do for a MAC: nobody here checks it.
inline Message tsig() {
  Message data = wire_name("hmac-sha256.");
  for (const unsigned v : {0U, 0x6500U, 0U, 300U, 4U, 0x1111U, 0x2222U, 0x1234U, 0U, 0U}) put16(data, v);
  return record(wire_name("key."), 250, 0, data, 255);
}

struct Sections {
  Parts questions{};
  Parts answers{};
  Parts authorities{};
  Parts additionals{};
};
inline Message message(std::uint16_t id, std::uint16_t flags, const Sections& s) {
  Message m;
  put16(m, id);
  put16(m, flags);
  for (const Parts* part : {&s.questions, &s.answers, &s.authorities, &s.additionals}) {
    put16(m, static_cast<unsigned>(part->size()));
  }
  for (const Parts* part : {&s.questions, &s.answers, &s.authorities, &s.additionals}) {
    for (const Message& one : *part) m.insert(m.end(), one.begin(), one.end());
  }
  return m;
}

// 192.0.2.99:4660 to 192.0.2.53:53, or the same of 2001:db8::/32.
inline Message flow_v4(std::uint8_t host = 99) {
  return {192, 0, 2, host, 192, 0, 2, 53, 0x12, 0x34, 0, 53};
}
inline Message flow_v6(std::uint8_t host = 0x99) {
  Message m{0x20, 1, 0x0d, 0xb8, 0xaa, 0xbb, 0xcc, 0xdd, 0, 0, 0, 0, 0, 0, 0, host};
  const Message ours{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53, 0x12, 0x34, 0, 53};
  return joined(std::move(m), ours);
}

}  // namespace gl::test
