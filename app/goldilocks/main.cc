// The start and stop order of goldilocks. Everything undoes itself in the reverse order.
// Exit codes: 0 ended by a signal, or checked and good, 1 could not start, 2 wrong usage.
#include <sodium.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/control/check/check.h"
#include "lib/control/ctl/commands.h"
#include "lib/control/ctl/control_socket.h"
#include "lib/control/dnstap/tap_writer.h"
#include "lib/control/keys/key_store.h"
#include "lib/control/log.h"
#include "lib/control/logging/dpdk_stream.h"
#include "lib/control/metrics/listener.h"
#include "lib/control/metrics/server.h"
#include "lib/control/options/command_line.h"
#include "lib/control/options/parse_value.h"
#include "lib/control/start/announce.h"
#include "lib/control/start/forward_helper.h"
#include "lib/control/start/forward_plan.h"
#include "lib/control/start/network.h"
#include "lib/control/start/port_text.h"
#include "lib/control/start/service_manager.h"
#include "lib/control/start/supervisor.h"
#include "lib/control/start/workers.h"
#include "lib/control/telemetry/summary.h"
#include "lib/control/telemetry/telemetry.h"
#include "lib/control/transfers/transfers.h"
#include "lib/control/zones/load_report.h"
#include "lib/control/zones/zone_store.h"
#include "lib/dns/server_cookie.h"
#include "lib/dpdk/capture.h"
#include "lib/dpdk/eal.h"

