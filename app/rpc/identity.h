// Who a client is: an id that was drawn at random, and how often it has been started under it.
// Ownership: holds the lock of its file, so that no two clients are the same one. Thread: one. Errors: one line.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/result.h"

namespace gl::rpc_client {

class Identity {
 public:
  // `path`: `ID BOOT` as text, hexadecimal and decimal; made where it is not there. Empty: nothing is kept.
  [[nodiscard]] static Result<Identity> next(const std::string& path);
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  Identity(Identity&& other) noexcept;
  Identity& operator=(Identity&&) = delete;
  ~Identity();

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::uint32_t boot() const { return boot_; }

 private:
  Identity() = default;
  [[nodiscard]] Status load(const std::string& path);

  std::uint64_t id_ = 0;
  std::uint32_t boot_ = 1;
  int lock_ = -1;
};

}  // namespace gl::rpc_client
