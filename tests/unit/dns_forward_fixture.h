// A client in front of the forwarding service, and what it asks and is told.
// Ownership: the fixture's. Thread: one.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/forward_fixture.h"

namespace gl::test {

inline const Message kQuestion = question("Www.Example.", 1);
inline const Message kAddress = record(pointer_to(12), 1, 300, {192, 0, 2, 1});

inline Message ask(const Message& q = kQuestion, std::uint16_t flags = 0x0100, const Parts& additionals = {}) {
  return message(0x1234, flags, {.questions = {q}, .additionals = additionals});
}
inline Message told(const Message& q = kQuestion, const Parts& answers = {kAddress}, std::uint16_t flags = 0x8580) {
  return message(0x1234, flags, {.questions = {q}, .answers = answers});
}
inline Message edns_error(std::uint16_t info) {
  return opt({}, option(15, {0, static_cast<std::uint8_t>(info)}));
}

class DnsForward : public testing::Test {
 protected:
  const backend::ForwardCounters& counters() { return bench().forwarder.counters(); }
  ForwardBench& bench() {
    if (!bench_) bench_ = std::make_unique<ForwardBench>(settings_);
    return *bench_;
  }
  backend::ForwardSettings settings_ = ForwardBench::pools({"example."});
  Message out_;

 private:
  std::unique_ptr<ForwardBench> bench_;
};

}  // namespace gl::test
