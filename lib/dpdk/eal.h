// The environment abstraction layer: initialised once, cleaned up at the end.
// Ownership: hugepages, lcores, devices of the process. Thread: main core. Errors: one line; the EAL logs details
// itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lib/base/result.h"

namespace gl::dpdk {

class Eal {
 public:
  // `arguments` is everything before `--`, the program's name first. Workers inherit the caller's signal mask.
  [[nodiscard]] static Result<Eal> init(const std::vector<std::string>& arguments);

  Eal(Eal&& other) noexcept : live_(std::exchange(other.live_, false)) {}
  Eal& operator=(Eal&&) = delete;
  ~Eal();

  // A device is gone: nothing is cleaned up at the end, as that would wait for it.
  void abandon() noexcept { live_ = false; }

  // After a failed init(): the EAL refused its arguments.
  [[nodiscard]] static bool arguments_refused() noexcept;

  // The lcores that poll, in order: every enabled one but the main lcore.
  [[nodiscard]] static std::vector<unsigned> worker_lcores();

 private:
  Eal() = default;
  bool live_ = true;
};

}  // namespace gl::dpdk
