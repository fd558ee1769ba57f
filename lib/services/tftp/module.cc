#include "lib/services/tftp/module.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "lib/base/text.h"
#include "lib/base/value_members.h"
#include "lib/base/writable_file.h"
#include "lib/services/tftp/tftp.h"
#include "lib/services/tftp/upload_store.h"

namespace gl::tftp {
namespace {

// IANA's dynamic ports (RFC 6335 section 6).
constexpr PortRange kTids{49152, 65535};
constexpr std::uint32_t kTransfers = 1024;
constexpr std::uint16_t kLeastMtu = 576;

class TftpModule final : public ServiceModule {
 public:
  explicit TftpModule(std::shared_ptr<services::SharedFiles> files) : files_(std::move(files)) {}

  [[nodiscard]] std::string_view name() const override { return "tftp"; }

  [[nodiscard]] std::vector<ServiceOption> options() override {
    return {{"tftp", "PORT,root=DIR[,write=DIR][,KEY=VALUE]...",
             "TFTP: the files of a directory, from memory (off); docs/services.md",
             [this](const std::string& value) { return apply(value); }},
            {"tftp-transfers", "N", "TFTP: transfers of a core at once (1024)", [this](const std::string& value) {
               transfers_ = parse_decimal(value, 1, kMaxTransfers);
               if (!transfers_) return Status(Error{"'" + value + "' is no number from 1 to 16384"});
               return success();
             }}};
  }
  [[nodiscard]] bool enabled() const override { return port_ != 0; }
  [[nodiscard]] std::vector<PortRange> datagram_ports() const override { return {{port_, port_}, tids_}; }

  void settle() override {
    settings_.root = files_->add({directory_, false});
    settings_.writes = !write_.empty();
    settings_.most_written = std::uint64_t{write_limit_mb_} << 20;
    if (settings_.writes) store_.emplace(write_, settings_.most_written);
  }

  [[nodiscard]] Result<std::vector<std::string>> load(const Surroundings& around) override {
    if (store_) {
      if (Status status = store_->open(); !status) return Error{"--tftp: " + status.error()};
    }
    return files_->load(around);
  }

  [[nodiscard]] Result<std::vector<std::string>> check(const Surroundings& around) override {
    if (!write_.empty()) {
      if (Status status = check_writable(write_ + "/upload"); !status) return Error{"--tftp: " + status.error()};
    }
    return files_->load(around);
  }

  [[nodiscard]] Result<std::unique_ptr<Service>> make(Registry& registry) override {
    const CorePlace& place = registry.place();
    settings_.tids = {tids_.first, tids_.last, place.cores};
    settings_.core = place.core;
    settings_.mtu = place.mtu;
    if (place.mtu < kLeastMtu) return Error{"--tftp: an MTU of " + std::to_string(kLeastMtu) + " at least"};
    // With half of the ports free a new one is found at once, and guessing does not get easier.
    const std::uint32_t most = Transfers::ports_of_a_core(settings_.tids) / 2;
    if (most == 0 || transfers_.value_or(1) > most) {
      return Error{"--tftp-transfers: " + std::to_string(most) + " at most, half of the TIDs of a core (tids=)"};
    }
    settings_.transfers = std::min(transfers_.value_or(kTransfers), most);
    auto service = std::make_unique<TftpService>(files_->published(), settings_, registry);
    if (!registry.add_datagram({port_, port_}, service->request_port())) {
      return Error{"--tftp: UDP port " + std::to_string(port_) + " is another service's"};
    }
    if (!registry.add_datagram(tids_, service->transfer_ports())) {
      return Error{"--tftp: among the UDP ports " + std::to_string(tids_.first) + " to " + std::to_string(tids_.last) +
                   " is another service's (tids=)"};
    }
    if (store_) store_->add(service->uploads());
    return std::unique_ptr<Service>(std::move(service));
  }

  void reload() override { files_->reload(); }
  [[nodiscard]] bool reloading() const override { return files_->reloading(); }
  void tick(std::uint64_t now_ms, const OperatorLog& log) override {
    files_->tick(now_ms, log);
    if (store_) store_->tick(now_ms, log);
  }

 private:
  static constexpr std::uint32_t kMaxTransfers = 16384;

  Status apply(const std::string& value) {
    if (Status status = check_members(value); !status) return status;
    std::string_view rest = value;
    const std::string_view port_text = take_member(rest, ',');
    const auto port = parse_decimal(port_text, 1, 65535);
    if (!port) return Error{"'" + std::string(port_text) + "' is no port from 1 to 65535"};
    directory_.clear();
    write_.clear();
    write_limit_mb_ = kWriteLimitMb;
    settings_ = {};
    tids_ = kTids;
    while (!rest.empty()) {
      const std::string_view part = take_member(rest, ',');
      if (!apply_part(part)) {
        return Error{"'" + std::string(part) +
                     "' is none of root=DIR, write=DIR, write-limit=MB, wrap=0|1|refuse, blksize=8..65464, "
                     "windowsize=1..1024, tids=FIRST-LAST"};
      }
    }
    if (directory_.empty()) return Error{"'" + value + "' names no directory: root=DIR"};
    if (write_.empty() && value.find(",write-limit=") != std::string::npos) {
      return Error{"'" + value + "': write-limit has no effect without write=DIR"};
    }
    port_ = static_cast<std::uint16_t>(*port);
    return success();
  }

  bool apply_part(std::string_view part) {
    const std::string_view key = take_member(part, '=');
    if (key == "root" || key == "write") {
      (key == "root" ? directory_ : write_) = part;
      return !part.empty();
    }
    if (key == "write-limit") return apply_number(part, 1, kMaxWriteLimitMb, write_limit_mb_);
    if (key == "tids") return apply_tids(part);
    if (key == "wrap") return apply_wrap(part);
    if (key == "blksize") return apply_number(part, kMinBlksize, kMaxBlksize, settings_.blksize);
    if (key == "windowsize") return apply_number(part, 1, kMaxWindowsize, settings_.windowsize);
    return false;
  }
  bool apply_tids(std::string_view part) {
    const auto first = parse_decimal(take_member(part, '-'), 1024, 65535);
    const auto last = parse_decimal(part, 1024, 65535);
    if (!first || !last || *last < *first) return false;
    tids_ = {static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
    return true;
  }
  bool apply_wrap(std::string_view part) {
    if (part != "0" && part != "1" && part != "refuse") return false;
    settings_.wrap = part == "0" ? Wrap::zero : part == "1" ? Wrap::one : Wrap::refuse;
    return true;
  }
  template <class T>
  static bool apply_number(std::string_view part, std::uint32_t low, std::uint32_t high, T& to) {
    const auto number = parse_decimal(part, low, high);
    if (number) to = static_cast<T>(*number);
    return number.has_value();
  }

  static constexpr std::uint32_t kMaxWindowsize = 1024;
  static constexpr std::uint32_t kWriteLimitMb = 16;
  static constexpr std::uint32_t kMaxWriteLimitMb = 65536;

  std::shared_ptr<services::SharedFiles> files_;
  std::uint16_t port_ = 0;  // 0: off
  PortRange tids_ = kTids;
  TftpService::Settings settings_;
  std::optional<std::uint32_t> transfers_;
  std::string directory_;
  std::string write_;  // empty: off
  std::uint32_t write_limit_mb_ = kWriteLimitMb;
  std::optional<UploadStore> store_;  // where files are written
};

}  // namespace

std::unique_ptr<ServiceModule> make_tftp_module(std::shared_ptr<services::SharedFiles> files) {
  return std::make_unique<TftpModule>(std::move(files));
}

}  // namespace gl::tftp
