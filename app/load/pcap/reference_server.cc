#include "app/load/pcap/reference_server.h"

#include <sodium.h>

#include <span>
#include <utility>

#include "lib/control/keys/cookie_epochs.h"
#include "lib/control/keys/secret_file.h"
#include "lib/control/options/settings.h"

namespace gl::load {

namespace {

services::DnsSettings settings_of(const PcapOptions& o) {
  services::DnsSettings settings;
  settings.tcp_keepalive = control::promised_idle(o.epoch_seconds);
  return settings;
}

// SYNs and datagrams are the same under any key.
Result<tcp::CookieKeys> keys_of(const PcapOptions& o, std::uint64_t unix_time) {
  control::Secrets secrets;
  secrets.node.resize(1);
  if (!o.secret.empty()) {
    auto read = control::read_secret_file(o.secret);
    if (!read) return Error{read.error()};
    secrets = std::move(*read);
  }
  return control::cookie_keys(secrets.node, unix_time, o.epoch_seconds);
}

Result<zone::LoadedZones> zones_of(const PcapOptions& o) {
  const zone::ZoneSource source{o.zone, ""};
  return zone::load_zones(std::span(&source, o.zone.empty() ? 0 : 1));
}

}  // namespace

Result<std::unique_ptr<ReferenceServer>> ReferenceServer::make(const Options& options, std::uint64_t unix_time) {
  if (sodium_init() < 0) return Error{"libsodium does not start"};
  const auto keys = keys_of(options.pcap, unix_time);
  if (!keys) return Error{keys.error()};
  auto zones = zones_of(options.pcap);
  if (!zones) return Error{zones.error()};
  return std::unique_ptr<ReferenceServer>(new ReferenceServer(options, std::move(*zones), *keys));
}

ReferenceServer::ReferenceServer(const Options& options, zone::LoadedZones zones, const tcp::CookieKeys& keys)
    : zones_(std::move(zones)), dns_(settings_of(options.pcap), published_zones_), keys_(keys) {
  published_.current = zones_.snapshot.get();
  interface_.mac = *options.target_mac;
  std::visit([this](const auto& address) { (void)interface_.add(address); }, options.target);  // the first has room
  (void)services_.add(options.target_port, dns_);
  dns_.begin_burst(0);
  responder_.begin_burst(0, keys_);
}

datapath::Verdict ReferenceServer::give(Bytes frame) noexcept {
  sink_.count = 0;
  sink_.first.copy(frame);
  datapath::Frame in;
  in.data = sink_.first.data();
  in.length = frame.size();
  in.capacity = FrameBuffer::kRoom;
  const datapath::Verdict verdict = pipeline_.process(in, interface_, sink_);
  if (sink_.count == 0) sink_.first.set_length(0);
  return verdict;
}

void ReferenceServer::FirstReply::reply(datapath::Frame& frame) noexcept {
  ++count;
  first.set_length(frame.length);
}

bool ReferenceServer::FirstReply::extra(datapath::Frame& frame) noexcept {
  frame.data = others.data();
  frame.capacity = FrameBuffer::kRoom;
  return true;
}

}  // namespace gl::load
