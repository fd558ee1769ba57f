// The service manager that started this program (systemd, Type=notify), told how it is by sd_notify(3): ready,
// reloading, stopping, alive, and a line of status. Says nothing where $NOTIFY_SOCKET is not set. Thread: main core.
// Errors: one warning; a manager that does not listen is no reason to end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/control/start/watchdog.h"

namespace gl::control {

class ServiceManager {
 public:
  ServiceManager();

  void starting(const std::string& status);
  // `status` stays what it is told after a reload, too.
  void serving(const std::string& status);
  void reloading();
  void reloaded();
  void stopping(const std::string& status);
  // Some times a second. `rounds` as in Watchdog.
  void tick(std::vector<std::uint64_t> rounds);
  // Whether tick() has anything to do.
  [[nodiscard]] bool watches() const noexcept { return watchdog_.enabled(); }

 private:
  void tell(const std::string& state);

  Watchdog watchdog_;
  std::string serving_;
  bool unheard_ = false;  // warned of
};

}  // namespace gl::control
