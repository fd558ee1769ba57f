// All metrics in Prometheus' text format, as they are at the moment of the question.
// Ownership: borrows what it reads. Thread: one at a time, not a worker's.
#pragma once

#include <string>

#include "lib/control/metrics/collect.h"

namespace gl::control {

class Exporter {
 public:
  // `helper` may be null: nothing goes to backends over TCP.
  Exporter(const Workers& workers, const Network& network, const ZoneStore& zones, const tcp_client::TcpHelper* helper,
           const TapWriter* tap = nullptr, const Transfers* transfers = nullptr)
      : workers_(workers), network_(network), zones_(zones), helper_(helper), tap_(tap), transfers_(transfers) {}

  [[nodiscard]] std::string text() {
    MetricFamilies families;
    collect_process(families);
    collect_cores(families, workers_, idle_);
    collect_ports(families, workers_, network_);
    collect_services(families, workers_);
    collect_backends(families, workers_, helper_);
    collect_dnstap(families, tap_);
    collect_zones(families, zones_.list(), zones_.loads());
    collect_transfers(families, transfers_);
    return families.text();
  }

 private:
  const Workers& workers_;
  const Network& network_;
  const ZoneStore& zones_;
  const tcp_client::TcpHelper* helper_;
  const TapWriter* tap_;
  const Transfers* transfers_;
  IdleSeconds idle_;
};

}  // namespace gl::control
