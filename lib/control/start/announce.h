// What a host says when it comes up: ARP announcements (RFC 5227 section 2.3), solicitations for duplicate address
// detection (RFC 4862 section 5.4.2) and unsolicited advertisements (RFC 4861 section 7.2.6), once for each address.
// Answers to them reach the workers, which count conflicts. Byte order: wire. Ownership: buffers of the first worker's
// pool. Thread: main core, after the ports and before the workers start.
#pragma once

#include <cstddef>

#include "lib/control/start/network.h"

namespace gl::control {

// Waits until every port's link is up, or some seconds: a NIC that was just started negotiates, and what is sent then
// is lost.
void wait_for_links(const Network& network);

// How many frames the ports took.
std::size_t announce(const Network& network);

}  // namespace gl::control
