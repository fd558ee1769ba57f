// By which port, address and next hop each backend is reached, and the line that says why one is not.
#include <gtest/gtest.h>

#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "lib/control/start/routes.h"

namespace gl::control {
namespace {

wire::IpAddress ip(const std::string& text) {
  wire::Ipv4Address v4;
  if (inet_pton(AF_INET, text.c_str(), v4.bytes.data()) == 1) return v4;
  wire::Ipv6Address v6;
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), v6.bytes.data()), 1) << text;
  return v6;
}

struct Given : Settings {
  std::vector<std::uint16_t> ports{0};
  Given& address(const std::string& text, std::optional<std::uint8_t> length = {},
                 std::optional<std::uint16_t> port = {}) {
    addresses.push_back({ip(text), port, length});
    return *this;
  }
  Given& gateway(const std::string& text, std::optional<std::uint16_t> port = {}) {
    gateways.push_back({ip(text), port, {}});
    return *this;
  }
  Given& source(const std::string& text) {
    forward_source.push_back({ip(text), {}, {}});
    return *this;
  }
  Given& backend(const std::string& text, std::optional<std::uint16_t> port = {}) {
    backend::BackendSettings settings;
    settings.name = text;
    settings.address = ip(text);
    settings.dpdk_port = port;
    forward.backends.push_back(settings);
    return *this;
  }
  // "interface source next-hop", or the error.
  [[nodiscard]] std::string route() const {
    const auto routes = find_routes(*this, ports);
    if (!routes) return routes.error();
    const Route& route = routes->at(0);
    return std::to_string(route.interface) + " " + text(route.source) + " " + text(route.next_hop);
  }
  static std::string text(const wire::IpAddress& address) {
    char room[INET6_ADDRSTRLEN];
    return std::visit(
        [&](const auto& a) {
          return inet_ntop(a.bytes.size() == 4 ? AF_INET : AF_INET6, a.bytes.data(), room, sizeof room);
        },
        address);
  }
};

TEST(Routes, WithoutLengthsAndGatewaysEverybodyIsOnTheLink) {
  EXPECT_EQ(Given().address("192.0.2.1").backend("198.51.100.9").route(), "0 192.0.2.1 198.51.100.9");
  EXPECT_EQ(Given().address("2001:db8::1").backend("2001:db8:9::9").route(), "0 2001:db8::1 2001:db8:9::9");
}

TEST(Routes, WithAGatewayANetworkIsOfTheUsualLength) {
  Given v4;
  v4.address("192.0.2.1").gateway("192.0.2.254");
  EXPECT_EQ(Given(v4).backend("192.0.2.9").route(), "0 192.0.2.1 192.0.2.9");
  EXPECT_EQ(Given(v4).backend("192.0.3.9").route(), "0 192.0.2.1 192.0.2.254");
  Given v6;
  v6.address("2001:db8::1").gateway("fe80::1");
  EXPECT_EQ(Given(v6).backend("2001:db8::9").route(), "0 2001:db8::1 2001:db8::9");
  EXPECT_EQ(Given(v6).backend("2001:db8:0:1::9").route(), "0 2001:db8::1 fe80::1");
}

TEST(Routes, AGivenLengthCounts) {
  Given given;
  given.address("10.0.0.1", 30).gateway("10.0.0.2");
  EXPECT_EQ(Given(given).backend("10.0.0.3").route(), "0 10.0.0.1 10.0.0.3");
  EXPECT_EQ(Given(given).backend("10.0.0.4").route(), "0 10.0.0.1 10.0.0.2");
  EXPECT_EQ(Given().address("10.0.0.1", 30).backend("10.0.0.4").route(),
            "--forward 10.0.0.4: it is on no network of an --address, and there is no --gateway");
  EXPECT_EQ(Given().address("10.0.0.1", 0).backend("1.2.3.4").route(), "0 10.0.0.1 1.2.3.4");
}

