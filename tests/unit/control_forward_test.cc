// --forward and what belongs to it: what each flag sets, and that a wrong value says what is allowed.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "lib/control/options/command_line.h"
#include "lib/control/options/parse_forward.h"
#include "lib/control/options/parse_value.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

using Arguments = std::vector<std::string>;
using Wire = std::vector<std::uint8_t>;

Result<CommandLine> parse(const Arguments& flags) {
  Arguments all = {"goldilocks", "-l", "0,1", "--", "--address", "192.0.2.1"};
  all.insert(all.end(), flags.begin(), flags.end());
  return parse_command_line(all);
}
Result<CommandLine> parse_more(Arguments flags) {
  flags.insert(flags.begin(), {"--forward", "192.0.2.2"});
  return parse(flags);
}
std::string error_of(const Result<CommandLine>& line) {
  return line.ok() ? "" : line.error();
}
wire::IpAddress ip(const std::string& text) {
  return ip_from_text(text).value();
}
Wire name(const std::string& text) {
  return *zone::name_from_text(text);
}

TEST(Forward, DefaultsOfOneBackend) {
  const auto line = parse({"--forward", "192.0.2.2", "--max-udp=1400", "--epoch=60"});
  ASSERT_TRUE(line) << error_of(line);
  const backend::ForwardSettings& f = line->settings.forward;
  ASSERT_EQ(f.backends.size(), 1u);
  const backend::BackendSettings& b = f.backends[0];
  EXPECT_EQ(b.name, "192.0.2.2:53");
  EXPECT_EQ(b.address, ip("192.0.2.2"));
  EXPECT_TRUE(b.port == 53 && b.weight == 1 && !b.dpdk_port && !b.proxy && b.tcp && !b.tcp_address && b.tcp_port == 0);
  ASSERT_EQ(f.pools.size(), 1u);
  EXPECT_EQ(f.pools[0].suffix, Wire{0});
  EXPECT_EQ(f.pools[0].backends, std::vector<unsigned>{0});
  EXPECT_TRUE(f.timeout_ms == 800 && f.tries == 2 && f.slots == 4096 && f.waiting == 8192 && f.store_mb == 32);
  EXPECT_TRUE(f.keep_ms == 10000 && f.serve_s == 0 && f.payload == 0 && f.health_interval_ms == 1000);
  EXPECT_TRUE(f.health_name == Wire{0} && f.health_type == 2 && f.health_failures == 3);
  EXPECT_TRUE(!f.pass_transfers && !f.pass_updates && !f.pass_notifies && f.ecs_v4 == 0 && f.ecs_v6 == 0);
  EXPECT_EQ(f.max_udp, 1400);
  EXPECT_EQ(f.tcp_keepalive, promised_idle(60));
}

TEST(Forward, EveryPartOfABackend) {
  const auto line = parse(
      {"--forward", "Example.org=[2001:db8::2]:5300@3,weight=7,proxy,tcp=[2001:db8::3]:5353,name=east-1",
       "--forward=192.0.2.2:1,tcp=off", "--forward=2001:db8::4,tcp=127.0.0.1", "--forward=[2001:db8::5]@0,tcp=::1"});
  ASSERT_TRUE(line) << error_of(line);
  const auto& b = line->settings.forward.backends;
  ASSERT_EQ(b.size(), 4u);
  EXPECT_EQ(b[0].address, ip("2001:db8::2"));
  EXPECT_TRUE(b[0].port == 5300 && b[0].dpdk_port == 3 && b[0].weight == 7 && b[0].proxy && b[0].tcp);
  EXPECT_TRUE(b[0].tcp_address == ip("2001:db8::3") && b[0].tcp_port == 5353 && b[0].name == "east-1");
  EXPECT_TRUE(b[1].port == 1 && !b[1].tcp && b[1].name == "192.0.2.2:1");
  EXPECT_TRUE(b[2].address == ip("2001:db8::4") && b[2].port == 53 && b[2].name == "[2001:db8::4]:53");
  EXPECT_TRUE(b[2].tcp_address == ip("127.0.0.1") && b[2].tcp_port == 0);
  EXPECT_TRUE(b[3].address == ip("2001:db8::5") && b[3].dpdk_port == 0 && b[3].tcp_address == ip("::1"));
  const auto& pools = line->settings.forward.pools;
  ASSERT_EQ(pools.size(), 2u);
  EXPECT_EQ(pools[0].suffix, (Wire{7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0}));
  EXPECT_EQ(pools[1].backends, (std::vector<unsigned>{1, 2, 3}));
}