namespace {

using namespace gl;

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

int fail(const std::string& message, int code = kFailed) {
  control::complain(message);
  return code;
}

// The port that it names, if any, is a member of its line.
int fail_on_port(const std::string& message) {
  control::complain(message, control::named_port(message));
  return kFailed;
}

// Begins with the name of the file.
int fail_on_zone(const std::string& message, const std::vector<zone::ZoneSource>& sources) {
  control::LogFields about;
  for (const zone::ZoneSource& source : sources) {
    if (message.starts_with(source.path + ":")) about = {{"file", source.path}};
  }
  control::complain(message, about);
  return kFailed;
}

int serve(control::CommandLine line) {
  std::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads any more is no reason to end
  if (sodium_init() < 0) return fail("libsodium does not start");
  const auto signals = control::block_signals();  // before the EAL makes threads
  if (!signals) return fail(signals.error());
  control::ServiceManager manager;
  manager.starting("reading zones and files");
  control::report_long_loads();
  std::optional<control::Listener> metrics_listener;  // before the zones, which take their time
  if (line.settings.metrics) {
    auto listener = control::Listener::open(*line.settings.metrics);
    if (!listener) return fail(listener.error());
    metrics_listener = std::move(*listener);
  }
  control::take_dpdk_log();
  auto eal = dpdk::Eal::init(line.eal);
  if (!eal) return fail(eal.error(), dpdk::Eal::arguments_refused() ? kWrongUsage : kFailed);
  auto control_listener = control::open_control_socket(line.settings.control_socket);  // answered when it serves
  if (!control_listener) return fail(control_listener.error());
  const std::vector<unsigned> lcores = dpdk::Eal::worker_lcores();
  if (lcores.empty())
    return fail("no worker lcore: the main lcore does not poll; -l 0,1, or on one CPU --lcores '(0-1)@0'");

  worker::Shared shared(static_cast<unsigned>(lcores.size()));
  std::atomic<const zone::PublishedZones*> published_zones{nullptr};
  const auto quiesce = [&] { shared.quiescent.wait(); };
  dns::CookiePublication dns_cookies;
  control::KeyStore keys(line.settings.secret_path, line.settings.epoch_seconds, {shared.keys, dns_cookies}, quiesce);
  if (Status status = keys.load(); !status) return fail(status.error());
  keys.tick(control::unix_time());
  control::ZoneStore zones(line.settings.zones, line.settings.linger_seconds, published_zones, quiesce);
  const auto warnings = zones.load(control::monotonic_seconds());
  if (!warnings) return fail_on_zone(warnings.error(), line.settings.zones);
  for (const zone::ZoneWarning& warning : *warnings)
    control::warn(warning.text, {{"zone", warning.origin}, {"file", warning.path}});
  line.settings.notify_doors = control::make_doors(line.settings.transfers, lcores.size());
  control::Transfers transfers(line.settings.transfers, line.settings.zone_digests, line.settings.notify_doors);
  if (Status status = transfers.begin(zones); !status) return fail(status.error());
  for (const auto& module : line.settings.modules) {
    if (module->enabled()) module->settle();
  }
  for (const auto& module : line.settings.modules) {
    if (!module->enabled()) continue;
    const auto lines =
        module->load({quiesce, line.settings.linger_seconds, control::monotonic_seconds(), line.settings.tcp.immediate,
                      [&keys](std::string_view name) { return keys.derive_key(name); }});
    if (!lines) return fail(lines.error());
    for (const std::string& text : *lines) control::warn(text, {{"service", module->name()}});
  }

  auto network = control::Network::open(line.settings, lcores);
  if (!network) return fail_on_port(network.error());
  const dpdk::Capture capture;
  if (!capture.why_not().empty()) control::warn("dpdk-dumpcap cannot attach: " + capture.why_not());
  if (Status status = network->start(); !status) return fail_on_port(status.error());
  std::unique_ptr<worker::ForwardPaths> paths;
  if (line.settings.forward.enabled()) {
    auto plan = control::plan_forwarding(line.settings, *network, static_cast<unsigned>(lcores.size()));
    if (!plan) return fail_on_port(plan.error());
    paths = std::move(*plan);
  }
  control::Workers workers(line.settings, *network, lcores, shared, published_zones, dns_cookies, paths.get());
  std::optional<control::ForwardHelper> helper;
  if (paths != nullptr) helper.emplace(line.settings.forward, workers);
  const tcp_client::TcpHelper* const tcp_helper = helper ? &helper->helper() : nullptr;
  std::unique_ptr<control::TapWriter> tap;
  if (line.settings.dnstap) {
    auto writer = control::TapWriter::start(*line.settings.dnstap, workers.taps());
    if (!writer) return fail(writer.error());
    tap = std::move(*writer);
  }
  const control::Telemetry telemetry(workers, *network, zones, transfers, tcp_helper, tap.get());
  if (helper) {
    if (Status status = helper->start(); !status) return fail(status.error());
  }
  control::wait_for_links(*network);
  control::announce(*network);
  if (Status status = workers.launch(); !status) return fail_on_port(status.error());
  std::atomic<bool> draining{false};
  std::unique_ptr<control::MetricsServer> metrics;
  if (metrics_listener) {
    auto server = control::MetricsServer::start(
        std::move(*metrics_listener), {workers, *network, zones, tcp_helper, tap.get(), &transfers}, draining);
    if (!server) return fail(server.error());
    metrics = std::move(*server);
    control::say("metrics at http://" + wire::to_text(*line.settings.metrics) + "/metrics");
  }
  const std::string serving =
      "serving " + control::counted(zones.list().size(), "zone") +
      (paths == nullptr ? "" : ", forwarding to " + control::counted(paths->backends.size(), "backend")) + " on " +
      control::counted(network->ports().size(), "port") + " with " + control::counted(lcores.size(), "worker");
  control::note(serving);
  manager.serving(serving);

  transfers.start();
  control::Supervisor supervisor(*signals, keys, zones, transfers, workers, *network, line.settings.modules, manager,
                                 line.settings.drain_seconds, draining);
  control::Commands commands({workers, *network, zones, tcp_helper, paths ? &paths->wishes : nullptr}, supervisor);
  std::optional<control::ControlSocket> control_socket;
  if (*control_listener) {
    control_socket.emplace(std::move(**control_listener), [&](std::string_view text) { return commands.answer(text); });
  }
  const Status ended = supervisor.run(control_socket ? &*control_socket : nullptr);

  workers.stop();
  control::print_summary(workers, tcp_helper);
  if (!ended) control::complain(ended.error(), control::named_port(ended.error()));
  control::end_log();
  if (ended) return 0;
  network->abandon_removed();
  eal->abandon();
  return 1;
}

int run(const std::vector<std::string>& words) {
  control::LogSettings log;
  auto line = control::parse_command_line(words, &log);
  control::set_up_log(log);
  if (!line) {
    control::complain(line.error());
    return kWrongUsage;
  }
  switch (line->action) {
    case control::CommandLine::Action::help:
      std::fputs(control::help_text().c_str(), stdout);
      return 0;
    case control::CommandLine::Action::options_page:
      std::fputs(control::options_page().c_str(), stdout);
      return 0;
    case control::CommandLine::Action::check:
      return control::check_configuration(*line);
    case control::CommandLine::Action::version:
      std::puts("goldilocks " GOLDILOCKS_VERSION);
      return 0;
    case control::CommandLine::Action::run:
      return serve(std::move(*line));
  }
  return kWrongUsage;
}

}  // namespace

// What is thrown before the workers run: no memory for what was configured, no random numbers.
int main(int argc, char** argv) try { return run({argv, argv + argc}); } catch (const std::exception& e) {
  control::complain(e.what());
  return 1;
}
