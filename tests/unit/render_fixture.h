// One reply of a backend, kept; one client; what that client gets.
// Ownership: the fixture's. Thread: one.
#pragma once

#include <gtest/gtest.h>

#include "tests/unit/forward_messages.h"

namespace gl::test {

using backend::ClientQuery;
using backend::ForwardSettings;
using backend::KeptReply;
using backend::Rendered;
using backend::Rendering;
using backend::ReplyFault;

inline const Message kQuestion = question("www.example.", 1);
inline const Message kAsked = question("wWw.Example.", 1);
inline Message address(std::uint32_t ttl = 300) {
  return record(pointer_to(12), 1, ttl, {192, 0, 2, 1});
}

class Render : public testing::Test {
 protected:
  static Message ask(const Parts& additionals = {}, std::uint16_t flags = 0x0110) {
    return message(0x1234, flags, {.questions = {kAsked}, .additionals = additionals});
  }
  void keep(const Message& reply, bool verbatim = false) {
    into_.assign(reply.size(), 0);
    ASSERT_EQ(keep_reply(reply, verbatim, into_, kept_), ReplyFault::none);
  }
  Message render(const Message& client, std::size_t room = 65535) {
    client_ = client;
    EXPECT_EQ(parse_client_query(client_, query_), dns::Rcode::noerror);
    std::vector<std::uint8_t> out(room);
    rendered_ = render_reply(kept_, query_, settings_, how_, out);
    EXPECT_LE(rendered_.length, room);
    out.resize(rendered_.length);
    return out;
  }
  static Message reply(const Parts& additionals = {}, std::uint16_t flags = 0x8480) {
    return message(0x5555, flags, {.questions = {kQuestion}, .answers = {address()}, .additionals = additionals});
  }
  // What the client is to get.
  static Message told(const Parts& additionals = {}, std::uint16_t flags = 0x8590) {
    return message(0x1234, flags, {.questions = {kAsked}, .answers = {address()}, .additionals = additionals});
  }
  static Message without_records(const Parts& additionals, std::uint16_t flags) {
    return message(0x1234, flags, {.questions = {kAsked}, .additionals = additionals});
  }

  ForwardSettings settings_;
  Rendering how_;
  std::vector<std::uint8_t> into_;
  Message client_;
  ClientQuery query_;
  KeptReply kept_;
  Rendered rendered_;
};

}  // namespace gl::test
