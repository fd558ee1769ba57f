#include "lib/services/rpc_once/module.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <random>
#include <string_view>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/value_members.h"
#include "lib/base/writable_file.h"
#include "lib/services/rpc_once/boot_counter.h"
#include "lib/services/rpc_once/journal.h"
#include "lib/services/rpc_once/rpc_once.h"
#include "lib/services/talk/text.h"

namespace gl::rpc_once {
namespace {

std::string line_of(std::uint64_t number, const RpcOnceService::Execution& execution) {
  char id[17];
  std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(execution.client));
  std::string line = std::to_string(number) + ' ' + id + '.' + std::to_string(execution.client_boot) + '.';
  line.append(std::to_string(execution.handle.call)).append(1, ' ');
  return line.append(services::harmless({execution.line.data(), execution.length})).append(1, '\n');
}

class RpcOnceModule final : public ServiceModule {
 public:
  [[nodiscard]] std::string_view name() const override { return "rpc-once"; }

  [[nodiscard]] std::vector<ServiceOption> options() override {
    return {{"rpc-once", "PORT[,journal=FILE][,state=FILE]", "RPC with ACK over UDP, each call executed once (off)",
             [this](const std::string& value) { return apply(value); }}};
  }
  [[nodiscard]] bool enabled() const override { return port_ != 0; }
  [[nodiscard]] std::vector<PortRange> datagram_ports() const override { return {{port_, port_}}; }

  [[nodiscard]] Result<std::vector<std::string>> load(const Surroundings&) override {
    std::vector<std::string> warnings;
    journal_.emplace(journal_path_);
    const auto cut = journal_->open();
    if (!cut) return Error{"--rpc-once: " + cut.error()};
    if (*cut) warnings.push_back(journal_path_ + " ended in a part of a line, which was cut off");
    const auto boot = next_boot_counter(state_path_, unix_seconds());
    if (!boot) return Error{"--rpc-once: " + boot.error()};
    shared_.server_boot = *boot;
    std::random_device random;
    shared_.seed = std::uint64_t{random()} << 32 | random();
    shared_.lines = journal_->lines();
    return warnings;
  }

  [[nodiscard]] Result<std::vector<std::string>> check(const Surroundings&) override {
    for (const std::string& path : {journal_path_, state_path_}) {
      if (Status status = check_writable(path); !status) return Error{"--rpc-once: " + status.error()};
    }
    return std::vector<std::string>{};
  }

  [[nodiscard]] Result<std::unique_ptr<Service>> make(Registry& registry) override {
    auto service = std::make_unique<RpcOnceService>(shared_, registry);
    if (!registry.add_datagram({port_, port_}, *service)) {
      return Error{"--rpc-once: UDP port " + std::to_string(port_) + " is another service's"};
    }
    return std::unique_ptr<Service>(std::move(service));
  }

  // What the cores have gathered, as one piece; then they are told.
  void tick(std::uint64_t, const OperatorLog& log) override {
    if (!std::exchange(announced_, true)) {
      log.say("rpc-once: boot counter " + std::to_string(shared_.server_boot) + ", journal with " +
              counted(journal_->lines(), "line"));
    }
    std::string text;
    std::vector<Done> done;
    for (RpcOnceService* const core : shared_.cores) {
      RpcOnceService::Execution execution;
      for (std::size_t n = 0; n < RpcOnceService::kExecutions && core->take(execution); ++n) {
        const std::uint64_t number = journal_->lines() + done.size() + 1;
        text += line_of(number, execution);
        done.push_back({core, {execution.handle, ReplyStatus::success, number}});
      }
    }
    if (done.empty()) return;
    const auto error = journal_->append(text, done.size());
    if (error && !std::exchange(failing_, true)) log.warn("rpc-once: " + *error);
    if (!error) failing_ = false;
    shared_.lines.store(journal_->lines(), std::memory_order_relaxed);
    for (Done& one : done) {
      if (error) one.outcome.status = ReplyStatus::not_executed;
      one.core->finish(one.outcome);
    }
  }

 private:
  struct Done {
    RpcOnceService* core;
    RpcOnceService::Outcome outcome;
  };

  Status apply(const std::string& value) {
    if (Status status = check_members(value); !status) return status;
    std::string_view rest = value;
    const auto port = parse_decimal(take_member(rest, ','), 1, 65535);
    if (!port) return Error{"'" + value.substr(0, value.find(',')) + "' is no port from 1 to 65535"};
    std::string journal;
    std::string state;
    while (!rest.empty()) {
      const std::string part(take_member(rest, ','));
      std::string* const path = part.starts_with("journal=") ? &journal : part.starts_with("state=") ? &state : nullptr;
      if (path == nullptr || part.ends_with('=')) return Error{"'" + part + "' is none of journal=FILE, state=FILE"};
      *path = part.substr(part.find('=') + 1);
    }
    port_ = static_cast<std::uint16_t>(*port);
    journal_path_ = journal;
    state_path_ = state;
    return success();
  }

  std::uint16_t port_ = 0;
  std::string journal_path_;
  std::string state_path_;
  std::optional<Journal> journal_;
  bool failing_ = false;
  bool announced_ = false;
  RpcOnceService::Shared shared_;  // its cores end before the module does
};

}  // namespace

std::unique_ptr<ServiceModule> make_rpc_once_module() {
  return std::make_unique<RpcOnceModule>();
}

}  // namespace gl::rpc_once
