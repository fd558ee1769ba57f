// Zones from text, and answers as text, for the tests of zones and of the DNS service.
// Ownership: each object cleans up after itself. Thread: one.
#pragma once

#include <gtest/gtest.h>
#include <ldns/ldns.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/endian.h"
#include "lib/services/dns/zone.h"
#include "lib/zone/loader.h"
#include "lib/zone/snapshot.h"

namespace gl::test {

// A file that goes away with the object.
class TempFile {
 public:
  explicit TempFile(const std::string& text) {
    char name[] = "/tmp/goldilocks-test-XXXXXX";
    const int fd = mkstemp(name);
    if (fd >= 0) close(fd);
    path_ = name;
    std::ofstream(path_, std::ios::binary) << text;
  }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  ~TempFile() { unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Message = std::vector<std::uint8_t>;

inline Message wire_name(const std::string& text) {
  ldns_rdf* rdf = ldns_dname_new_frm_str(text.c_str());
  Message out(ldns_rdf_data(rdf), ldns_rdf_data(rdf) + ldns_rdf_size(rdf));
  ldns_rdf_deep_free(rdf);
  return out;
}

inline void put16(Message& m, unsigned v) {
  m.push_back(static_cast<std::uint8_t>(v >> 8));
  m.push_back(static_cast<std::uint8_t>(v));
}

struct Ask {
  bool edns = false;
  bool dnssec = false;
  std::uint16_t payload = 1232;
  std::uint8_t version = 0;
  std::uint16_t flags = 0x0100;
  std::uint16_t rr_class = 1;
  Message options{};
};

inline Message query(const std::string& name, std::uint16_t type, const Ask& ask = {}) {
  Message m;
  const bool opt = ask.edns || ask.dnssec;
  for (const unsigned v : {0x1234U, static_cast<unsigned>(ask.flags), 1U, 0U, 0U, opt ? 1U : 0U}) put16(m, v);
  const Message owner = wire_name(name);
  m.insert(m.end(), owner.begin(), owner.end());
  put16(m, type);
  put16(m, ask.rr_class);
  if (!opt) return m;
  m.push_back(0);
  put16(m, 41);
  put16(m, ask.payload);
  m.push_back(0);
  m.push_back(ask.version);
  put16(m, ask.dnssec ? 0x8000 : 0);
  put16(m, static_cast<unsigned>(ask.options.size()));
  m.insert(m.end(), ask.options.begin(), ask.options.end());
  return m;
}

// An answer taken apart by ldns: records as "owner ttl type rdata", in the order of the message.
struct Parsed {
  Message wire;
  unsigned flags = 0;
  std::array<std::vector<std::string>, 3> sections;  // OPT apart
  bool readable = false;

  [[nodiscard]] unsigned rcode() const { return flags & 15; }
  [[nodiscard]] bool aa() const { return (flags & 0x0400) != 0; }
  [[nodiscard]] bool tc() const { return (flags & 0x0200) != 0; }
  [[nodiscard]] const auto& answer() const { return sections[0]; }
  [[nodiscard]] const auto& authority() const { return sections[1]; }
  [[nodiscard]] const auto& additional() const { return sections[2]; }
};

inline std::string record_text(const ldns_rr* rr) {
  char* raw = ldns_rr2str(rr);
  std::string text(raw);
  std::free(raw);  // NOLINT: from ldns
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text) {
    if (c == '\t') c = ' ';
  }
  const std::size_t in = text.find(" IN ");
  if (in != std::string::npos) text.erase(in, 3);
  return text;
}

inline Parsed parse(const Message& wire) {
  Parsed parsed;
  parsed.wire = wire;
  if (wire.size() < 12) return parsed;
  parsed.flags = load_be<std::uint16_t>(wire.data() + 2);
  ldns_pkt* pkt = nullptr;
  if (ldns_wire2pkt(&pkt, wire.data(), wire.size()) != LDNS_STATUS_OK) return parsed;
  parsed.readable = true;
  const std::array<ldns_rr_list*, 3> lists{ldns_pkt_answer(pkt), ldns_pkt_authority(pkt), ldns_pkt_additional(pkt)};
  for (std::size_t s = 0; s < 3; ++s) {
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(lists[s]); ++i) {
      parsed.sections[s].push_back(record_text(ldns_rr_list_rr(lists[s], i)));
    }
  }
  ldns_pkt_free(pkt);
  return parsed;
}

inline bool any_starts_with(const std::vector<std::string>& records, const std::string& start) {
  for (const std::string& r : records) {
    if (r.starts_with(start)) return true;
  }
  return false;
}

// Zones that are served.
class Served {
 public:
  explicit Served(const std::vector<zone::ZoneSource>& sources, services::DnsSettings settings = {}) {
    auto loaded = zone::load_zones(sources);
    if (!loaded) {
      ADD_FAILURE() << loaded.error();
      return;
    }
    snapshot = std::move(loaded->snapshot);
    for (const zone::ZoneWarning& warning : loaded->warnings) warnings.push_back(warning.text);
    zones.current = snapshot.get();
    published = &zones;
    service = std::make_unique<services::DnsZoneService>(settings, published);
    service->begin_burst(0);
  }

  Answer raw(const Message& request, bool udp, Message& answer, bool continuation = false) {
    Message out(kMaxRenderedAnswer);
    const Answer reply = udp ? service->answer_datagram(request, out, RequestContext{})
                             : service->answer(request, out, RequestContext{continuation});
    if (reply.kind == Answer::Kind::answered) {
      answer.assign(out.begin() + (udp ? 0 : 2), out.begin() + static_cast<std::ptrdiff_t>(reply.length));
      EXPECT_LE(reply.length, udp ? std::size_t{65535} : service->largest_answer());
      if (!udp) {
        EXPECT_EQ(load_be<std::uint16_t>(out.data()) + 2U, reply.length);
      }
    }
    return reply;
  }
  Parsed tcp(const std::string& name, std::uint16_t type, const Ask& ask = {}) {
    return whole(query(name, type, ask), false);
  }
  Parsed udp(const std::string& name, std::uint16_t type, const Ask& ask = {}) {
    return whole(query(name, type, ask), true);
  }
  Parsed whole(const Message& request, bool over_udp) {
    Message answer;
    EXPECT_EQ(raw(request, over_udp, answer).kind, Answer::Kind::answered);
    Parsed parsed = parse(answer);
    EXPECT_TRUE(parsed.readable);
    return parsed;
  }

  std::unique_ptr<const zone::ZoneSnapshot> snapshot;
  std::vector<std::string> warnings;
  zone::PublishedZones zones;
  std::atomic<const zone::PublishedZones*> published{nullptr};
  std::unique_ptr<services::DnsZoneService> service;
};

}  // namespace gl::test
