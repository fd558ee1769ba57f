// What may be asked of the running server as a whole; the supervisor does it.
// Units: seconds. Thread: main core. Errors: one line for the operator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"

namespace gl::control {

// What became of reading secrets, zones and the services' files again.
struct ReloadReport {
  std::size_t changed = 0;  // zones
  std::size_t refused = 0;
  std::size_t same = 0;             // or not read, because its files have not changed
  std::vector<std::string> errors;  // a line each: zones refused, secrets
};

class Operations {
 public:
  enum class State : std::uint8_t { serving, draining, ending };

  virtual ~Operations() = default;

  [[nodiscard]] virtual State state() const = 0;
  // Health paths say no from now on; with `seconds` they say yes again by themselves after that time.
  [[nodiscard]] virtual Status drain(std::optional<std::uint32_t> seconds) = 0;
  [[nodiscard]] virtual Status undrain() = 0;
  // As SIGTERM, with `seconds` in the place of --drain.
  virtual void stop(std::optional<std::uint32_t> seconds) = 0;
  // Begins as SIGHUP does, or to read this one zone. Returns the number of the reload.
  [[nodiscard]] virtual std::uint64_t begin_reload() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> begin_reload_of(const std::string& zone) = 0;
  // What became of the last one, once that of this number has ended; nothing before.
  [[nodiscard]] virtual std::optional<ReloadReport> ended_reload(std::uint64_t number) const = 0;
  [[nodiscard]] virtual bool is_reloading() const = 0;
};

}  // namespace gl::control
