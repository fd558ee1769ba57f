// ONC RPC: messages, record marking, rpcbind, and who may ask.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/services/onc_rpc/service.h"
#include "tests/first_datagram.h"

namespace gl::onc_rpc {
namespace {

using Wire = std::vector<std::uint8_t>;

Wire words(std::initializer_list<std::uint32_t> values) {
  Wire wire(4 * values.size());
  std::size_t at = 0;
  for (const std::uint32_t value : values) store_be(wire.data() + 4 * at++, value);
  return wire;
}
Wire operator+(Wire a, const Wire& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
Wire string_of(const std::string& text) {
  Wire wire = words({static_cast<std::uint32_t>(text.size())});
  wire.insert(wire.end(), text.begin(), text.end());
  wire.resize(xdr_padded(wire.size()));
  return wire;
}
const Wire kNoAuth = words({0, 0, 0, 0});
Wire call(std::uint32_t program, std::uint32_t version, std::uint32_t procedure, const Wire& arguments = {},
          const Wire& auth = kNoAuth) {
  return words({77, 0, 2, program, version, procedure}) + auth + arguments;
}
Wire success(const Wire& results) {
  return words({77, 1, 0, 0, 0, 0}) + results;
}
Wire accepted(AcceptStat stat) {
  return words({77, 1, 0, 0, 0, static_cast<std::uint32_t>(stat)});
}

struct Bench {
  Bench() {
    shared.allowed = private_networks();
    shared.mappings = &mappings;
    shared.unix_time = 1700000000;
    for (const std::uint32_t version : {4u, 3u, 2u}) {
      for (const Transport transport : {Transport::tcp, Transport::udp}) {
        mappings.add({kRpcbindProgram, version, transport, kRpcbindPort});
      }
    }
    mappings.add({100003, 3, Transport::tcp, 2049});
  }
  Wire udp(const Wire& message, std::uint16_t port = 40000) {
    test::FirstDatagram sink(service.allowance(message.size()));
    Datagram datagram{.peer = peer.data(), .local = local.data(), .address_length = 4};
    datagram.peer_port = port;
    datagram.local_port = kRpcbindPort;
    datagram.payload = message;
    service.receive(datagram, sink);
    EXPECT_LE(sink.sent().size(), 3 * message.size());
    return {sink.sent().begin(), sink.sent().end()};
  }
  // Behind its record mark, which is taken off.
  Wire tcp(const Wire& message) {
    Wire flow(12);
    std::ranges::copy(peer, flow.begin());
    std::ranges::copy(local, flow.begin() + 4);
    RequestContext context;
    context.flow = flow;
    Wire buffer(kMaxRenderedAnswer);
    last = service.answer(message, buffer, context);
    if (last.kind != Answer::Kind::answered) return {};
    EXPECT_EQ(load_be<std::uint32_t>(buffer.data()), 0x80000000u | (last.length - 4));
    return {buffer.begin() + 4, buffer.begin() + static_cast<long>(last.length)};
  }
  std::uint64_t counter(std::string_view name) const {
    struct Reader final : CounterReader {
      void read(std::string_view each, std::uint64_t value, std::string_view) override {
        found += each == wanted ? value : 0;
      }
      std::string_view wanted;
      std::uint64_t found = 0;
    } reader;
    reader.wanted = name;
    service.read_counters(reader);
    return reader.found;
  }

  Mappings mappings;
  OncRpcService::Shared shared;
  Registry registry;
  OncRpcService service{shared, registry};
  std::array<std::uint8_t, 4> peer = {192, 168, 1, 7};
  std::array<std::uint8_t, 4> local = {192, 168, 1, 53};
  Answer last;
};

TEST(OncRpc, Null) {
  Bench bench;
  for (const std::uint32_t version : {2u, 3u, 4u}) {
    EXPECT_EQ(bench.udp(call(100000, version, 0)), success({}));
    EXPECT_EQ(bench.tcp(call(100000, version, 0)), success({}));
  }
  EXPECT_EQ(bench.counter("answered"), 6u);
}

TEST(OncRpc, GetPort) {
  Bench bench;
  const auto port = [&](std::uint32_t program, std::uint32_t version, std::uint32_t protocol) {
    const Wire reply = bench.udp(call(100000, 2, 3, words({program, version, protocol, 0})));
    EXPECT_EQ(reply.size(), 28u);
    return load_be<std::uint32_t>(reply.data() + 24);
  };
  EXPECT_EQ(port(100000, 2, 17), 111u);
  EXPECT_EQ(port(100003, 3, 6), 2049u);
  EXPECT_EQ(port(100003, 4, 6), 2049u);  // it will say itself that it has not this version
  EXPECT_EQ(port(100003, 3, 17), 0u);
  EXPECT_EQ(port(100005, 3, 17), 0u);
  EXPECT_EQ(port(100000, 2, 1), 0u);
  EXPECT_EQ(bench.udp(call(100000, 2, 3, words({1, 2, 3}))), accepted(AcceptStat::garbage_args));
}

TEST(OncRpc, GetAddress) {
  Bench bench;
  const auto ask = [&](std::uint32_t procedure, std::uint32_t version) {
    return call(100000, 4, procedure, words({100003, version}) + string_of("tcp") + string_of("") + string_of("x"));
  };
  EXPECT_EQ(bench.tcp(ask(3, 3)), success(string_of("192.168.1.53.8.1")));
  EXPECT_EQ(bench.tcp(ask(3, 4)), success(string_of("192.168.1.53.8.1")));
  EXPECT_EQ(bench.tcp(ask(9, 4)), success(string_of("")));  // GETVERSADDR
  EXPECT_EQ(bench.udp(ask(3, 3)), success(string_of("")));  // not over this transport
  EXPECT_EQ(bench.tcp(call(100000, 3, 3, words({100003, 3, 300}) + Wire(300))), accepted(AcceptStat::garbage_args));
  EXPECT_EQ(bench.tcp(call(100000, 3, 6)), success(words({1700000000})));
  std::array<char, kMaxUniversalAddress> room;
  const Wire longest(16, 0xff);
  EXPECT_EQ(universal_address(longest, 65535, room), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff.255.255");
}

TEST(OncRpc, DumpOverTcpOnly) {
  Bench bench;
  const Wire reply = bench.tcp(call(100000, 2, 4));
  EXPECT_EQ(reply.size(), 24u + 7 * 20 + 4);
  EXPECT_EQ(Wire(reply.begin() + 24, reply.begin() + 44), words({1, 100000, 4, 6, 111}));
  EXPECT_TRUE(bench.udp(call(100000, 2, 4)).empty());  // more than three times the call
  EXPECT_TRUE(bench.udp(call(100000, 4, 4)).empty());
  EXPECT_EQ(bench.counter("drop_amplification"), 2u);
  EXPECT_FALSE(bench.tcp(call(100000, 4, 4)).empty());
}

TEST(OncRpc, NothingIsForwardedOrTaken) {
  Bench bench;
  for (const auto& [version, procedure] : {std::pair(2u, 5u), {3u, 5u}, {4u, 5u}, {4u, 10u}}) {
    const Wire indirect = call(100000, version, procedure, words({100000, 2, 4, 0}));
    EXPECT_TRUE(bench.udp(indirect).empty());
    EXPECT_TRUE(bench.tcp(indirect).empty());
    EXPECT_EQ(bench.last.kind, Answer::Kind::silent);
  }
  EXPECT_EQ(bench.counter("drop_forward"), 8u);
  for (const std::uint32_t version : {2u, 3u, 4u}) {
    EXPECT_EQ(bench.udp(call(100000, version, 1, words({1, 2, 17, 9}))), success(words({0})));
    EXPECT_EQ(bench.udp(call(100000, version, 2, words({100000, 2, 17, 0}))), success(words({0})));
  }
  EXPECT_EQ(bench.mappings.entries().size(), 7u);
}

TEST(OncRpc, WhatIsNotThere) {
  Bench bench;
  EXPECT_EQ(bench.udp(call(100003, 3, 0)), accepted(AcceptStat::prog_unavail));
  for (const std::uint32_t version : {0u, 1u, 5u}) {
    EXPECT_EQ(bench.udp(call(100000, version, 0)), accepted(AcceptStat::prog_mismatch) + words({2, 4}));
  }
  EXPECT_EQ(bench.udp(call(100000, 2, 6)), accepted(AcceptStat::proc_unavail));
  EXPECT_EQ(bench.udp(call(100000, 4, 12)), accepted(AcceptStat::proc_unavail));
  Wire other = call(100000, 2, 0);
  other[11] = 3;
  EXPECT_EQ(bench.udp(other), words({77, 1, 1, 0, 2, 2}));
}

TEST(OncRpc, Authentication) {
  Bench bench;
  const auto sys = [](std::uint32_t groups, std::size_t name) {
    Wire body = words({1}) + string_of(std::string(name, 'h')) + words({0, 0, groups}) + Wire(4 * groups);
    return words({1, static_cast<std::uint32_t>(body.size())}) + body + words({0, 0});
  };
  const auto denied = [](AuthStat why) { return words({77, 1, 1, 1, static_cast<std::uint32_t>(why)}); };
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, sys(0, 0))), success({}));
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, sys(16, 255))), success({}));
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, sys(17, 3))), denied(AuthStat::bad_cred));
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, sys(1, 256))), denied(AuthStat::bad_cred));
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, words({1, 4, 0, 0, 0}))), denied(AuthStat::bad_cred));
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, words({6, 0, 0, 0}))), denied(AuthStat::rejected_cred));
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, words({0, 404}) + Wire(404) + words({0, 0}))), denied(AuthStat::bad_cred));
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, words({0, 0, 0, 404}) + Wire(404))), denied(AuthStat::bad_verf));
  EXPECT_EQ(bench.udp(call(100000, 2, 0, {}, words({0, 400}) + Wire(400) + words({0, 400}) + Wire(400))), success({}));
  EXPECT_EQ(bench.counter("auth_errors"), 6u);
}

