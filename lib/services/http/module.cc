#include "lib/services/http/module.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <utility>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/value_members.h"
#include "lib/base/writable_file.h"
#include "lib/services/http/access_log.h"
#include "lib/services/http/http.h"
#include "lib/services/http/origin_client.h"

namespace gl::http {
namespace {

// "192.0.2.1:8080", "[2001:db8::1]:80", as in a URI; nothing: it is none.
std::optional<std::string> parse_authority(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !parse_decimal(text.substr(colon + 1), 1, 65535)) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool v6 = host.starts_with('[') && host.ends_with(']');
  if (v6) host = host.substr(1, host.size() - 2);
  std::array<std::uint8_t, 16> bytes;
  if (inet_pton(v6 ? AF_INET6 : AF_INET, std::string(host).c_str(), bytes.data()) != 1) return std::nullopt;
  return std::string(text);
}

class HttpModule final : public ServiceModule {
 public:
  explicit HttpModule(std::shared_ptr<services::SharedFiles> shared_files) : files_(std::move(shared_files)) {}

  [[nodiscard]] std::string_view name() const override { return "http"; }

  [[nodiscard]] std::vector<ServiceOption> options() override {
    return {{"http", "PORT[,root=DIR][,backend=ADDRESS:PORT][,host=NAME][,health=PATH][,dot-files=on]",
             "HTTP: files of a directory, from memory, and what a server behind answers (off); repeat for more",
             [this](const std::string& value) { return add_site(value); }},
            {"http-backend-timeout", "SECONDS", "HTTP: how long a server behind has for its whole answer (10)",
             [this](const std::string& value) { return set_number(value, 3600, backend_timeout_s_); }},
            {"http-backend-memory", "MB", "HTTP: memory for answers of servers behind, a core (16)",
             [this](const std::string& value) { return set_number(value, 65536, backend_memory_mb_); }},
            {"http-log", "FILE[,every=N]", "HTTP: access log, of every request or every Nth (off)",
             [this](const std::string& value) { return set_log(value); }},
            {"file-memory", "MB", "memory for the files of all directories (1024)",
             [this](const std::string& value) { return files_->set_memory(value); }}};
  }
  [[nodiscard]] bool enabled() const override { return !sites_.empty(); }

  [[nodiscard]] Result<std::vector<std::string>> load(const Surroundings& around) override {
    linger_seconds_ = around.linger_seconds;
    shared_.unix_time = static_cast<std::int64_t>(unix_seconds());
    auto warnings = files_->load(around);
    if (!warnings) return Error{warnings.error()};
    if (log_) {
      if (Status status = log_->open(); !status) return Error{"--http-log: " + status.error()};
    }
    if (!origins_.empty()) {
      client_ = std::make_unique<OriginClient>(OriginSettings{
          .origins = origins_, .timeout_ms = backend_timeout_s_ * 1000, .keep_alive = !around.immediate});
      if (Status status = client_->start(); !status) return Error{"--http: " + status.error()};
    }
    return warnings;
  }

  [[nodiscard]] Result<std::vector<std::string>> check(const Surroundings& around) override {
    auto warnings = files_->load(around);
    if (!warnings || log_path_.empty()) return warnings;
    if (Status status = check_writable(log_path_); !status) return Error{"--http-log: " + status.error()};
    return warnings;
  }

  [[nodiscard]] Result<std::unique_ptr<Service>> make(Registry& registry) override {
    auto service = std::make_unique<HttpService>(files_->published(), shared_, linger_seconds_);
    if (client_ != nullptr) client_->add(service->open_gateway(std::size_t{backend_memory_mb_} << 20, origins_.size()));
    for (const auto& [port, sites] : sites_) {
      if (!registry.add_stream({port, port}, service->add_port(sites))) {
        return Error{"--http: TCP port " + std::to_string(port) + " is another service's"};
      }
    }
    if (log_) log_->add(service->log_requests(log_every_));
    return std::unique_ptr<Service>(std::move(service));
  }

  void reload() override {
    reopen_ = true;
    files_->reload();
  }

  [[nodiscard]] bool reloading() const override { return files_->reloading(); }
  void drain(bool on) override { shared_.draining = on; }

  void tick(std::uint64_t now_ms, const OperatorLog& log) override {
    shared_.unix_time.store(static_cast<std::int64_t>(unix_seconds()), std::memory_order_relaxed);
    files_->tick(now_ms, log);
    if (log_) write_log(log);
  }

