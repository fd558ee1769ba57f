// Flags and configuration file: what they set, and that a wrong value names flag, or file, line and key, and what is
// allowed.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "lib/control/options/command_line.h"
#include "lib/control/options/option_table.h"
#include "lib/control/options/suggest.h"

namespace gl::control {
namespace {

using Arguments = std::vector<std::string>;

Result<CommandLine> parse(Arguments flags, const Arguments& eal = {"-l", "0,1"}) {
  Arguments all = {"goldilocks"};
  all.insert(all.end(), eal.begin(), eal.end());
  all.push_back("--");
  all.insert(all.end(), flags.begin(), flags.end());
  return parse_command_line(all);
}
Result<CommandLine> parse_more(Arguments flags) {
  flags.insert(flags.begin(), {"--zone", "root.zone", "--address", "192.0.2.1"});
  return parse(std::move(flags));
}
std::string error_of(const Result<CommandLine>& line) {
  return line.ok() ? "" : line.error();
}

class File {
 public:
  explicit File(const std::string& text) : path_(testing::TempDir() + "goldilocks_test.conf") {
    std::ofstream(path_) << text;
  }
  ~File() { std::remove(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(CommandLine, SplitsAtTheDashes) {
  const auto line = parse_more({});
  ASSERT_TRUE(line) << error_of(line);
  EXPECT_EQ(line->eal, (Arguments{"goldilocks", "-l", "0,1"}));
  EXPECT_EQ(line->settings.zones.at(0).path, "root.zone");
  EXPECT_EQ(line->settings.service_ports, std::vector<std::uint16_t>{53});
  EXPECT_EQ(line->settings.dns.max_udp, 1232);
  const tcp::ResponderSettings& tcp = line->settings.tcp;
  EXPECT_TRUE(tcp.flow_cache == 4096 && tcp.fast_open && tcp.mss_limit_v4 == 0xffff && tcp.mss_limit_v6 == 1220);
}

TEST(CommandLine, Values) {
  const auto line = parse_more({"--zone",
                                "example.=e.zone",
                                "--address=2001:db8::1@1",
                                "--port",
                                "53",
                                "--port=5353",
                                "--max-udp",
                                "4096",
                                "--udp=tc",
                                "--udp-any=minimal",
                                "--nsid=n",
                                "--version-string=v",
                                "--server-id=s",
                                "--mode=immediate",
                                "--rst-rate=0",
                                "--flow-cache=0",
                                "--fast-open=off",
                                "--mss-v4=1300",
                                "--mss-v6=1440",
                                "--secret=/x",
                                "--epoch=60",
                                "--linger=5",
                                "--mtu=9000",
                                "--rx-queue=256",
                                "--tx-queue=128",
                                "--idle-sleep-us=50"});
  ASSERT_TRUE(line) << error_of(line);
  const Settings& s = line->settings;
  EXPECT_EQ(s.zones.at(1).origin, "example.");
  EXPECT_EQ(s.zones.at(1).path, "e.zone");
  EXPECT_FALSE(s.addresses.at(0).port);
  EXPECT_EQ(s.addresses.at(1).port, 1);
  EXPECT_EQ(s.service_ports, (std::vector<std::uint16_t>{53, 5353}));
  EXPECT_TRUE(s.dns.max_udp == 4096 && s.dns.udp_truncate_all && s.dns.udp_minimal_any);
  EXPECT_TRUE(s.forward.udp_truncate_all);
  EXPECT_TRUE(s.dns.nsid == "n" && s.dns.version == "v" && s.dns.server_id == "s");
  EXPECT_TRUE(s.tcp.immediate && s.tcp.rst_per_second == 0 && s.secret_path == "/x" && s.epoch_seconds == 60);
  EXPECT_TRUE(s.linger_seconds == 5 && s.mtu == 9000 && s.rx_descriptors == 256 && s.tx_descriptors == 128);
  EXPECT_EQ(s.idle_sleep_us, 50u);
  EXPECT_TRUE(s.tcp.flow_cache == 0 && !s.tcp.fast_open && s.tcp.mss_limit_v4 == 1300 && s.tcp.mss_limit_v6 == 1440);
}

TEST(CommandLine, KeepalivePromisesHalfAnEpoch) {
  EXPECT_EQ(promised_idle(3600), 18000);
  EXPECT_EQ(promised_idle(9), 40);
  EXPECT_EQ(promised_idle(604800), 0xffff);
}

TEST(CommandLine, ErrorsNameTheFlagAndWhatIsAllowed) {
  const struct {
    Arguments flags;
    const char* message;
  } cases[] = {
      {{"--port", "0"}, "--port: '0' is not a number from 1 to 65535"},
      {{"--port", "53x"}, "--port: '53x' is not a number from 1 to 65535"},
      {{"--max-udp", "511"}, "--max-udp: '511' is not a number from 512 to 4096"},
      {{"--epoch", "-1"}, "--epoch: '-1' is not a number from 8 to 604800"},
      {{"--udp", "maybe"}, "--udp: 'maybe' is neither 'answer' nor 'tc'"},
      {{"--flow-cache", "x"}, "--flow-cache: 'x' is not a number from 0 to 1000000"},
      {{"--fast-open", "yes"}, "--fast-open: 'yes' is neither 'off' nor 'on'"},
      {{"--mss-v6", "1219"}, "--mss-v6: '1219' is not a number from 1220 to 9216"},
      {{"--mode", ""}, "--mode: '' is neither 'stateless' nor 'immediate'"},
      {{"--zone", "=x"}, "--zone: '=x' is not FILE or ORIGIN=FILE"},
      {{"--address", "192.0.2.1@x"}, "--address: DPDK port after @ in '192.0.2.1@x': 'x' is not a number from 0 to 31"},
      {{"--nsid", std::string(256, 'x')}, "--nsid: longer than 255 bytes"},
      {{"--nsid"}, "--nsid: a value is missing"},
      {{"--bogus", "1"}, "unknown option --bogus; see --help"},
      {{"--zoen", "z"}, "unknown option --zoen; did you mean --zone?"},
      {{"--max-updp=1400"}, "unknown option --max-updp; did you mean --max-udp?"},
      {{"--mss", "1400"}, "--mss: not unique: --mss-v4, --mss-v6"},
      {{"-x"}, "-x: no such flag; see --help"},
      {{"stray"}, "'stray': not a flag; see --help"},
      {{"--max-udp", "600", "--max-udp=700"}, "--max-udp: given twice, and only one can count"},
      {{"--nsid=a", "--udp=tc", "--nsid=a"}, "--nsid: given twice, and only one can count"},
      {{"--port=1", "--port=2", "--port=3", "--port=4", "--port=5", "--port=6", "--port=7", "--port=8", "--port=9"},
       "--port: more than 8"},
  };
  for (const auto& c : cases) EXPECT_EQ(error_of(parse_more(c.flags)), c.message);
  for (const char* const address :
       {"localhost", "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "::1", "ff02::1", "192.0.2.256"}) {
    EXPECT_TRUE(error_of(parse_more({"--address", address})).starts_with(std::string("--address: '") + address))
        << address;
  }
}

// A value's members: nothing between commas, and what is said twice, were passed over once.
TEST(CommandLine, MembersOfValues) {
  const struct {
    const char* flag;
    const char* value;
    const char* why;
  } cases[] = {
      {"--tftp", "69,root=/x,", "nothing stands behind the last comma"},
      {"--tftp", "69,,root=/x", "nothing stands between two commas"},
      {"--tftp", ",69,root=/x", "nothing stands before the first comma"},
      {"--tftp", "69,root=/x,root=/y", "root is given twice"},
      {"--tftp", "69,root=/x,write-limit=5", "write-limit has no effect without write=DIR"},
      {"--http", "80,root=/x,", "nothing stands behind the last comma"},
      {"--http", "80,root=/x,host=a,host=b", "host is given twice"},
      {"--http", "80,backend=192.0.2.1:80,dot-files=on", "dot-files has no effect without root=DIR"},
      {"--http-log", "/x,", "nothing stands behind the last comma"},
      {"--http-log", "/x,every=2,every=3", "every is given twice"},
      {"--nfs", "root=/x,", "nothing stands behind the last comma"},
      {"--nfs", "root=/x,port=1,port=2", "port is given twice"},
      {"--rpc", "on,", "nothing stands behind the last comma"},
      {"--rpc", "on,port=1,port=2", "port is given twice"},
      {"--rpc-once", "9000,", "nothing stands behind the last comma"},
      {"--rpc-once", "9000,state=/a,state=/b", "state is given twice"},
      {"--sum", "on,", "nothing stands behind the last comma"},
      {"--sum", "on,reply=on,reply=off", "reply is given twice"},
      {"--dnstap", "file:/x,", "nothing stands behind the last comma"},
      {"--dnstap", "file:/x,sample=1,sample=2", "sample is given twice"},
      {"--secondary", "a.@192.0.2.9,", "nothing stands behind the last comma"},
      {"--secondary", "a.@192.0.2.9,tsig=a,tsig=b", "tsig is given twice"},
      {"--forward", "192.0.2.9,", "nothing stands behind the last comma"},
      {"--notify", "a.@192.0.2.9,", "nothing stands behind the last comma"},
      {"--transfer-allow", "192.0.2.0/24,,", "nothing stands behind the last comma"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(error_of(parse_more({c.flag, c.value})), std::string(c.flag) + ": '" + c.value + "': " + c.why);
  }
  EXPECT_EQ(error_of(parse_more({"--forward", "192.0.2.9,weight=2,weight=3"})),
            "--forward: 'weight=2,weight=3': weight is given twice");
  EXPECT_EQ(error_of(parse_more({"--dnstap", "file:/x,messages=auth,auth"})),
            "--dnstap: messages: 'auth' is given twice");
  for (const Arguments& good :
       {Arguments{"--nfs", "root=/x,root=/y=/z,allow=192.0.2.0/24,allow=10.0.0.0/8"},
        Arguments{"--rpc", "on,allow=192.0.2.0/24,allow=10.0.0.0/8"},
        Arguments{"--dnstap", "file:/x,messages=auth,forward,sample=2"}, Arguments{"--talk", "5000,log=/a,b"},
        Arguments{"--http-log", "/a,b,every=2", "--http", "80,root=/x"}, Arguments{"--forward", "a\\,b.=192.0.2.9"}}) {
    EXPECT_EQ(error_of(parse_more(good)), "") << good[1];
  }
}

TEST(CommandLine, WhatHasNoEffectIsRefused) {
  const auto without = [](const Arguments& flags) { return error_of(parse_more(flags)); };
  EXPECT_EQ(without({"--kernel-rate=1"}), "--kernel-rate: has no effect without --kernel-port");
  EXPECT_EQ(without({"--forward-slots=16"}), "--forward-slots: has no effect without --forward");
  EXPECT_EQ(without({"--rate-slip=1"}), "--rate-slip: has no effect without --rate-limit");
  EXPECT_EQ(without({"--rate-limit-allow=192.0.2.0/24"}),
            "--rate-limit-allow: has no effect without --rate-limit, --tcp-syn-limit or --tcp-answer-limit");
  EXPECT_EQ(without({"--http-flows=1"}), "--http-flows: has no effect without --http");
  EXPECT_EQ(without({"--http=80,root=/x", "--http-backend-timeout=1"}),
            "--http-backend-timeout: has no effect without backend= in --http");
  EXPECT_EQ(without({"--file-memory=1"}), "--file-memory: has no effect without --http, --tftp or --nfs");
  EXPECT_EQ(without({"--state-dir=/x"}), "--state-dir: has no effect without --secondary or --catalog");
  EXPECT_EQ(without({"--transfer-allow=192.0.2.0/24"}), "--transfer-allow: has no effect without --transfer-listen");
  const Arguments without_dns = {"--http", "80,root=/x", "--address", "192.0.2.1"};
  for (const char* const flag : {"--port=54", "--nsid=x", "--dns-cookies=off", "--max-udp=600", "--rate-limit=5"}) {
    Arguments flags = without_dns;
    flags.emplace_back(flag);
    const std::string name(flag, std::string(flag).find('='));
    EXPECT_EQ(error_of(parse(flags)), name + ": has no effect without --zone, --secondary, --catalog or --forward");
  }
  EXPECT_EQ(without({"--http=80,backend=192.0.2.1:80", "--http-backend-timeout=1", "--http-rate=5", "--file-memory=1",
                     "--rate-limit=5", "--rate-slip=3", "--rate-limit-allow=192.0.2.0/24", "--tcp-syn-limit=5"}),
            "");
  EXPECT_EQ(without({"--rx-interrupts=on", "--idle-sleep-us=5"}),
            "--idle-sleep-us: has no effect with --rx-interrupts on");
  EXPECT_EQ(without({"--rx-interrupts=off", "--idle-sleep-us=5"}), "");
  const File interrupts("rx-interrupts = on\n");  // a flag wins over it
  EXPECT_EQ(without({"--config", interrupts.path(), "--rx-interrupts=off", "--idle-sleep-us=5"}), "");
  EXPECT_EQ(without({"--config", interrupts.path(), "--idle-sleep-us=5"}),
            "--idle-sleep-us: has no effect with --rx-interrupts on");
  const File file("kernel-port = 1\nkernel-rate = 5\nmax-udp = 600\n");
  EXPECT_EQ(without({"--config", file.path(), "--kernel-peer=192.0.2.0/24", "--max-udp=700"}), "");
}

TEST(CommandLine, WhatIsNeeded) {
  EXPECT_EQ(
      error_of(parse({"--address", "192.0.2.1"})),
      "nothing to serve: at least one of --zone, --secondary, --forward, --http, --tftp, --nfs and the like is needed");
  EXPECT_EQ(error_of(parse({"--zone", "z"})), "--address: none given; at least one address to answer for is needed");
  EXPECT_TRUE(error_of(parse_command_line({"goldilocks", "--zone", "z"})).starts_with("no -- on the command line"));
}

TEST(CommandLine, HelpNamesEveryOption) {
  EXPECT_EQ(parse({"--help"})->action, CommandLine::Action::help);
  EXPECT_EQ(parse({"-h"})->action, CommandLine::Action::help);
  EXPECT_EQ(parse_command_line({"goldilocks", "--help"})->action, CommandLine::Action::help);
  EXPECT_EQ(parse({"--version"})->action, CommandLine::Action::version);
  for (const Option& option : option_table()) {
    EXPECT_NE(help_text().find(std::string("  --") + option.name + " "), std::string::npos) << option.name;
  }
}

TEST(ConfigFile, SaysWhatFlagsSay) {
  const File file(
      "# a comment\n"
      "zone = example.=a.zone\n"
      "zone = b.zone\n"
      "[goldilocks]\n"
      "address = 192.0.2.1\n"
      "address = 2001:db8::1@0\n"
      "max-udp = 1400\n"
      "nsid = site#3\n"
      "version-string = a\\#b\n"
      "mode = immediate\n");
  const auto line = parse({"--config", file.path(), "--max-udp", "600"});
  ASSERT_TRUE(line) << error_of(line);
  ASSERT_EQ(line->settings.zones.size(), 2u);
  EXPECT_EQ(line->settings.zones[0].origin, "example.");
  EXPECT_EQ(line->settings.zones[1].path, "b.zone");
  EXPECT_EQ(line->settings.addresses.size(), 2u);
  EXPECT_EQ(line->settings.dns.max_udp, 600);  // later flags win
  EXPECT_EQ(line->settings.dns.nsid, "site");  // a comment begins anywhere
  EXPECT_EQ(line->settings.dns.version, "a#b");
  EXPECT_TRUE(line->settings.tcp.immediate);
}

TEST(ConfigFile, ErrorsNameFileLineAndKey) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"zone = a\n# x\nzone = =b\n", ":3: zone: '=b' is not FILE or ORIGIN=FILE"},
      {"\n[goldilocks]\nport = 99999\n", ":3: port: '99999' is not a number from 1 to 65535"},
      {"bogus = 1\n", ":1: bogus: no such key; --help lists them, without the dashes"},
      {"max-upd = 1\n", ":1: max-upd: no such key; did you mean max-udp?"},
      {"http = 80,root=/\nlinger = 5\nlinger = 6\n", ":3: linger: given before in this file"},
      {"zone = z\naddress = 192.0.2.1\nkernel-rate = 5\n", ":3: kernel-rate: has no effect without --kernel-port"},
      {"[other]\nport = 53\n", ": section [other]: the only section is [goldilocks]"},
      {"#\nno equals sign\n", ":2: neither `key = value` nor `[goldilocks]` nor a # comment"},
  };
  for (const auto& c : cases) {
    const File file(c.text);
    EXPECT_EQ(error_of(parse({"--config", file.path()})), file.path() + c.message);
  }
  const File long_line("nsid = " + std::string(300, 'x') + "\n");
  EXPECT_EQ(error_of(parse({"--config", long_line.path()})), long_line.path() + ":1: longer than 255 bytes");
  EXPECT_EQ(error_of(parse({"--config", "/nowhere.conf"})), "--config: /nowhere.conf: No such file or directory");
}

TEST(ConfigFile, EveryListRepeats) {
  const File file(
      "zone = z\naddress = 192.0.2.1\nhttp = 80,root=/\nhttp = 81,root=/\nrate-limit-allow = 192.0.2.0/24\n"
      "rate-limit-allow = 198.51.100.0/24\nrate-limit = 5\nforward = 192.0.2.10\n"
      "forward-source = 192.0.2.1\nforward-source = 2001:db8::1\n");
  const auto line = parse({"--config", file.path()});
  ASSERT_TRUE(line) << error_of(line);
  EXPECT_EQ(line->settings.dns.admission.rate_allow.size(), 2u);
}

TEST(Check, CollectsEveryProblem) {
  const File file("max-updp = 1400\nport = 0\nlinger = 5\n");
  const auto line = parse_command_line(
      {"goldilocks", "--check", "--config", file.path(), "--zoen", "z", "--epoch=1", "stray", "--nsid"});
  ASSERT_TRUE(line) << error_of(line);
  EXPECT_EQ(line->action, CommandLine::Action::check);
  EXPECT_EQ(line->settings.linger_seconds, 5u);  // what stands behind a wrong line is taken
  EXPECT_EQ(line->problems,
            (Arguments{file.path() + ":1: max-updp: no such key; did you mean max-udp?",
                       file.path() + ":2: port: '0' is not a number from 1 to 65535",
                       "unknown option --zoen; did you mean --zone?", "--epoch: '1' is not a number from 8 to 604800",
                       "'stray': not a flag; see --help", "--nsid: a value is missing",
                       "nothing to serve: at least one of --zone, --secondary, --forward, --http, --tftp, --nfs and "
                       "the like is needed",
                       "--address: none given; at least one address to answer for is needed"}));
}

TEST(Check, BehindTheDashesToo) {
  EXPECT_EQ(parse_more({"--check"})->action, CommandLine::Action::check);
  EXPECT_TRUE(parse_more({"--check"})->problems.empty());
}

TEST(Suggest, CountsChangesOfOneLetter) {
  EXPECT_EQ(edit_distance("zone", "zone"), 0u);
  EXPECT_EQ(edit_distance("zoen", "zone"), 1u);
  EXPECT_EQ(edit_distance("zne", "zone"), 1u);
  EXPECT_EQ(edit_distance("zoone", "zone"), 1u);
  EXPECT_EQ(edit_distance("bone", "zone"), 1u);
  EXPECT_EQ(edit_distance("", "zone"), 4u);
  EXPECT_EQ(edit_distance(std::string(100000, 'x'), "zone"), 64u);  // long words are cut
}

TEST(Suggest, OnlyWhatIsNear) {
  const std::vector<std::string> words = {"zone", "port", "max-udp"};
  EXPECT_EQ(nearest_word("zoen", words), "zone");
  EXPECT_EQ(nearest_word("maxudp", words), "max-udp");
  EXPECT_EQ(nearest_word("linger", words), "");
  EXPECT_EQ(nearest_word("", words), "");
}

// The page is generated: goldilocks --help-markdown > docs/options.md
TEST(OptionsPage, IsTheOneInDocs) {
  std::ifstream file(TEST_DATA "/../../docs/options.md");
  const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_TRUE(page == options_page()) << "docs/options.md is stale: goldilocks --help-markdown > docs/options.md";
}

}  // namespace
}  // namespace gl::control
