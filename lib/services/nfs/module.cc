#include "lib/services/nfs/module.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/text.h"
#include "lib/base/value_members.h"
#include "lib/services/nfs/service.h"

namespace gl::nfs {
namespace {

constexpr std::uint16_t kLeastMtu = 576;

class NfsModule final : public ServiceModule {
 public:
  NfsModule(std::shared_ptr<services::SharedFiles> files, std::shared_ptr<onc_rpc::Mappings> mappings)
      : files_(std::move(files)), mappings_(std::move(mappings)) {}

  [[nodiscard]] std::string_view name() const override { return "nfs"; }

  [[nodiscard]] std::vector<ServiceOption> options() override {
    return {{"nfs", "root=DIR[,...]", "NFS v3, read-only, of a directory (off; port 2049); docs/services.md",
             [this](const std::string& value) { return apply(value); }}};
  }
  [[nodiscard]] bool enabled() const override { return !wanted_.exports.empty(); }
  [[nodiscard]] std::vector<PortRange> datagram_ports() const override { return {{wanted_.port, wanted_.port}}; }

  void settle() override {
    for (Export& each : wanted_.exports) {
      each.root = files_->add({each.directory, wanted_.dot_files, false, each.name});
      each.directory = absolute(each.directory);
    }
    std::ranges::stable_sort(wanted_.exports, std::ranges::greater(), [](const Export& e) { return e.name.size(); });
  }

  [[nodiscard]] Result<std::vector<std::string>> load(const Surroundings& around) override {
    shared_.allowed = wanted_.allowed.empty() ? private_networks() : wanted_.allowed;
    for (const AllowedNetwork& network : shared_.allowed) shared_.exports.groups.push_back(text_of(network));
    shared_.exports.list = wanted_.exports;
    shared_.proofs = AddressProofs(around.derive_key("file handles"));
    for (const std::uint32_t program : {kNfsProgram, kMountProgram}) {
      for (const auto transport : {onc_rpc::Transport::tcp, onc_rpc::Transport::udp}) {
        mappings_->add({program, kVersion, transport, wanted_.port});
      }
    }
    return files_->load(around);
  }

  [[nodiscard]] Result<std::vector<std::string>> check(const Surroundings& around) override {
    return files_->load(around);
  }

  [[nodiscard]] Result<std::unique_ptr<Service>> make(Registry& registry) override {
    if (registry.place().mtu < kLeastMtu) return Error{"--nfs: an MTU of " + std::to_string(kLeastMtu) + " at least"};
    auto service = std::make_unique<NfsService>(shared_, files_->published(), registry);
    if (!registry.add(wanted_.port, *service)) {
      return Error{"--nfs: port " + std::to_string(wanted_.port) + " is another service's"};
    }
    return std::unique_ptr<Service>(std::move(service));
  }

  void reload() override { files_->reload(); }
  [[nodiscard]] bool reloading() const override { return files_->reloading(); }
  void tick(std::uint64_t now_ms, const OperatorLog& log) override { files_->tick(now_ms, log); }

 private:
  struct Wanted {
    std::uint16_t port = kNfsPort;
    bool dot_files = false;
    AllowedNetworks allowed;
    std::vector<Export> exports;
  };

  Status apply(const std::string& value) {
    if (Status status = check_members(value, {"root", "allow"}); !status) return status;
    Wanted wanted;
    std::string_view rest = value;
    do {
      const std::string_view part = take_member(rest, ',');
      if (Status status = apply_part(part, wanted); !status) return status;
    } while (!rest.empty());
    if (wanted.exports.empty()) return Error{"'" + value + "' names no directory: root=DIR"};
    wanted_ = std::move(wanted);
    return success();
  }
  static Status apply_part(std::string_view part, Wanted& wanted) {
    std::string_view value = part;
    const std::string_view key = take_member(value, '=');
    if (key == "root" && !value.empty()) return add_export(value, wanted);
    if (key == "port") {
      const auto number = parse_decimal(value, 1, 65535);
      if (number) return wanted.port = static_cast<std::uint16_t>(*number), success();
    } else if (key == "allow") {
      const auto network = parse_network(std::string(value));
      if (network) return wanted.allowed.push_back(*network), success();
    } else if (key == "dot-files" && (value == "on" || value == "off")) {
      return wanted.dot_files = value == "on", success();
    }
    return Error{"'" + std::string(part) +
                 "' is none of root=[/NAME=]DIR, port=1..65535, allow=ADDRESS/LENGTH, dot-files=on|off"};
  }
  // DIR, or /NAME=DIR.
  static Status add_export(std::string_view value, Wanted& wanted) {
    std::string_view name = "/";
    if (const std::size_t equals = value.find('='); value.starts_with('/') && equals != std::string_view::npos) {
      name = value.substr(0, equals);
      value.remove_prefix(equals + 1);
    }
    const bool proper = name == "/" || (name.size() <= kMaxName && !name.ends_with('/'));
    const bool known = std::ranges::find(wanted.exports, name, &Export::name) != wanted.exports.end();
    if (!proper || value.empty()) return Error{"'" + std::string(name) + "' is no name of a directory to mount"};
    if (known) return Error{"there is a directory '" + std::string(name) + "' already: root=/NAME=DIR"};
    wanted.exports.push_back({std::string(name), std::string(value), 0});
    return success();
  }

  static std::string absolute(const std::string& directory) {
    std::string path = std::filesystem::absolute(directory).lexically_normal().string();
    while (path.ends_with('/')) path.pop_back();
    return path;
  }

  const std::shared_ptr<services::SharedFiles> files_;
  const std::shared_ptr<onc_rpc::Mappings> mappings_;
  Wanted wanted_;
  NfsService::Shared shared_;  // its cores end before the module does
};

}  // namespace

std::unique_ptr<ServiceModule> make_nfs_module(std::shared_ptr<services::SharedFiles> files,
                                               std::shared_ptr<onc_rpc::Mappings> mappings) {
  return std::make_unique<NfsModule>(std::move(files), std::move(mappings));
}

}  // namespace gl::nfs
