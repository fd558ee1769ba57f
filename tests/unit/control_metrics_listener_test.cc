// Where metrics are asked for: the flag's value, and the socket.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "lib/control/metrics/listener.h"
#include "lib/control/options/parse_value.h"

namespace gl::control {
namespace {

TEST(ParseListener, AddressAndPort) {
  for (const char* text : {"127.0.0.1:9777", "[::1]:9777", "[2001:db8::1]:1", "0.0.0.0:65535"}) {
    const auto endpoint = parse_listener(text);
    ASSERT_TRUE(endpoint) << endpoint.error();
    EXPECT_EQ(wire::to_text(*endpoint), text);
  }
}

TEST(ParseListener, SaysWhatIsWrong) {
  for (const char* text :
       {"", "9777", ":9777", "localhost:9777", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "::1",
        "[::1]", "[::1]9777", "[127.0.0.1]:9777", "[::1:9777", "127.0.0.1:9777/metrics", "fe80::1%eth0:9777"}) {
    const auto endpoint = parse_listener(text);
    ASSERT_FALSE(endpoint) << text;
    EXPECT_NE(endpoint.error().find(text), std::string::npos) << endpoint.error();
  }
}

Endpoint loopback(std::uint16_t port) {
  return {wire::Ipv4Address{{127, 0, 0, 1}}, port};
}

TEST(Listener, RefusesAPortThatIsInUse) {
  auto first = Listener::open(loopback(0));
  ASSERT_TRUE(first) << first.error();
  const int descriptor = first->release();
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ASSERT_EQ(getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::uint16_t port = ntohs(address.sin_port);
  const auto second = Listener::open(loopback(port));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(),
            "--metrics: cannot listen on 127.0.0.1:" + std::to_string(port) + ": Address already in use");
  close(descriptor);
  EXPECT_TRUE(Listener::open(loopback(port)));
}

TEST(Listener, RefusesAnAddressOfSomebodyElse) {
  const auto listener = Listener::open({wire::Ipv4Address{{192, 0, 2, 1}}, 9777});
  ASSERT_FALSE(listener);
  EXPECT_NE(listener.error().find("192.0.2.1:9777: Cannot assign requested address"), std::string::npos)
      << listener.error();
}

}  // namespace
}  // namespace gl::control
