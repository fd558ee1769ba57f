// A file's bytes as a transfer carries them, block after block: as they are, or in netascii, where a line ends with CR
// LF and a CR that ends no line is CR NUL. Units: bytes. Ownership: borrows the file. Thread: pure functions. Errors:
// none. Source: RFC 764 (NVT), RFC 1350.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/services/tftp/packet.h"

namespace gl::tftp {

// Where the next block begins.
struct Place {
  std::uint64_t offset = 0;  // in the file
  bool owes = false;         // the second byte of a pair, of which the byte at `offset` - 1 is the reason
};

// Writes as much as `out` takes, and moves on; how much. Less than `out` takes: the file has ended.
std::size_t read_content(Bytes file, Mode mode, Place& place, MutableBytes out) noexcept;
// Moves on by as many bytes of what is sent.
void skip_content(Bytes file, Mode mode, Place& place, std::uint64_t count) noexcept;

}  // namespace gl::tftp
