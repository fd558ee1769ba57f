#include "lib/control/start/services.h"

#include <memory>
#include <utility>

#include "lib/services/dns/router.h"

namespace gl::control {
namespace {

template <class S, class... Arguments>
S& keep(worker::WorkerContext& context, Arguments&&... arguments) {
  auto service = std::make_unique<S>(std::forward<Arguments>(arguments)...);
  S& kept = *service;
  context.own_services.push_back(std::move(service));
  return kept;
}

// Zones alone, or with what is forwarded beside them.
services::DnsService& make_dns(worker::WorkerContext& context, const Settings& settings,
                               const std::atomic<const zone::PublishedZones*>& zones,
                               const dns::CookiePublication& cookies, dns::Tap* tap) {
  services::DnsSettings dns = settings.dns;
  dns.tcp_keepalive = promised_idle(settings.epoch_seconds);
  if (!settings.notify_doors.empty()) dns.notify = settings.notify_doors[context.settings.index].get();
  auto& from_zones = keep<services::DnsZoneService>(context, dns, zones, &cookies);
  if (tap != nullptr && settings.dnstap->auth) from_zones.tap_to(tap);
  if (context.forwarder == nullptr) return from_zones;
  auto& forward = keep<services::DnsForwardService>(context, *context.forwarder, &from_zones.admission());
  if (tap != nullptr && settings.dnstap->forward) {
    context.forwarder->tap_to(tap);
    forward.tap_to(tap);
  }
  return keep<services::DnsRouter>(context, from_zones, forward);
}

Status add_dns(worker::WorkerContext& context, const Settings& settings,
               const std::atomic<const zone::PublishedZones*>& zones, const dns::CookiePublication& cookies,
               dns::Tap* tap) {
  services::DnsService& dns = make_dns(context, settings, zones, cookies, tap);
  if (!context.services.add(static_cast<Service&>(dns))) return Error{"too many services"};
  for (const std::uint16_t port : settings.service_ports) {
    if (!context.services.add(port, dns)) return Error{"--port: " + std::to_string(port) + " is another service's"};
  }
  return success();
}

}  // namespace

Status add_services(worker::WorkerContext& context, const Settings& settings,
                    const std::atomic<const zone::PublishedZones*>& zones, const dns::CookiePublication& cookies,
                    dns::Tap* tap) {
  if (!settings.zones.empty() || !settings.transfers.secondaries.empty() || settings.forward.enabled()) {
    if (Status status = add_dns(context, settings, zones, cookies, tap); !status) return status;
  }
  for (const auto& module : settings.modules) {
    if (!module->enabled()) continue;
    auto service = module->make(context.services);
    if (!service) return Error{service.error()};
    if (!context.services.add(**service)) return Error{"too many services"};
    context.own_services.push_back(std::move(*service));
  }
  return success();
}

}  // namespace gl::control
