// DPDK's own lines, into our log: the same form, the same levels, the same limits. What a library writes to standard
// error by itself stays as it is.
// Ownership: the stream lives as long as the process. Thread: before the EAL starts; lines may come from any. Errors:
// none; without a stream DPDK writes as it always does.
#pragma once

namespace gl::control {

void take_dpdk_log();

}  // namespace gl::control
