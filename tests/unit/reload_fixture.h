// A server whose zone files are read again and again: what it answers, and what it goes on with.
// Ownership: cleans up after itself. Thread: one. Time: seconds, by hand.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/control/zones/zone_store.h"
#include "tests/unit/dns_test_support.h"

namespace gl::test {

inline constexpr std::uint32_t kLinger = 120;

class Reloaded {
 public:
  // As many zone files as there are texts; the origin is that of the SOA.
  explicit Reloaded(const std::vector<std::string>& texts) {
    std::vector<zone::ZoneSource> sources;
    for (const std::string& text : texts) {
      files_.push_back(std::make_unique<TempFile>(text));
      sources.push_back({files_.back()->path(), ""});
    }
    store = std::make_unique<control::ZoneStore>(sources, kLinger, published, [this] { ++quiesced; });
    service = std::make_unique<services::DnsZoneService>(services::DnsSettings{}, published);
    read_again();
  }

  void write(const std::string& text, std::size_t file = 0) {
    std::ofstream(files_[file]->path(), std::ios::binary) << text;
  }
  void read_again() {
    const auto loaded = store->load(now);
    ASSERT_TRUE(loaded) << loaded.error();
    service->begin_burst(0);
  }
  void load(const std::string& text, std::size_t file = 0) {
    write(text, file);
    read_again();
  }
  void pass(std::uint64_t seconds) {
    now += seconds;
    store->tick(now);
    service->begin_burst(0);
  }

  struct Given {
    Message bytes;
    std::uint32_t identity = 0;
  };
  // A fresh question. It always has an answer, and that has an identity.
  Given ask(const Message& request) {
    const auto given = reply(request, {});
    EXPECT_TRUE(given);
    if (!given) return {};
    EXPECT_NE(given->identity, 0U);
    return *given;
  }
  Given ask(const std::string& name, std::uint16_t type, bool dnssec = false) {
    return ask(query(name, type, {.dnssec = dnssec}));
  }
  // The rest of an answer that was begun; nothing: it is reset.
  std::optional<Message> go_on(const Message& request, std::uint32_t identity) {
    const auto given = reply(request, {.continuation = true, .identity = identity});
    if (!given) return std::nullopt;
    if (identity != 0) {
      EXPECT_EQ(given->identity, identity);
    }
    return given->bytes;
  }
  std::optional<Message> go_on(const std::string& name, std::uint16_t type, std::uint32_t identity = 0,
                               bool dnssec = false) {
    return go_on(query(name, type, {.dnssec = dnssec}), identity);
  }

  std::uint64_t now = 1000;
  int quiesced = 0;
  std::atomic<const zone::PublishedZones*> published{nullptr};
  std::unique_ptr<control::ZoneStore> store;
  std::unique_ptr<services::DnsZoneService> service;

 private:
  std::optional<Given> reply(const Message& request, const RequestContext& context) {
    Message out(kMaxRenderedAnswer);
    const Answer reply = service->answer(request, out, context);
    if (reply.kind != Answer::Kind::answered) {
      EXPECT_EQ(reply.kind, Answer::Kind::unrepeatable);
      return std::nullopt;
    }
    EXPECT_EQ(load_be<std::uint16_t>(out.data()) + 2U, reply.length);
    EXPECT_LE(reply.length, service->largest_answer());
    return Given{Message(out.begin() + 2, out.begin() + static_cast<std::ptrdiff_t>(reply.length)), reply.identity};
  }

  std::vector<std::unique_ptr<TempFile>> files_;
};

}  // namespace gl::test
