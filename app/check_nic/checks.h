// What is tried on a cable, one line each: ok, `no` where the port does not do it and software does, or FAIL where it
// says that it does, or has to, and does not.
// Thread: main core. Errors: a line with FAIL.
#pragma once

#include <functional>
#include <string>

#include "app/check_nic/cable.h"

namespace gl::check_nic {

enum class Verdict : std::uint8_t { ok, no, fail };
using Print = std::function<void(Verdict verdict, const std::string& what, const std::string& found)>;

[[nodiscard]] bool check_cable(Cable& cable, const Print& print);  // whether any frame comes at all
void check_frames(Cable& cable, const Print& print);               // every length, IPv4 and IPv6, with a VLAN tag
void check_sent_checksums(Cable& cable, const Print& print);       // that the sending port computes
void check_received_checksums(Cable& cable, const Print& print);   // that the receiving port looks at
void check_filters(Cable& cable, const wire::MacAddress& group, const Print& print);  // frames to others
void check_spread(Cable& cable, const Print& print);  // over queues, and whether the hash is the one it says
void check_rates(Cable& cable, unsigned seconds, const Print& print);

}  // namespace gl::check_nic