TEST(Forward, TheSameSuffixMakesAPool) {
  const auto line = parse({"--forward=example.=192.0.2.2", "--forward=192.0.2.3", "--forward=EXAMPLE=192.0.2.4",
                           "--forward=.=192.0.2.2:53"});
  ASSERT_TRUE(line) << error_of(line);
  const backend::ForwardSettings& f = line->settings.forward;
  EXPECT_EQ(f.backends.size(), 3u);  // 192.0.2.2 is one backend of two pools
  ASSERT_EQ(f.pools.size(), 2u);
  EXPECT_EQ(f.pools[0].suffix, name("example."));
  EXPECT_EQ(f.pools[0].backends, (std::vector<unsigned>{0, 2}));
  EXPECT_EQ(f.pools[1].suffix, Wire{0});
  EXPECT_EQ(f.pools[1].backends, (std::vector<unsigned>{1, 0}));
}

TEST(Forward, ABackendOfTwoPoolsHasOneSetOfSettings) {
  EXPECT_TRUE(parse({"--forward=a.=192.0.2.2,weight=2,name=x", "--forward=b.=192.0.2.2,name=x,weight=2"}));
  for (const char* const other : {"weight=2", "proxy", "tcp=off", "tcp=192.0.2.9", "name=x"}) {
    const auto line = parse({"--forward=a.=192.0.2.2", std::string("--forward=b.=192.0.2.2,") + other});
    EXPECT_TRUE(error_of(line).starts_with("--forward: '")) << other;
    EXPECT_TRUE(error_of(line).ends_with(
        "was given before, with other settings, as '192.0.2.2:53': one address and port is one backend"))
        << error_of(line);
  }
  EXPECT_EQ(error_of(parse({"--forward=a.=192.0.2.2@0", "--forward=b.=192.0.2.2@1"})),
            "--forward: '192.0.2.2:53' was given before, with other settings, as '192.0.2.2:53': one address and port "
            "is one backend");
  EXPECT_TRUE(parse({"--forward=192.0.2.2", "--forward=192.0.2.2:5300"}));  // two backends
}

TEST(Forward, SuffixesAreNamesWithEscapes) {
  const struct {
    const char* written;
    Wire wire;
  } cases[] = {
      {".", {0}},
      {"A.bC", {1, 'a', 2, 'b', 'c', 0}},
      {R"(a\.b.)", {3, 'a', '.', 'b', 0}},
      {R"(\000\255.x.)", {2, 0, 255, 1, 'x', 0}},
      {R"(a\=b.)", {3, 'a', '=', 'b', 0}},
      {R"(a\,b\061.)", {4, 'a', ',', 'b', '=', 0}},
      {R"(a\\.b.)", {2, 'a', '\\', 1, 'b', 0}},
      {"0/25.2.0.192.in-addr.arpa.", {4,   '0', '/', '2', '5', 1,   '2', 1, '0', 3,   '1', '9', '2', 7,
                                      'i', 'n', '-', 'a', 'd', 'd', 'r', 4, 'a', 'r', 'p', 'a', 0}},
  };
  for (const auto& c : cases) {
    const auto line = parse({std::string("--forward=") + c.written + "=192.0.2.2"});
    ASSERT_TRUE(line) << error_of(line);
    EXPECT_EQ(line->settings.forward.pools[0].suffix, c.wire) << c.written;
  }
  const std::string label(63, 'x');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'x') + ".";
  EXPECT_EQ(name(longest).size(), 255u);
  for (const std::string& bad : {std::string("a..b."), std::string(".a"), label + "x.", longest + "x.", std::string(),
                                 std::string("a\\256."), std::string("a\\1"), std::string("a\\")}) {
    EXPECT_FALSE(zone::name_from_text(bad)) << bad;
  }
}

