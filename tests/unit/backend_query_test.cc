// What a backend is asked.
#include <gtest/gtest.h>

#include "lib/backend/client_subnet.h"
#include "lib/backend/proxy_v2.h"
#include "tests/unit/forward_messages.h"

namespace {

using namespace gl;
using namespace gl::backend;
using namespace gl::test;

const Message kQuestion = question("WwW.Example.", 1);

class BackendQuery : public testing::Test {
 protected:
  // Written into exactly as much room as it takes, and refused by any less.
  Message write(const Message& m, const Outgoing& how) {
    ClientQuery query;
    EXPECT_EQ(parse_client_query(m, query), dns::Rcode::noerror);
    Message out(4096);
    const std::size_t length = write_backend_query(query, settings_, how, out);
    for (std::size_t room = 0; room < length; ++room) {
      std::vector<std::uint8_t> tight(room);
      EXPECT_EQ(write_backend_query(query, settings_, how, tight), 0U) << room;
    }
    out.resize(length);
    return out;
  }
  static Message ask(const Parts& additionals, std::uint16_t flags = 0x0100) {
    return message(0x1234, flags, {.questions = {kQuestion}, .additionals = additionals});
  }
  static Message asked(const Parts& additionals, std::uint16_t flags = 0x0100) {
    return message(0xabcd, flags, {.questions = {kQuestion}, .additionals = additionals});
  }
  ForwardSettings settings_;
  Outgoing how_{.id = 0xabcd, .payload = 4096};
};

TEST_F(BackendQuery, EdnsIsAdded) {
  EXPECT_EQ(write(ask({}), how_), asked({opt({.payload = 4096})}));
}

TEST_F(BackendQuery, EdnsIsRaised) {
  const Message cookie = option(10, bytes_of("12345678"));
  const Message options = joined(joined(option(11, {}), cookie), option(12, Message(20, 0)));
  EXPECT_EQ(write(ask({opt({.payload = 512, .dnssec = true}, options)}), how_),
            asked({opt({.payload = 4096, .dnssec = true}, cookie)}));
}

TEST_F(BackendQuery, FlagsThatAQuestionMayHave) {
  EXPECT_EQ(write(ask({}, 0x07f0), how_), asked({opt({.payload = 4096})}, 0x0130));
  EXPECT_EQ(write(ask({}, 0x0000), how_), asked({opt({.payload = 4096})}, 0x0000));
}

TEST_F(BackendQuery, OtherRecordsAreKept) {
  const Message a = record(pointer_to(12), 1, 60, {192, 0, 2, 1});
  EXPECT_EQ(write(ask({a}), how_), asked({a, opt({.payload = 4096})}));
  EXPECT_EQ(write(ask({a, opt({})}), how_), asked({a, opt({.payload = 4096})}));
  EXPECT_EQ(write(ask({opt({}), a}), how_), asked({a, opt({.payload = 4096})}));
}

TEST_F(BackendQuery, SignedMessagesAreNotTouched) {
  settings_.ecs_v4 = 24;
  const Message flow = flow_v4();
  how_.flow = flow;
  const Message in_full = opt({}, joined(option(11, {}), option(12, {1})));
  EXPECT_EQ(write(ask({in_full, tsig()}, 0x01c0), how_), asked({in_full, tsig()}, 0x01c0));
  EXPECT_EQ(write(ask({tsig()}), how_), asked({tsig()}));
}

TEST_F(BackendQuery, NotifyUpdateTransfer) {
  const Message zone = question("Example.", 6);
  for (const std::uint16_t flags : std::array<std::uint16_t, 2>{0x2400, 0x2800}) {
    EXPECT_EQ(write(message(1, flags, {.questions = {zone}}), how_), message(0xabcd, flags, {.questions = {zone}}));
  }
  const Message axfr = question("Example.", 252);
  EXPECT_EQ(write(message(1, 0, {.questions = {axfr}}), how_), message(0xabcd, 0, {.questions = {axfr}}));
  // What is between the client and us stays there.
  const Message in = opt({.payload = 1400}, joined(option(11, {}), option(3, {})));
  EXPECT_EQ(write(message(1, 0, {.questions = {axfr}, .additionals = {in}}), how_),
            message(0xabcd, 0, {.questions = {axfr}, .additionals = {opt({.payload = 1400}, option(3, {}))}}));
}

TEST_F(BackendQuery, ClientSubnet) {
  settings_.ecs_v4 = 22;
  settings_.ecs_v6 = 56;
  const Message v4 = {192, 0, 0xff, 99, 192, 0, 2, 53, 0x12, 0x34, 0, 53};
  how_.flow = v4;
  EXPECT_EQ(write(ask({}), how_), asked({opt({.payload = 4096}, option(8, {0, 1, 22, 0, 192, 0, 0xfc}))}));
  const Message cookie = option(10, Message(8, 1));
  const Message ours = option(8, {0, 1, 22, 0, 192, 0, 0xfc});
  EXPECT_EQ(write(ask({opt({}, cookie)}), how_), asked({opt({.payload = 4096}, joined(cookie, ours))}));
  const Message v6 = flow_v6();
  how_.flow = v6;
  EXPECT_EQ(write(ask({}), how_),
            asked({opt({.payload = 4096}, option(8, {0, 2, 56, 0, 0x20, 1, 0x0d, 0xb8, 0xaa, 0xbb, 0xcc}))}));
}

TEST_F(BackendQuery, TheClientsOwnSubnetWins) {
  settings_.ecs_v4 = 24;
  const Message flow = flow_v4();
  how_.flow = flow;
  const Message own = option(8, {0, 1, 0, 0});
  const Message m = ask({opt({}, own)});
  EXPECT_EQ(write(m, how_), asked({opt({.payload = 4096}, own)}));
  ClientQuery query;
  EXPECT_EQ(parse_client_query(m, query), dns::Rcode::noerror);
  EXPECT_FALSE(adds_subnet(query, settings_, flow));
  const Message without = ask({});
  EXPECT_EQ(parse_client_query(without, query), dns::Rcode::noerror);
  EXPECT_TRUE(adds_subnet(query, settings_, flow));
  const Message with_mac = ask({tsig()});
  EXPECT_EQ(parse_client_query(with_mac, query), dns::Rcode::noerror);
  EXPECT_FALSE(adds_subnet(query, settings_, flow));
  EXPECT_EQ(parse_client_query(without, query), dns::Rcode::noerror);
  EXPECT_FALSE(adds_subnet(query, settings_, flow_v6()));
  EXPECT_FALSE(adds_subnet(query, settings_, {}));
}

TEST_F(BackendQuery, WholeAddressesAsSubnets) {
  settings_.ecs_v4 = 200;  // no more bits than there are
  const Message flow = flow_v4();
  how_.flow = flow;
  EXPECT_EQ(write(ask({}), how_), asked({opt({.payload = 4096}, option(8, {0, 1, 32, 0, 192, 0, 2, 99}))}));
}

TEST_F(BackendQuery, ProxyHeader) {
  const Message signature{0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
  how_.proxy = true;
  const Message v4 = flow_v4();
  how_.flow = v4;
  const Message after = asked({opt({.payload = 4096})});
  EXPECT_EQ(write(ask({}), how_), joined(joined(joined(signature, {0x21, 0x12, 0, 12}), v4), after));
  const Message v6 = flow_v6();
  how_.flow = v6;
  EXPECT_EQ(write(ask({}), how_), joined(joined(joined(signature, {0x21, 0x22, 0, 36}), v6), after));
  how_.flow = {};
  EXPECT_TRUE(write(ask({}), how_).empty());
  Message room(100);
  EXPECT_EQ(write_proxy_v2(Message(13, 0), room), 0U);
}

TEST_F(BackendQuery, HealthCheck) {
  settings_.health_name = wire_name("health.example.");
  settings_.health_type = 6;
  const Message expected = message(77, 0, {.questions = {question("health.example.", 6)}});
  std::vector<std::uint8_t> out(expected.size());
  EXPECT_EQ(write_health_query(settings_, 77, out), expected.size());
  EXPECT_EQ(out, expected);
  for (std::size_t room = 0; room < expected.size(); ++room) {
    std::vector<std::uint8_t> tight(room);
    EXPECT_EQ(write_health_query(settings_, 77, tight), 0U);
  }
}

}  // namespace
