// The addresses that settings of zone transfers name: who is talked to at all, before anything of him is read.
// Byte order: addresses as on the wire. Ownership: values. Thread: any. Errors: none.
#pragma once

#include "lib/service/networks.h"
#include "lib/transfer/settings.h"

namespace gl::control {

// Whose NOTIFY is looked at.
[[nodiscard]] AllowedNetworks primaries_of(const transfer::TransferSettings& settings);
// These, and those that may have a zone.
[[nodiscard]] AllowedNetworks known_peers(const transfer::TransferSettings& settings);

}  // namespace gl::control