TEST(Forward, WrongBackends) {
  const struct {
    const char* value;
    const char* message;
  } cases[] = {
      {"", "'' is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT)"},
      {"localhost", "'localhost' is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT)"},
      {"192.0.2.2:", "port in '192.0.2.2:': '' is not a number from 1 to 65535"},
      {"192.0.2.2:0", "port in '192.0.2.2:0': '0' is not a number from 1 to 65535"},
      {"192.0.2.2:65536", "port in '192.0.2.2:65536': '65536' is not a number from 1 to 65535"},
      {"192.0.2.2/24", "'192.0.2.2/24' is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT)"},
      {"[192.0.2.2]:53", "'[192.0.2.2]:53' is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT)"},
      {"[2001:db8::1", "'[2001:db8::1' is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT)"},
      {"[2001:db8::1]53", "'[2001:db8::1]53' is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT)"},
      {"[2001:db8::1]:x", "port in '[2001:db8::1]:x': 'x' is not a number from 1 to 65535"},
      {"127.0.0.1", "'127.0.0.1' is not a unicast IPv4 or IPv6 address: a backend is reached through a DPDK port"},
      {"[ff02::1]:53",
       "'[ff02::1]:53' is not a unicast IPv4 or IPv6 address: a backend is reached through a DPDK port"},
      {"192.0.2.2@32", "DPDK port after @ in '192.0.2.2@32': '32' is not a number from 0 to 31"},
      {"192.0.2.2@", "DPDK port after @ in '192.0.2.2@': '' is not a number from 0 to 31"},
      {"a..b=192.0.2.2", "'a..b' is not a domain name (SUFFIX=ADDRESS)"},
      {"=192.0.2.2", "'' is not a domain name (SUFFIX=ADDRESS)"},
      {"192.0.2.2,", "'192.0.2.2,': nothing stands behind the last comma"},
      {"192.0.2.2,proxy=1", "'proxy=1' is none of weight=N, proxy, tcp=off, tcp=ADDRESS[:PORT], name=TEXT"},
      {"192.0.2.2,weight", "'weight' is none of weight=N, proxy, tcp=off, tcp=ADDRESS[:PORT], name=TEXT"},
      {"192.0.2.2,weight=0", "weight=: '0' is not a number from 1 to 1000"},
      {"192.0.2.2,tcp=on", "tcp=: 'on' is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT), or off"},
      {"192.0.2.2,tcp=fe80::1", "tcp=: 'fe80::1' is link-local: the kernel lacks the link"},
      {"fe80::1", "'fe80::1' is link-local: tcp=off or tcp=ADDRESS is needed, the kernel lacks the link"},
      {"192.0.2.2,name=", "name=: '' is not 1 to 63 letters, digits and any of -_.:[], not digits alone"},
      {"192.0.2.2,name=a b", "name=: 'a b' is not 1 to 63 letters, digits and any of -_.:[], not digits alone"},
      {"192.0.2.2,name=17", "name=: '17' is not 1 to 63 letters, digits and any of -_.:[], not digits alone"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(error_of(parse({"--forward", c.value})), std::string("--forward: ") + c.message);
  EXPECT_TRUE(parse({"--forward=fe80::1@0,tcp=off"}));
  EXPECT_TRUE(parse({"--forward=fec0::1"}));  // beyond fe80::/10
  EXPECT_FALSE(parse({"--forward=febf::1"}));
  EXPECT_EQ(error_of(parse({"--forward=192.0.2.2", "--forward=192.0.2.2"})),
            "--forward: '192.0.2.2:53' was given before for the same suffix");
  EXPECT_EQ(error_of(parse({"--forward=192.0.2.2,name=x", "--forward=192.0.2.3,name=x"})),
            "--forward: name 'x' is another backend's");
}

TEST(Forward, NoMoreThanThereIsRoomFor) {
  Arguments backends;
  Arguments suffixes;
  for (std::size_t i = 0; i < backend::kMaxBackends; ++i)
    backends.push_back("--forward=192.0.2." + std::to_string(i + 1));
  for (std::size_t i = 0; i < backend::kMaxPools; ++i)
    suffixes.push_back("--forward=x" + std::to_string(i) + "=192.0.2.1");
  EXPECT_TRUE(parse(backends));
  EXPECT_TRUE(parse(suffixes));
  backends.push_back("--forward=198.51.100.1");
  suffixes.push_back("--forward=y=192.0.2.1");
  EXPECT_EQ(error_of(parse(backends)), "--forward: more than 32 backends");
  EXPECT_EQ(error_of(parse(suffixes)), "--forward: more than 32 different suffixes");
}

TEST(Forward, ValuesOfTheOtherFlags) {
  const auto line =
      parse_more({"--forward-source=192.0.2.9", "--forward-source=2001:db8::9", "--forward-timeout=50",
                  "--forward-tries=8", "--forward-slots=16", "--forward-waiting=65536", "--forward-store=4096",
                  "--forward-keep=120", "--forward-serve=300", "--forward-payload=65507", "--forward-health=3600",
                  "--forward-health-query=Example/SOA", "--forward-health-failures=100", "--forward-transfers=pass",
                  "--forward-updates=pass", "--forward-notifies=pass", "--forward-ecs=24/56"});
  ASSERT_TRUE(line) << error_of(line);
  const Settings& s = line->settings;
  ASSERT_EQ(s.forward_source.size(), 2u);
  EXPECT_TRUE(s.forward_source[0].address == ip("192.0.2.9") && s.forward_source[1].address == ip("2001:db8::9"));
  const backend::ForwardSettings& f = s.forward;
  EXPECT_TRUE(f.timeout_ms == 50 && f.tries == 8 && f.slots == 16 && f.waiting == 65536 && f.store_mb == 4096);
  EXPECT_TRUE(f.keep_ms == 120000 && f.serve_s == 300 && f.payload == 65507 && f.health_interval_ms == 3600000);
  EXPECT_TRUE(f.health_name == name("example.") && f.health_type == 6 && f.health_failures == 100);
  EXPECT_TRUE(f.pass_transfers && f.pass_updates && f.pass_notifies && f.ecs_v4 == 24 && f.ecs_v6 == 56);

  const auto off = parse_more({"--forward-ecs=off", "--forward-health=0", "--forward-payload=0", "--forward-serve=0",
                               "--forward-updates=refuse", "--forward-health-query=x\\047y/TYPE65"});
  ASSERT_TRUE(off) << error_of(off);
  const backend::ForwardSettings& g = off->settings.forward;
  EXPECT_TRUE(g.ecs_v4 == 0 && g.ecs_v6 == 0 && g.health_interval_ms == 0 && g.payload == 0 && !g.pass_updates);
  EXPECT_TRUE(g.health_name == (Wire{3, 'x', '/', 'y', 0}) && g.health_type == 65);

  const auto slash = parse_more({"--forward-health-query=0/25.2.0.192.in-addr.arpa/SOA"});
  ASSERT_TRUE(slash) << error_of(slash);
  EXPECT_EQ(slash->settings.forward.health_name, name("0/25.2.0.192.in-addr.arpa"));
}

TEST(Forward, WrongValuesOfTheOtherFlags) {
  const struct {
    const char* flag;
    const char* value;
    const char* message;
  } cases[] = {
      {"--forward-timeout", "49", "'49' is not a number from 50 to 10000"},
      {"--forward-tries", "0", "'0' is not a number from 1 to 8"},
      {"--forward-slots", "16385", "'16385' is not a number from 16 to 16384"},
      {"--forward-waiting", "15", "'15' is not a number from 16 to 65536"},
      {"--forward-store", "0", "'0' is not a number from 1 to 4096"},
      {"--forward-keep", "121", "'121' is not a number from 1 to 120"},
      {"--forward-serve", "301", "'301' is not a number from 0 to 300"},
      {"--forward-payload", "511", "'511' is neither 0 nor a number from 512 to 65507"},
      {"--forward-payload", "65508", "'65508' is neither 0 nor a number from 512 to 65507"},
      {"--forward-health", "3601", "'3601' is not a number from 0 to 3600"},
      {"--forward-health-query", "./OPT", "'OPT' is not a type of records, such as SOA or TYPE65 (NAME or NAME/TYPE)"},
      {"--forward-health-query", "./ANY", "'ANY' is not a type of records, such as SOA or TYPE65 (NAME or NAME/TYPE)"},
      {"--forward-health-query", "./AXFR",
       "'AXFR' is not a type of records, such as SOA or TYPE65 (NAME or NAME/TYPE)"},
      {"--forward-health-query", "./", "'' is not a type of records, such as SOA or TYPE65 (NAME or NAME/TYPE)"},
      {"--forward-health-query", "./TYPE65537",
       "'TYPE65537' is not a type of records, such as SOA or TYPE65 (NAME or NAME/TYPE)"},
      {"--forward-health-query", "./TYPE65x",
       "'TYPE65x' is not a type of records, such as SOA or TYPE65 (NAME or NAME/TYPE)"},
      {"--forward-health-query", "./TYPE4294967361",
       "'TYPE4294967361' is not a type of records, such as SOA or TYPE65 (NAME or NAME/TYPE)"},
      {"--forward-health-query", "a..b/NS", "'a..b' is not a domain name (NAME or NAME/TYPE)"},
      {"--forward-health-failures", "0", "'0' is not a number from 1 to 100"},
      {"--forward-transfers", "yes", "'yes' is neither 'refuse' nor 'pass'"},
      {"--forward-updates", "", "'' is neither 'refuse' nor 'pass'"},
      {"--forward-notifies", "PASS", "'PASS' is neither 'refuse' nor 'pass'"},
      {"--forward-ecs", "24", "'24' is neither 'off' nor V4LEN/V6LEN (0 to 32 bits of IPv4, 0 to 128 of IPv6)"},
      {"--forward-ecs", "33/56", "'33/56' is neither 'off' nor V4LEN/V6LEN (0 to 32 bits of IPv4, 0 to 128 of IPv6)"},
      {"--forward-ecs", "24/129", "'24/129' is neither 'off' nor V4LEN/V6LEN (0 to 32 bits of IPv4, 0 to 128 of IPv6)"},
      {"--forward-source", "192.0.2.9/24",
       "'192.0.2.9/24' is not a unicast IPv4 or IPv6 address (ADDRESS, nothing else)"},
      {"--forward-source", "192.0.2.9@1",
       "'192.0.2.9@1' is not a unicast IPv4 or IPv6 address (ADDRESS, nothing else)"},
      {"--gateway", "192.0.2.9/24", "'192.0.2.9/24' is not a unicast IPv4 or IPv6 address (ADDRESS or ADDRESS@PORT)"},
      {"--gateway", "ff02::2", "'ff02::2' is not a unicast IPv4 or IPv6 address (ADDRESS or ADDRESS@PORT)"},
      {"--address", "192.0.2.9/33", "prefix length after / in '192.0.2.9/33': '33' is not a number from 1 to 32"},
      {"--address", "192.0.2.9/@1", "prefix length after / in '192.0.2.9/@1': '' is not a number from 1 to 32"},
      {"--address", "2001:db8::1/129",
       "prefix length after / in '2001:db8::1/129': '129' is not a number from 1 to 128"},
      {"--address", "192.0.2.9@1/24", "DPDK port after @ in '192.0.2.9@1/24': '1/24' is not a number from 0 to 31"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(error_of(parse_more({c.flag, c.value})), std::string(c.flag) + ": " + c.message);
  }
  EXPECT_EQ(error_of(parse_more({"--forward-source=192.0.2.8", "--forward-source=192.0.2.9"})),
            "--forward-source: more than one of a family");
}

TEST(Forward, NetworksAndNextHops) {
  const auto line = parse_more({"--address=198.51.100.1/24@1", "--address=2001:db8::1/64", "--gateway=198.51.100.254@1",
                                "--gateway=192.0.2.254", "--gateway=203.0.113.254", "--gateway=fe80::1@1"});
  ASSERT_TRUE(line) << error_of(line);
  const auto& a = line->settings.addresses;
  EXPECT_FALSE(a.at(0).prefix_length);
  EXPECT_TRUE(a.at(1).prefix_length == 24 && a[1].port == 1 && a[1].address == ip("198.51.100.1"));
  EXPECT_TRUE(a.at(2).prefix_length == 64 && !a[2].port);
  const auto& g = line->settings.gateways;
  ASSERT_EQ(g.size(), 4u);  // which of them is a port's is known when the ports are
  EXPECT_TRUE(g[0].port == 1 && !g[1].port && g[3].address == ip("fe80::1"));
}

TEST(Forward, KeysOfTheFile) {
  const std::string path = testing::TempDir() + "goldilocks_forward_test.conf";
  std::ofstream(path) << "[goldilocks]\n"
                         "address = 192.0.2.1/24\n"
                         "forward = [2001:db8::2]:5300,proxy\n"
                         "forward = a\\,b\\035.=192.0.2.2,weight=3  # nearer\n"
                         "forward-ecs = 24/56\n"
                         "forward-health-query = example./SOA\n"
                         "gateway = 192.0.2.254\n";
  const auto line = parse_command_line({"goldilocks", "--", "--config", path, "--forward-tries=3"});
  std::remove(path.c_str());
  ASSERT_TRUE(line) << error_of(line);
  const backend::ForwardSettings& f = line->settings.forward;
  ASSERT_EQ(f.backends.size(), 2u);
  EXPECT_TRUE(f.backends[0].proxy && f.backends[0].port == 5300 && f.backends[1].weight == 3);
  EXPECT_EQ(f.pools.at(1).suffix, (Wire{4, 'a', ',', 'b', '#', 0}));
  EXPECT_TRUE(f.ecs_v4 == 24 && f.health_type == 6 && f.tries == 3 && line->settings.gateways.size() == 1);
  std::ofstream(path) << "forward-keep = 3\nforward-tries = 9\n";
  EXPECT_EQ(error_of(parse_command_line({"goldilocks", "--", "--config", path})),
            path + ":2: forward-tries: '9' is not a number from 1 to 8");
  std::ofstream(path) << "forward-tries = 3\nforward-tries = 4\n";
  EXPECT_EQ(error_of(parse_command_line({"goldilocks", "--", "--config", path})),
            path + ":2: forward-tries: given before in this file");
  std::remove(path.c_str());
}

}  // namespace
}  // namespace gl::control