 private:
  static Status set_number(const std::string& value, std::uint32_t most, std::uint32_t& number) {
    const auto given = parse_decimal(value, 1, most);
    if (!given) return Error{"'" + value + "' is no number from 1 to " + std::to_string(most)};
    number = *given;
    return success();
  }
  Status set_log(const std::string& value) {
    const std::size_t comma = std::min(value.rfind(",every="), value.size());
    if (comma == 0 || value.empty()) return Error{"'" + value + "' names no file"};
    if (value.ends_with(',')) return Error{"'" + value + "': nothing stands behind the last comma"};
    if (value.find(",every=") < comma) return Error{"'" + value + "': every is given twice"};
    log_every_ = 1;
    if (comma < value.size()) {
      const auto every = parse_decimal(std::string_view(value).substr(comma + 7), 1, 1'000'000'000);
      if (!every) return Error{"'" + value + "': every= takes a number from 1 on"};
      log_every_ = *every;
    }
    log_path_ = value.substr(0, comma);
    log_.emplace(log_path_);
    return success();
  }
  void write_log(const OperatorLog& log) {
    if (const auto error = log_->write()) log.warn("access log: " + *error);
    if (!std::exchange(reopen_, false)) return;
    if (Status status = log_->open(); !status) log.warn("access log: " + status.error());
  }
  Status add_site(const std::string& value) {
    if (Status status = check_members(value); !status) return status;
    const std::size_t comma = std::min(value.find(','), value.size());
    const auto port = parse_decimal(std::string_view(value).substr(0, comma), 1, 65535);
    if (!port) return Error{"'" + value.substr(0, comma) + "' is no port from 1 to 65535"};
    Site site;
    files::Directory directory;
    for (std::size_t at = comma + 1; at <= value.size();) {
      const std::size_t end = std::min(value.find(',', at), value.size());
      if (Status status = apply_part(value.substr(at, end - at), site, directory); !status) return status;
      at = end + 1;
    }
    if (directory.path.empty() && !site.origin) {
      return Error{"'" + value + "' names no directory and no server behind: root=DIR, backend=ADDRESS:PORT"};
    }
    if (directory.path.empty() && directory.dot_files) {
      return Error{"'" + value + "': dot-files has no effect without root=DIR"};
    }
    auto& sites = sites_[static_cast<std::uint16_t>(*port)];
    if (std::ranges::any_of(sites, [&](const Site& other) { return other.host == site.host; })) {
      return Error{"port " + std::to_string(*port) + " has a site for " +
                   (site.host.empty() ? "every name" : site.host) + " already"};
    }
    site.root = directory.path.empty() ? Site::kNoRoot : files_->add(directory);
    sites.push_back(std::move(site));
    return success();
  }
  Status apply_part(const std::string& part, Site& site, files::Directory& directory) {
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string key = part.substr(0, equals);
    const std::string value = part.substr(std::min(equals + 1, part.size()));
    if (key == "root" && !value.empty()) {
      directory.path = value;
    } else if (key == "host" && !value.empty()) {
      site.host = lower(value);
    } else if (key == "backend") {
      const auto authority = parse_authority(value);
      if (!authority) return Error{"'" + value + "' is no ADDRESS:PORT; an IPv6 address stands in brackets"};
      site.origin = origin_index(*authority);
    } else if (key == "health" && value.starts_with('/')) {
      site.health = value;
    } else if (key == "dot-files" && (value == "on" || value == "off")) {
      directory.dot_files = value == "on";
    } else {
      return Error{"'" + part + "' is none of root=DIR, backend=ADDRESS:PORT, host=NAME, health=/PATH, dot-files=on"};
    }
    return success();
  }

  unsigned origin_index(const std::string& authority) {
    const auto known = std::ranges::find(origins_, authority);
    if (known != origins_.end()) return static_cast<unsigned>(known - origins_.begin());
    origins_.push_back(authority);
    return static_cast<unsigned>(origins_.size() - 1);
  }

  std::map<std::uint16_t, std::vector<Site>> sites_;  // by port
  std::vector<std::string> origins_;                  // servers behind
  std::uint32_t backend_timeout_s_ = 10;
  std::uint32_t backend_memory_mb_ = 16;
  std::shared_ptr<services::SharedFiles> files_;
  std::uint32_t linger_seconds_ = 0;
  HttpService::Shared shared_;  // the cores read it
  std::optional<AccessLog> log_;
  std::string log_path_;
  std::uint32_t log_every_ = 1;
  bool reopen_ = false;
  std::unique_ptr<OriginClient> client_;  // null: no server behind
};

}  // namespace

std::unique_ptr<ServiceModule> make_http_module(std::shared_ptr<services::SharedFiles> files) {
  return std::make_unique<HttpModule>(std::move(files));
}

}  // namespace gl::http
