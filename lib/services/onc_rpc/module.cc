#include "lib/services/onc_rpc/module.h"

#include <string_view>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/value_members.h"
#include "lib/services/onc_rpc/service.h"

namespace gl::onc_rpc {
namespace {

class OncRpcModule final : public ServiceModule {
 public:
  explicit OncRpcModule(std::shared_ptr<Mappings> mappings) : mappings_(std::move(mappings)) {}

  [[nodiscard]] std::string_view name() const override { return "rpc"; }

  [[nodiscard]] std::vector<ServiceOption> options() override {
    return {{"rpc", "on[,KEY=VALUE]...", "ONC RPC: rpcbind for private networks (off); docs/services.md",
             [this](const std::string& value) { return apply(value); }}};
  }
  [[nodiscard]] bool enabled() const override { return enabled_; }
  [[nodiscard]] std::vector<PortRange> datagram_ports() const override { return {{port_, port_}}; }

  [[nodiscard]] Result<std::vector<std::string>> load(const Surroundings&) override {
    shared_.allowed = allowed_.empty() ? private_networks() : allowed_;
    shared_.unix_time = static_cast<std::uint32_t>(unix_seconds());
    shared_.mappings = mappings_.get();
    for (std::uint32_t version = kRpcbindHighest; version >= kRpcbindLowest; --version) {
      for (const Transport transport : {Transport::tcp, Transport::udp}) {
        mappings_->add({kRpcbindProgram, version, transport, port_});
      }
    }
    return std::vector<std::string>{};
  }

  [[nodiscard]] Result<std::unique_ptr<Service>> make(Registry& registry) override {
    auto service = std::make_unique<OncRpcService>(shared_, registry);
    if (!registry.add(port_, *service)) return Error{"--rpc: port " + std::to_string(port_) + " is another service's"};
    return std::unique_ptr<Service>(std::move(service));
  }

  void tick(std::uint64_t, const OperatorLog&) override {
    shared_.unix_time.store(static_cast<std::uint32_t>(unix_seconds()), std::memory_order_relaxed);
  }

 private:
  Status apply(const std::string& value) {
    if (Status status = check_members(value, {"allow"}); !status) return status;
    bool enabled = true;
    std::uint16_t port = kRpcbindPort;
    AllowedNetworks allowed;
    std::size_t begin = 0;
    for (bool first = true; begin <= value.size(); first = false) {
      const std::size_t end = std::min(value.find(',', begin), value.size());
      const std::string part = value.substr(begin, end - begin);
      begin = end + 1;
      if (first && (part == "on" || part == "off")) {
        enabled = part == "on";
      } else if (!apply_part(part, port, allowed)) {
        return Error{"'" + part + "' is none of on, off, port=1..65535, allow=ADDRESS/LENGTH"};
      }
    }
    enabled_ = enabled;
    port_ = port;
    allowed_ = std::move(allowed);
    return success();
  }
  static bool apply_part(const std::string& part, std::uint16_t& port, AllowedNetworks& allowed) {
    if (part.starts_with("port=")) {
      const auto number = parse_decimal(std::string_view(part).substr(5), 1, 65535);
      if (number) port = static_cast<std::uint16_t>(*number);
      return number.has_value();
    }
    if (!part.starts_with("allow=")) return false;
    const auto network = parse_network(part.substr(6));
    if (network) allowed.push_back(*network);
    return network.has_value();
  }

  bool enabled_ = false;
  std::uint16_t port_ = kRpcbindPort;
  AllowedNetworks allowed_;
  const std::shared_ptr<Mappings> mappings_;
  OncRpcService::Shared shared_;  // its cores end before the module does
};

}  // namespace

std::unique_ptr<ServiceModule> make_onc_rpc_module(std::shared_ptr<Mappings> mappings) {
  return std::make_unique<OncRpcModule>(std::move(mappings));
}

}  // namespace gl::onc_rpc
