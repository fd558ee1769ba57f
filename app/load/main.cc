// goldilocks-load: DNS clients at full speed on any DPDK port, or a file of their frames for another generator.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "app/load/generator.h"
#include "app/load/pcap/write.h"
#include "lib/base/endian.h"
#include "lib/dpdk/eal.h"
#include "lib/dpdk/mbuf_pool.h"
#include "lib/dpdk/port.h"

namespace {

constexpr unsigned kMbufs = 16383;
volatile bool stop = false;

int fail(int status, const std::string& message) {
  std::fprintf(stderr, "goldilocks-load: %s\n", message.c_str());
  return status;
}

// The groups to which neighbours send their questions for the clients' addresses.
std::vector<gl::wire::MacAddress> groups(const gl::load::Sources& sources) {
  std::vector<gl::wire::MacAddress> macs;
  if (!sources.v6) return macs;
  constexpr std::uint32_t kMost = 64;  // beyond it a port's filter is full anyway
  for (std::uint32_t i = 0; i < sources.count && i < kMost; ++i) {
    gl::wire::Ipv6Address address{sources.first};
    gl::store_be(address.bytes.data() + 12, sources.low + i);
    macs.push_back(address.solicited_node().multicast_mac());
  }
  return macs;
}

int generate(const gl::load::Options& options) {
  using gl::dpdk::Port;
  auto queries = gl::load::render(options);
  if (!queries) return fail(2, queries.error());
  const auto ports = Port::list();
  if (!ports) return fail(1, ports.error());
  if (options.port_id >= ports->size()) return fail(2, "--port-id: there is no DPDK port of this number");
  const std::uint16_t id = (*ports)[options.port_id];
  auto pool = gl::dpdk::MbufPool::create("load", {kMbufs, Port::frame_length(id, 0), Port::socket(id)});
  if (!pool) return fail(1, pool.error());
  rte_mempool* const pools[] = {pool->get()};
  auto port = Port::open(id, {}, pools);
  if (!port) return fail(1, port.error());
  if (const auto started = port->start(groups(options.sources)); !started) return fail(1, started.error());
  auto generator = gl::load::Generator::make(options, *queries, pool->get());
  if (!generator) return fail(1, generator.error());
  gl::load::run(**generator, options, stop);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // The EAL takes what comes before `--`; the program's name heads both parts.
  int split = 1;
  while (split < argc && std::string(argv[split]) != "--" && std::string(argv[split]) != "--help") ++split;
  std::vector<char*> rest{argv[0]};
  const bool help = split < argc && std::string(argv[split]) == "--help";
  for (int i = help ? split : split + 1; i < argc; ++i) rest.push_back(argv[i]);
  auto options = gl::load::parse_options(static_cast<int>(rest.size()), rest.data());
  if (!options) return fail(2, options.error());
  if (options->help) {
    std::fputs(gl::load::usage(), stdout);
    return 0;
  }
  if (!options->pcap.file.empty()) {
    const gl::Status written = gl::load::write_pcap(*options);
    return written ? 0 : fail(1, written.error());
  }
  const auto eal = gl::dpdk::Eal::init({argv, argv + split});
  if (!eal) return fail(1, eal.error());
  const auto ask_stop = [](int) { stop = true; };
  std::signal(SIGINT, ask_stop);
  std::signal(SIGTERM, ask_stop);
  return generate(*options);
}
