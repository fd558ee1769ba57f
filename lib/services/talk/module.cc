#include "lib/services/talk/module.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "lib/base/append_file.h"
#include "lib/base/text.h"
#include "lib/base/writable_file.h"
#include "lib/services/talk/talk.h"
#include "lib/services/talk/text.h"

namespace gl::services {
namespace {

constexpr std::uint64_t kSilenceMs = 15'000;  // as the textbook's server

std::string lines_of(const TalkService::Message& message) {
  return talk_lines(address_text(message.peer.data(), message.peer_length), message.peer_port,
                    {message.text.data(), message.length});
}

class TalkModule final : public ServiceModule {
 public:
  [[nodiscard]] std::string_view name() const override { return "talk"; }

  [[nodiscard]] std::vector<ServiceOption> options() override {
    return {{"talk", "PORT[,log=FILE]", "simplex-talk over UDP: prints what comes, never answers (off; stdout)",
             [this](const std::string& value) { return apply(value); }}};
  }
  [[nodiscard]] bool enabled() const override { return port_ != 0; }
  [[nodiscard]] std::vector<PortRange> datagram_ports() const override { return {{port_, port_}}; }

  [[nodiscard]] Result<std::vector<std::string>> load(const Surroundings&) override {
    if (file_) {
      if (Status status = file_->open(); !status) return Error{"--talk: " + status.error()};
    }
    return std::vector<std::string>{};
  }

  [[nodiscard]] Result<std::vector<std::string>> check(const Surroundings&) override {
    if (path_.empty()) return std::vector<std::string>{};
    if (Status status = check_writable(path_); !status) return Error{"--talk: " + status.error()};
    return std::vector<std::string>{};
  }

  [[nodiscard]] Result<std::unique_ptr<Service>> make(Registry& registry) override {
    auto service = std::make_unique<TalkService>();
    if (!registry.add_datagram({port_, port_}, *service)) {
      return Error{"--talk: UDP port " + std::to_string(port_) + " is another service's"};
    }
    services_.push_back(service.get());
    return std::unique_ptr<Service>(std::move(service));
  }

  void reload() override { reopen_ = true; }

  void tick(std::uint64_t now_ms, const OperatorLog& log) override {
    std::string text;
    TalkService::Message message;
    for (TalkService* const service : services_) {
      while (service->pop(message)) text += lines_of(message);
    }
    if (!text.empty() || !silent_since_) {
      silent_since_ = now_ms;
      noted_ = false;
    } else if (!noted_ && now_ms - *silent_since_ >= kSilenceMs) {
      text = "no message for 15 seconds\n";
      noted_ = true;
    }
    if (const auto error = write(text)) log.warn("talk: " + *error);
    if (!std::exchange(reopen_, false) || !file_) return;
    if (Status status = file_->open(); !status) log.warn("talk: " + status.error());
  }

 private:
  std::optional<std::string> write(std::string_view text) {
    if (file_) return file_->write(text);
    (void)write_all(STDOUT_FILENO, text);  // perhaps nobody reads it
    return std::nullopt;
  }

  Status apply(const std::string& value) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const auto port = parse_decimal(std::string_view(value).substr(0, comma), 1, 65535);
    if (!port) return Error{"'" + value.substr(0, comma) + "' is no port from 1 to 65535"};
    file_.reset();
    path_.clear();
    if (comma < value.size()) {
      constexpr std::string_view kLog = "log=";
      const std::string part = value.substr(comma + 1);
      if (!part.starts_with(kLog) || part.size() == kLog.size()) return Error{"'" + part + "' is not log=FILE"};
      path_ = part.substr(kLog.size());
      file_.emplace(path_);
    }
    port_ = static_cast<std::uint16_t>(*port);
    return success();
  }

  std::uint16_t port_ = 0;
  std::optional<AppendFile> file_;
  std::string path_;  // empty: standard output
  bool reopen_ = false;
  std::vector<TalkService*> services_;  // a core each; the cores own them
  std::optional<std::uint64_t> silent_since_;
  bool noted_ = false;
};

}  // namespace

std::unique_ptr<ServiceModule> make_talk_module() {
  return std::make_unique<TalkModule>();
}

}  // namespace gl::services