TEST(OncRpc, WhatIsNeverAnswered) {
  Bench bench;
  const Wire good = call(100000, 2, 0);
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_TRUE(bench.udp({good.begin(), good.begin() + static_cast<long>(length)}).empty()) << length;
  }
  EXPECT_TRUE(bench.udp(success({})).empty());  // our own reply
  EXPECT_TRUE(bench.udp(words({77, 2, 2, 0, 0, 0, 0, 0, 0, 0})).empty());
  EXPECT_EQ(bench.counter("drop_not_a_call"), 2u);
  EXPECT_TRUE(bench.udp(good, 7).empty());
  EXPECT_TRUE(bench.udp(good, 511).empty());
  EXPECT_FALSE(bench.udp(good, 512).empty());  // rpcinfo of root
  bench.peer = {192, 0, 2, 1};
  EXPECT_TRUE(bench.udp(good).empty());
  EXPECT_TRUE(bench.tcp(good).empty());
  EXPECT_EQ(bench.last.kind, Answer::Kind::malformed);
  EXPECT_EQ(bench.counter("drop_not_allowed"), 2u);
}

TEST(OncRpc, Records) {
  Bench bench;
  using Kind = Framed::Kind;
  const auto next = [&](const Wire& stream, bool consumed = false) {
    return bench.service.next_request(stream, consumed);
  };
  const Wire message = call(100000, 2, 3, words({100000, 2, 17, 0}));
  const Wire mark = words({kLastFragment | static_cast<std::uint32_t>(message.size())});
  const Wire stream = mark + message + mark;
  EXPECT_EQ(next({}).kind, Kind::incomplete);
  EXPECT_EQ(next({0x80, 0}).kind, Kind::incomplete);
  EXPECT_EQ(next(mark).kind, Kind::prefix_only);
  EXPECT_EQ(next({stream.begin(), stream.begin() + 30}).kind, Kind::incomplete);
  EXPECT_EQ(next(stream).kind, Kind::complete);
  EXPECT_EQ(next(stream).consumed, 4 + message.size());
  EXPECT_EQ(next(message + mark, true).kind, Kind::complete);
  EXPECT_EQ(next(message + mark, true).consumed, message.size());
  EXPECT_EQ(next({message.begin(), message.end() - 1}, true).kind, Kind::incomplete);
  EXPECT_EQ(bench.counter("drop_record"), 0u);
  EXPECT_EQ(next(words({static_cast<std::uint32_t>(message.size())}) + message).kind, Kind::malformed);
  EXPECT_EQ(next(words({kLastFragment | 2049})).kind, Kind::malformed);
  EXPECT_EQ(next(words({kLastFragment})).kind, Kind::malformed);
  EXPECT_EQ(next(call(100003, 3, 0), true).kind, Kind::malformed);  // how long it is nobody knows
  EXPECT_EQ(bench.counter("drop_record"), 4u);
}

TEST(OncRpc, Networks) {
  const auto has = [](const char* network, std::initializer_list<std::uint8_t> address) {
    return parse_network(network)->has(Wire(address));
  };
  EXPECT_TRUE(has("10.0.0.0/8", {10, 255, 0, 1}));
  EXPECT_FALSE(has("10.0.0.0/8", {11, 0, 0, 1}));
  EXPECT_TRUE(has("172.16.0.0/12", {172, 31, 0, 1}));
  EXPECT_FALSE(has("172.16.0.0/12", {172, 32, 0, 1}));
  EXPECT_TRUE(has("0.0.0.0/0", {1, 2, 3, 4}));
  EXPECT_TRUE(has("1.2.3.4", {1, 2, 3, 4}));
  EXPECT_FALSE(has("1.2.3.4", {1, 2, 3, 5}));
  EXPECT_FALSE(has("::/0", {1, 2, 3, 4}));
  for (const char* text : {"", "/8", "1.2.3/8", "1.2.3.4/33", "1.2.3.4/", "::1/129", "x"})
    EXPECT_FALSE(parse_network(text)) << text;
}

}  // namespace
}  // namespace gl::onc_rpc
