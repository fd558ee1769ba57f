#include "lib/services/sum/module.h"

#include <string_view>

#include "lib/base/text.h"
#include "lib/base/value_members.h"
#include "lib/services/sum/sum.h"

namespace gl::services {
namespace {

constexpr std::uint16_t kPort = 5434;
constexpr unsigned kLinesPerSecond = 20;  // whoever sends lists does not fill the log

std::string text_of(const SumService::Line& line) {
  const std::string address = address_text(line.peer.data(), line.peer_length);
  std::string text = "sum of " + std::to_string(line.count) + " integers from ";
  text.append(line.peer_length == 4 ? "" : "[").append(address).append(line.peer_length == 4 ? ":" : "]:");
  text.append(std::to_string(line.peer_port)).append(": ");
  return text.append(std::to_string(static_cast<std::int32_t>(line.sum)));
}

class SumModule final : public ServiceModule {
 public:
  [[nodiscard]] std::string_view name() const override { return "sum"; }

  [[nodiscard]] std::vector<ServiceOption> options() override {
    return {{"sum", "PORT[,reply=on]",
             "sums of 32-bit integers over UDP, logged and returned; `on` for PORT: 5434 (off)",
             [this](const std::string& value) { return apply(value); }}};
  }
  [[nodiscard]] bool enabled() const override { return enabled_; }
  [[nodiscard]] std::vector<PortRange> datagram_ports() const override { return {{port_, port_}}; }

  [[nodiscard]] Result<std::unique_ptr<Service>> make(Registry& registry) override {
    auto service = std::make_unique<SumService>(replies_, registry);
    if (!registry.add_datagram({port_, port_}, *service)) {
      return Error{"--sum: UDP port " + std::to_string(port_) + " is another service's"};
    }
    services_.push_back(service.get());
    return std::unique_ptr<Service>(std::move(service));
  }

  void tick(std::uint64_t now_ms, const OperatorLog& log) override {
    if (now_ms / 1000 != second_) {
      second_ = now_ms / 1000;
      if (passed_over_ != 0) log.say(std::to_string(passed_over_) + " more sums within a second");
      said_ = passed_over_ = 0;
    }
    SumService::Line line;
    for (SumService* const service : services_) {
      while (service->pop(line)) {
        if (said_ < kLinesPerSecond) {
          ++said_;
          log.say(text_of(line));
        } else {
          ++passed_over_;
        }
      }
    }
  }

 private:
  Status apply(const std::string& value) {
    if (Status status = check_members(value); !status) return status;
    std::size_t at = 0;
    for (bool first = true; at <= value.size(); first = false) {
      const std::size_t end = std::min(value.find(',', at), value.size());
      if (Status status = apply_part(value.substr(at, end - at), first); !status) return status;
      at = end + 1;
    }
    return success();
  }
  Status apply_part(const std::string& part, bool first) {
    if (first && (part == "on" || part == "off")) {
      enabled_ = part == "on";
      return success();
    }
    if (const auto port = parse_decimal(part, 1, 65535); first && port) {
      port_ = static_cast<std::uint16_t>(*port);
      enabled_ = true;
      return success();
    }
    if (part == "reply=on" || part == "reply=off") {
      replies_ = part == "reply=on";
      enabled_ = enabled_ || first;
      return success();
    }
    if (part.starts_with("port=")) {
      if (const auto port = parse_decimal(std::string_view(part).substr(5), 1, 65535)) {
        port_ = static_cast<std::uint16_t>(*port);
        enabled_ = enabled_ || first;
        return success();
      }
    }
    return Error{"'" + part + "' is none of 1..65535, on, off, port=1..65535, reply=on, reply=off"};
  }

  bool enabled_ = false;
  bool replies_ = false;
  std::uint16_t port_ = kPort;
  std::vector<SumService*> services_;  // a core each; the cores own them
  std::uint64_t second_ = 0;
  unsigned said_ = 0;
  unsigned passed_over_ = 0;
};

}  // namespace

std::unique_ptr<ServiceModule> make_sum_module() {
  return std::make_unique<SumModule>();
}

}  // namespace gl::services
