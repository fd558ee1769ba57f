// Lets dpdk-dumpcap attach as a secondary process (rte_pdump).
// Ownership: ends with the object. Thread: main core; capturing itself copies frames on the workers, only while
// somebody captures.
#pragma once

#include <string>

namespace gl::dpdk {

class Capture {
 public:
  // Never fails the start: `why_not` then says why nobody can attach.
  Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture();

  [[nodiscard]] const std::string& why_not() const noexcept { return why_not_; }

 private:
  std::string why_not_;
};

}  // namespace gl::dpdk
