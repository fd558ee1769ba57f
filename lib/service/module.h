// A service as the main core sees it: what it is told, what every core gets of it, what it tells the operator.
// Ownership: the program owns its modules, and each core the instances that were made for it. Thread: main core, before
// the workers start, but for tick(), which runs beside them. Errors: one line.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/service/registry.h"
#include "lib/service/service.h"

namespace gl {

// A flag of the command line, and a key of the configuration file.
struct ServiceOption {
  std::string name;      // without dashes
  std::string argument;  // as --help shows it
  std::string help;
  std::function<Status(const std::string& value)> apply;
};

// Lines for the operator.
struct OperatorLog {
  std::function<void(const std::string&)> say;
  std::function<void(const std::string&)> warn;
};

class ServiceModule {
 public:
  // What a module may need of the program.
  struct Surroundings {
    std::function<void()> quiesce;     // returns when no core holds what was published before the call
    std::uint32_t linger_seconds = 0;  // how long what was replaced may still be needed
    std::uint64_t now_seconds = 0;     // monotonic
    bool immediate = false;            // --mode immediate: as the column's server
    // A key of this name, the same in every process that has the secret.
    std::function<std::array<std::uint8_t, 16>(std::string_view name)> derive_key;
  };

  ServiceModule() = default;
  ServiceModule(const ServiceModule&) = delete;
  ServiceModule& operator=(const ServiceModule&) = delete;
  virtual ~ServiceModule() = default;

  // As Service::name().
  [[nodiscard]] virtual std::string_view name() const = 0;
  // Its part of --help. Borrows the module.
  [[nodiscard]] virtual std::vector<ServiceOption> options() = 0;
  // Whether its options ask for it.
  [[nodiscard]] virtual bool enabled() const = 0;
  // The UDP ports that make() registers: nothing else of ours is sent from them.
  [[nodiscard]] virtual std::vector<PortRange> datagram_ports() const { return {}; }
  // Before load() of any module, once: its options have their last values.
  virtual void settle() {}
  // Before make(), once: what may fail or takes time, such as reading files. Returns warnings, a line each.
  [[nodiscard]] virtual Result<std::vector<std::string>> load(const Surroundings& around) {
    (void)around;
    return std::vector<std::string>{};
  }
  // In the place of load(), where nothing is to be served: what load() would refuse, without making or changing a file.
  [[nodiscard]] virtual Result<std::vector<std::string>> check(const Surroundings& around) {
    (void)around;
    return std::vector<std::string>{};
  }
  // The instance of one core, its ports registered there.
  [[nodiscard]] virtual Result<std::unique_ptr<Service>> make(Registry& registry) = 0;
  // SIGHUP: what was read from files is to be read again. It returns at once, and tick() sees to the end of it.
  virtual void reload() {}
  // Whether that is still to come.
  [[nodiscard]] virtual bool reloading() const { return false; }
  // On: no more clients are to be sent here, and whoever asks whether it is well is told.
  virtual void drain(bool on) { (void)on; }
  // Some times a second, while the workers run: what there is to say, a line each. `now_ms` is monotonic.
  virtual void tick(std::uint64_t now_ms, const OperatorLog& log) { (void)now_ms, (void)log; }
};

}  // namespace gl
