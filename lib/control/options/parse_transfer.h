// What the flags of zone transfers say.
// Thread: pure functions. Errors: one line that says what is allowed, without the flag's name.
#pragma once

#include <string>

#include "lib/base/result.h"
#include "lib/transfer/settings.h"

namespace gl::control {

// ZONE@ADDRESS[:PORT][,tsig=KEY][,ixfr=off][,notify-from=ADDRESS]: a primary more for that zone.
[[nodiscard]] Status add_secondary(transfer::TransferSettings& settings, const std::string& text, bool catalog);
// [ZONE@]ADDRESS[:PORT][,tsig=KEY]
[[nodiscard]] Status add_notify(transfer::TransferSettings& settings, const std::string& text);
// [ZONE@]NET[,tsig=KEY]
[[nodiscard]] Status add_allow(transfer::TransferSettings& settings, const std::string& text);
// ADDRESS:PORT
[[nodiscard]] Status parse_transfer_listen(transfer::TransferSettings& settings, const std::string& text);

}  // namespace gl::control
