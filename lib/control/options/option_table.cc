#include "lib/control/options/option_table.h"

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "lib/control/options/parse_dnstap.h"
#include "lib/control/options/parse_forward.h"
#include "lib/control/options/parse_transfer.h"
#include "lib/control/options/parse_value.h"

namespace gl::control {

namespace {

// A number within [Low, High] that `Store` puts where it belongs.
template <std::uint32_t Low, std::uint32_t High, auto Store>
Status number(Settings& settings, const std::string& value) {
  const auto parsed = parse_number(value, Low, High);
  if (!parsed) return Error{parsed.error()};
  Store(settings, *parsed);
  return success();
}

template <class Parse, class List>
Status append(Parse parse, List& list, const std::string& value) {
  auto parsed = parse(value);
  if (!parsed) return Error{parsed.error()};
  list.push_back(std::move(*parsed));
  return success();
}

// One of two words.
Status choice(const std::string& value, const char* no, const char* yes, bool& chosen) {
  if (value != no && value != yes) return Error{"'" + value + "' is neither '" + no + "' nor '" + yes + "'"};
  chosen = value == yes;
  return success();
}

Status text(const std::string& value, std::string& into) {
  if (value.size() > 255) return Error{"longer than 255 bytes"};
  into = value;
  return success();
}

Status cookies(Settings& settings, const std::string& value) {
  using services::CookiePolicy;
  constexpr std::array<std::pair<const char*, CookiePolicy>, 3> kPolicies = {
      {{"on", CookiePolicy::on}, {"off", CookiePolicy::off}, {"require-over-udp", CookiePolicy::require_over_udp}}};
  for (const auto& [word, policy] : kPolicies) {
    if (value != word) continue;
    settings.dns.admission.cookies = policy;
    return success();
  }
  return Error{"'" + value + "' is none of 'on', 'off' and 'require-over-udp'"};
}

Status kernel_ports(Settings& settings, const std::string& value) {
  const auto ports = parse_kernel_ports(value);
  if (!ports) return Error{ports.error()};
  settings.kernel_ports.insert(settings.kernel_ports.end(), ports->begin(), ports->end());
  return success();
}

Status allow(AllowedNetworks& networks, const std::string& value) {
  const auto network = parse_network(value);
  if (!network) return Error{"'" + value + "' is no network as 192.0.2.0/24 or 2001:db8::/32"};
  networks.push_back(*network);
  return success();
}

template <class T>
constexpr T narrow(std::uint32_t value) {
  return static_cast<T>(value);
}

Status forward(Settings& settings, const std::string& value) {
  auto entry = parse_forward(value);
  if (!entry) return Error{entry.error()};
  return add_forward(settings.forward, std::move(*entry));
}

Status metrics(Settings& settings, const std::string& value) {
  const auto endpoint = parse_listener(value);
  if (!endpoint) return Error{endpoint.error()};
  settings.metrics = *endpoint;
  return success();
}

Status dnstap(Settings& settings, const std::string& value) {
  auto parsed = parse_dnstap(value);
  if (!parsed) return Error{parsed.error()};
  settings.dnstap = std::move(*parsed);
  return success();
}

Status control_socket(Settings& settings, const std::string& value) {
  constexpr std::size_t kLongestPath = 107;  // sockaddr_un
  if (value.empty() || value.size() > kLongestPath) {
    return Error{"'" + value + "' is neither off nor a path of 1 to " + std::to_string(kLongestPath) + " bytes"};
  }
  settings.control_socket = value;
  return success();
}

template <class T>
Status word(std::optional<T> known, const std::string& value, std::span<const std::string_view> words, T& into) {
  if (known) return into = *known, success();
  std::string all;
  for (const std::string_view w : words) all.append(all.empty() ? "" : ", ").append(w);
  return Error{"'" + value + "' is none of " + all};
}

Status payload(Settings& settings, const std::string& value) {
  const auto bytes = parse_payload(value);
  if (!bytes) return Error{bytes.error()};
  settings.forward.payload = *bytes;
  return success();
}

constexpr auto kOptions = std::to_array<Option>({
    {"zone", "[ORIGIN=]FILE", "zone file, or image of one, to serve; repeat for more",
     [](Settings& s, const std::string& v) { return append(parse_zone, s.zones, v); }},
    {"address", "ADDRESS[/LEN][@PORT]",
     "IPv4 or IPv6 address to answer for, its network, on every or one DPDK port; repeat for more",
     [](Settings& s, const std::string& v) { return append(parse_address, s.addresses, v); }},
    {"vlan", "LIST[@PORT]",
     "VLANs to answer in, such as 10,20 or untagged,10, on every or one DPDK port; repeat for more (all)",
     [](Settings& s, const std::string& v) { return append(parse_vlans, s.vlans, v); }},
    {"gateway", "ADDRESS[@PORT]", "next hop for what is not on a port's own network; repeat for more",
     [](Settings& s, const std::string& v) { return append(parse_gateway, s.gateways, v); }},
    {"port", "N", "UDP and TCP port to answer on; repeat for more (53)",
     number<1, 65535, [](Settings& s, std::uint32_t n) { s.service_ports.push_back(narrow<std::uint16_t>(n)); }>},
    {"kernel-port", "[PORT=]DPDKPORT", "port to this machine's kernel for what is no service's; repeat for more",
     kernel_ports},
    {"kernel-rate", "N", "frames a second to the kernel, each core: of peers, of the link, and of others (10000)",
     number<1, 10000000, [](Settings& s, std::uint32_t n) { s.kernel_rate = n; }>},
    {"kernel-peer", "NET", "whose frames to the kernel others' do not crowd out, e.g. routers; repeat for more",
     [](Settings& s, const std::string& v) { return allow(s.kernel_peers, v); }},
    {"max-udp", "BYTES", "largest DNS message over UDP (1232)",
     number<512, 4096, [](Settings& s, std::uint32_t n) { s.dns.max_udp = narrow<std::uint16_t>(n); }>},
    {"udp", "answer|tc", "over UDP: the answer, or always only TC (answer)",
     [](Settings& s, const std::string& v) { return choice(v, "answer", "tc", s.dns.udp_truncate_all); }},
    {"udp-any", "full|minimal", "ANY over UDP: everything, or one RRset as in RFC 8482 (full)",
     [](Settings& s, const std::string& v) { return choice(v, "full", "minimal", s.dns.udp_minimal_any); }},
    {"dns-cookies", "POLICY", "RFC 7873: on, off, or require-over-udp: no UDP answer without a valid one (on)",
     cookies},
    {"rate-limit", "N", "UDP answers a second to an address and core, more to its networks; 0: no limit (0)",
     number<0, PrefixLimiter::kMaxRate, [](Settings& s, std::uint32_t n) { s.dns.admission.rate_limit = n; }>},
    {"rate-slip", "N", "one in N of the answers above that is TC instead of none; 0: none (2)",
     number<0, 100, [](Settings& s, std::uint32_t n) { s.dns.admission.rate_slip = n; }>},
    {"rate-limit-allow", "NET", "no limit for these addresses; repeat for more",
     [](Settings& s, const std::string& v) { return allow(s.dns.admission.rate_allow, v); }},
    {"nsid", "TEXT", "name server identifier (RFC 5001); none if absent",
     [](Settings& s, const std::string& v) { return text(v, s.dns.nsid); }},
    {"version-string", "TEXT", "version.bind; refused if absent",
     [](Settings& s, const std::string& v) { return text(v, s.dns.version); }},
    {"server-id", "TEXT", "id.server; refused if absent",
     [](Settings& s, const std::string& v) { return text(v, s.dns.server_id); }},
    {"mode", "stateless|immediate", "TCP: lossless, or acknowledge at once and close after the answer (stateless)",
     [](Settings& s, const std::string& v) { return choice(v, "stateless", "immediate", s.tcp.immediate); }},
    {"rst-rate", "N", "RSTs a second and core; 0: never (1000)",
     number<0, 1000000, [](Settings& s, std::uint32_t n) { s.tcp.rst_per_second = n; }>},
    {"flow-cache", "N", "connections a core remembers, about 11 KB each; 0: none (4096)",
     number<0, 1000000, [](Settings& s, std::uint32_t n) { s.tcp.flow_cache = n; }>},
    {"http-flows", "N", "HTTP: answers beyond 64 KiB at once and core, 0.5 KB each; 0: none is given (1024)",
     number<0, 1000000, [](Settings& s, std::uint32_t n) { s.tcp.bulk_flows = n; }>},
    {"http-rate", "KB", "HTTP: thousand bytes a second of each of them at most; 0: no limit (0)",
     number<0, 4000000, [](Settings& s, std::uint32_t n) { s.tcp.bulk_rate = n * 1000; }>},
    {"tcp-syn-limit", "N", "SYN-ACKs a second to an address and core, more to its networks; 0: no limit (0)",
     number<0, PrefixLimiter::kMaxRate, [](Settings& s, std::uint32_t n) { s.tcp.syn_rate = n; }>},
    {"tcp-answer-limit", "N", "TCP answers a second to an address and core, more to its networks; 0: no limit (0)",
     number<0, PrefixLimiter::kMaxRate, [](Settings& s, std::uint32_t n) { s.tcp.answer_rate = n; }>},
    {"fast-open", "on|off", "TCP Fast Open (RFC 7413): answer a query that comes in the SYN (on)",
     [](Settings& s, const std::string& v) { return choice(v, "off", "on", s.tcp.fast_open); }},
    {"mss-v4", "BYTES", "largest TCP segment sent over IPv4 (what the MTU allows)",
     number<216, 9216, [](Settings& s, std::uint32_t n) { s.tcp.mss_limit_v4 = narrow<std::uint16_t>(n); }>},
    {"mss-v6", "BYTES", "largest TCP segment sent over IPv6 (1220: no path is narrower)",
     number<1220, 9216, [](Settings& s, std::uint32_t n) { s.tcp.mss_limit_v6 = narrow<std::uint16_t>(n); }>},
    {"secret", "FILE", "cookie secrets, one for all nodes of an address; made if missing (/var/lib/goldilocks/secret)",
     [](Settings& s, const std::string& v) { return text(v, s.secret_path); }},
    {"epoch", "SECONDS", "life of a cookie key, the same on all nodes (3600)",
     number<8, 604800, [](Settings& s, std::uint32_t n) { s.epoch_seconds = n; }>},
    {"linger", "SECONDS", "how long after a zone reload begun answers can be finished (120)",
     number<1, 86400, [](Settings& s, std::uint32_t n) { s.linger_seconds = n; }>},
    {"drain", "SECONDS", "after SIGTERM serve on for so long, health paths saying 503; 0: end at once (0)",
     number<0, 3600, [](Settings& s, std::uint32_t n) { s.drain_seconds = n; }>},
    {"mtu", "BYTES", "MTU of the ports (as they have it)",
     number<576, 9216, [](Settings& s, std::uint32_t n) { s.mtu = narrow<std::uint16_t>(n); }>},
    {"rx-queue", "N", "receive descriptors a queue (1024)",
     number<64, 8192, [](Settings& s, std::uint32_t n) { s.rx_descriptors = narrow<std::uint16_t>(n); }>},
    {"tx-queue", "N", "transmit descriptors a queue (1024)",
     number<64, 8192, [](Settings& s, std::uint32_t n) { s.tx_descriptors = narrow<std::uint16_t>(n); }>},
    {"idle-sleep-us", "N", "let an idle worker sleep so long, to share its CPU; 0: never (0)",
     number<0, 10000, [](Settings& s, std::uint32_t n) { s.idle_sleep_us = n; }>},
    {"rx-interrupts", "on|off", "let an idle worker sleep until a frame comes; not every driver can (off)",
     [](Settings& s, const std::string& v) { return choice(v, "off", "on", s.rx_interrupts); }},
    {"metrics", "ADDRESS:PORT", "kernel socket on which Prometheus may ask for /metrics; none if absent", metrics},
    {"dnstap", "unix:PATH|tcp:ADDRESS:PORT|file:PATH[,sample=N][,messages=auth,forward][,identity=TEXT][,version=TEXT]",
     "where queries and responses are told to, one in N; none if absent", dnstap},
    {"zonemd", "off|check|require", "ZONEMD (RFC 8976) of zones: ignore, check where there is one, or want one (check)",
     [](Settings& s, const std::string& v) {
       return zone::digests_from_text(v, s.zone_digests) ? success()
                                                         : Error{"'" + v + "' is none of off, check and require"};
     }},
    {"secondary", "ZONE@ADDRESS[:PORT][,tsig=KEY][,ixfr=off][,notify-from=ADDRESS]",
     "zone to transfer, and a primary of it; repeat for more of both",
     [](Settings& s, const std::string& v) { return add_secondary(s.transfers, v, false); }},
    {"catalog", "ZONE@ADDRESS[:PORT][,tsig=KEY][,ixfr=off][,notify-from=ADDRESS]",
     "catalog zone (RFC 9432) whose members are secondaries of these primaries; repeat for more",
     [](Settings& s, const std::string& v) { return add_secondary(s.transfers, v, true); }},
    {"state-dir", "DIR", "where transferred zones are kept (/var/lib/goldilocks/zones)",
     [](Settings& s, const std::string& v) { return text(v, s.transfers.state_folder); }},
    {"transfer-limit", "MB", "a transferred zone's size at most, as text of records (1024)",
     number<1, 1048576, [](Settings& s, std::uint32_t n) { s.transfers.limit_mib = n; }>},
    {"transfer-time", "SECONDS", "how long a transfer may take, in or out (600)",
     number<1, 86400, [](Settings& s, std::uint32_t n) { s.transfers.most_seconds = n; }>},
    {"tsig", "FILE", "file of TSIG keys, as tsig-keygen or kdig -y have them; repeat for more",
     [](Settings& s, const std::string& v) { return s.transfers.key_files.push_back(v), success(); }},
    {"transfer-listen", "ADDRESS:PORT", "kernel socket on which secondaries may transfer zones; none if absent",
     [](Settings& s, const std::string& v) { return parse_transfer_listen(s.transfers, v); }},
    {"transfer-allow", "[ZONE@]NET[,tsig=KEY]", "who may transfer this zone, or any; repeat for more",
     [](Settings& s, const std::string& v) { return add_allow(s.transfers, v); }},
    {"notify", "[ZONE@]ADDRESS[:PORT][,tsig=KEY]",
     "secondary that is told when this zone, or any, changes; repeat for more",
     [](Settings& s, const std::string& v) { return add_notify(s.transfers, v); }},
    {"control-socket", "PATH|off", "Unix socket for goldilocks-ctl (goldilocks.sock in the EAL's runtime directory)",
     control_socket},
    {"log-format", "text|json|journal",
     "lines on standard error: for people, JSON objects, or <N>line for systemd (text)",
     [](Settings& s, const std::string& v) { return word(log_format_from(v), v, kLogFormats, s.log.format); }},
    {"log-level", "error|warning|notice|info|debug", "the least that is said (info)",
     [](Settings& s, const std::string& v) { return word(log_level_from(v), v, kLogLevels, s.log.level); }},
    {"forward", "[SUFFIX=]ADDRESS[:PORT][@DPDKPORT][,weight=N][,proxy][,tcp=off|ADDRESS[:PORT]][,name=TEXT]",
     "name server behind us, for names under SUFFIX (.); repeat for more, one SUFFIX is one pool", forward},
    {"forward-source", "ADDRESS",
     "our address toward backends, one of each family: repeat for more (the port's first --address)",
     [](Settings& s, const std::string& v) { return append(parse_source, s.forward_source, v); }},
    {"forward-timeout", "MS", "how long a backend has for its reply, each try (800)",
     number<50, 10000, [](Settings& s, std::uint32_t n) { s.forward.timeout_ms = n; }>},
    {"forward-tries", "N", "tries, at different backends where there are several, before SERVFAIL (2)",
     number<1, 8, [](Settings& s, std::uint32_t n) { s.forward.tries = n; }>},
    {"forward-slots", "N", "questions in flight, a core (4096)",
     number<16, 16384, [](Settings& s, std::uint32_t n) { s.forward.slots = n; }>},
    {"forward-share", "N", "questions in flight of a /24 or /56, each core, over UDP and TCP apart; 0: no limit (0)",
     number<0, 16384, [](Settings& s, std::uint32_t n) { s.forward.share = n; }>},
    {"forward-waiting", "N", "frames that wait for an answer, a core (8192)",
     number<16, 65536, [](Settings& s, std::uint32_t n) { s.forward.waiting = n; }>},
    {"forward-store", "MB", "memory for answers, a core (32)",
     number<1, 4096, [](Settings& s, std::uint32_t n) { s.forward.store_mb = n; }>},
    {"forward-keep", "SECONDS", "how long an answer can be given again to who began to read it (10)",
     number<1, 120, [](Settings& s, std::uint32_t n) { s.forward.keep_ms = n * 1000; }>},
    {"forward-serve", "SECONDS", "how long an answer serves later questions too; 0: not at all (0)",
     number<0, 300, [](Settings& s, std::uint32_t n) { s.forward.serve_s = n; }>},
    {"forward-payload", "BYTES", "EDNS payload asked for; 0: what can be reassembled (0)", payload},
    {"forward-health", "SECONDS", "between health checks of a backend; 0: none, every one counts as up (1)",
     number<0, 3600, [](Settings& s, std::uint32_t n) { s.forward.health_interval_ms = n * 1000; }>},
    {"forward-health-query", "NAME[/TYPE]", "what health checks ask for (./NS)",
     [](Settings& s, const std::string& v) { return parse_health_query(v, s.forward); }},
    {"forward-health-failures", "N", "checks without a reply in a row that take a backend out of service (3)",
     number<1, 100, [](Settings& s, std::uint32_t n) { s.forward.health_failures = n; }>},
    {"forward-transfers", "refuse|pass", "AXFR and IXFR: REFUSED, or passed on over TCP (refuse)",
     [](Settings& s, const std::string& v) { return choice(v, "refuse", "pass", s.forward.pass_transfers); }},
    {"forward-updates", "refuse|pass", "UPDATE: REFUSED, or passed on over TCP, once (refuse)",
     [](Settings& s, const std::string& v) { return choice(v, "refuse", "pass", s.forward.pass_updates); }},
    {"forward-notifies", "refuse|pass", "NOTIFY: REFUSED, or passed on over UDP, once (refuse)",
     [](Settings& s, const std::string& v) { return choice(v, "refuse", "pass", s.forward.pass_notifies); }},
    {"forward-ecs", "off|V4LEN/V6LEN", "EDNS client subnet (RFC 7871) to backends, e.g. 24/56 (off)",
     [](Settings& s, const std::string& v) { return parse_ecs(v, s.forward); }},
});

}  // namespace

std::span<const Option> option_table() {
  return kOptions;
}

bool may_repeat(const ServiceOption& option) {
  return option.help.find("repeat for more") != std::string::npos;
}

std::vector<ServiceOption> all_options(Settings& settings) {
  std::vector<ServiceOption> options;
  options.reserve(kOptions.size());
  for (const Option& option : kOptions) {
    options.push_back({option.name, option.argument, option.help,
                       [&settings, apply = option.apply](const std::string& value) { return apply(settings, value); }});
  }
  for (const auto& module : settings.modules) {
    for (ServiceOption& option : module->options()) options.push_back(std::move(option));
  }
  return options;
}

}  // namespace gl::control
