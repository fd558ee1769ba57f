// What --dnstap says. Ownership: plain values. Thread: main core, before anything starts.
#pragma once

#include <cstdint>
#include <string>

#include "lib/wire/address.h"

namespace gl::control {

struct DnstapSettings {
  enum class Kind : std::uint8_t { file, unix_socket, tcp };
  Kind kind = Kind::file;
  std::string target;       // as it was written, without `file:`, `unix:` or `tcp:`: the path
  wire::IpAddress address;  // of tcp
  std::uint16_t port = 0;   // likewise, host order
  std::uint32_t sample = 1;
  bool auth = true;      // answers from zones
  bool forward = true;   // what is forwarded
  std::string identity;  // empty: the host's name
  std::string version = "goldilocks " GOLDILOCKS_VERSION;
};

}  // namespace gl::control