TEST(Routes, TheSourceIsOfTheNextHopsNetworkOrAsWished) {
  Given given;
  given.address("192.0.2.1", 24).address("198.51.100.1", 24).gateway("198.51.100.254");
  EXPECT_EQ(Given(given).backend("198.51.100.9").route(), "0 198.51.100.1 198.51.100.9");
  EXPECT_EQ(Given(given).backend("203.0.113.9").route(), "0 198.51.100.1 198.51.100.254");
  EXPECT_EQ(Given(given).backend("192.0.2.9").route(), "0 192.0.2.1 192.0.2.9");
  EXPECT_EQ(Given(given).source("192.0.2.1").backend("203.0.113.9").route(), "0 192.0.2.1 198.51.100.254");
  EXPECT_EQ(Given(given).source("192.0.2.7").backend("203.0.113.9").route(),
            "--forward 203.0.113.9: it is on no network of an --address, or --forward-source is no --address there");
}

TEST(Routes, TheBestOfSeveralPorts) {
  Given given;
  given.ports = {4, 7};  // their ids are not their indexes
  given.address("192.0.2.1", 24, 4).address("198.51.100.1", 24, 7).gateway("198.51.100.254", 7);
  EXPECT_EQ(Given(given).backend("192.0.2.9").route(), "0 192.0.2.1 192.0.2.9");
  EXPECT_EQ(Given(given).backend("203.0.113.9").route(), "1 198.51.100.1 198.51.100.254");
  Given vague;
  vague.ports = {0, 1};
  vague.address("192.0.2.1").backend("192.0.2.9");
  EXPECT_EQ(vague.route(), "--forward 192.0.2.9: several DPDK ports lead there: say which (ADDRESS:PORT@DPDKPORT)");
  vague.forward.backends[0].dpdk_port = 1;
  EXPECT_EQ(vague.route(), "1 192.0.2.1 192.0.2.9");
}

TEST(Routes, AGatewayWithoutPortIsWhereItsNetworkIs) {
  Given given;
  given.ports = {0, 1};
  given.address("192.0.2.1", {}, 0).address("10.0.0.1", {}, 1).gateway("10.0.0.254");
  EXPECT_EQ(Given(given).backend("203.0.113.9").route(), "1 10.0.0.1 10.0.0.254");
  EXPECT_EQ(Given(given).backend("10.0.0.9").route(), "1 10.0.0.1 10.0.0.9");
}

TEST(Routes, Errors) {
  EXPECT_EQ(Given().address("192.0.2.1").backend("2001:db8::9").route(),
            "--forward 2001:db8::9: there is no --address of IPv6 to ask it from");
  EXPECT_EQ(Given().address("192.0.2.1", {}, 0).backend("192.0.2.9", 3).route(),
            "--forward 192.0.2.9: there is no DPDK port 3");
  EXPECT_EQ(Given().address("192.0.2.1").backend("192.0.2.1").route(),
            "--forward 192.0.2.1: it is an --address of ours");
  EXPECT_EQ(Given().address("192.0.2.1").gateway("10.0.0.1").backend("192.0.2.9").route(),
            "--gateway 10.0.0.1: no --address has it in its network (write it as ADDRESS/LENGTH)");
  EXPECT_EQ(Given().address("192.0.2.1").gateway("10.0.0.1", 0).backend("192.0.2.9").route(),
            "--gateway 10.0.0.1: no --address on DPDK port 0 has it in its network (write it as ADDRESS/LENGTH)");
  EXPECT_EQ(Given().address("192.0.2.1").gateway("192.0.2.2", 5).backend("192.0.2.9").route(),
            "--gateway 192.0.2.2: there is no DPDK port 5");
  EXPECT_EQ(Given().address("192.0.2.1").gateway("192.0.2.2").gateway("192.0.2.3").backend("192.0.2.9").route(),
            "--gateway 192.0.2.3: DPDK port 0 has 192.0.2.2 already");
}

}  // namespace
}  // namespace gl::control
