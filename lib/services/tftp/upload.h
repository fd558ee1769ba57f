// What a core tells the main core of files that clients write, and what it is told of them.
// Units: bytes. Ownership: values. Thread: each queue has one end on a core and one on the main core.
#pragma once

#include <array>
#include <cstdint>

#include "lib/base/spsc_queue.h"
#include "lib/services/tftp/packet.h"

namespace gl::tftp {

// Names a transfer of a core, also when its TID is used again.
struct UploadId {
  std::uint64_t serial = 0;
  std::uint16_t tid = 0;
};

struct UploadJob {
  enum class Kind : std::uint8_t {
    open,     // `bytes` is the path: may a file of that name be written?
    block,    // the next bytes of it
    last,     // the same, and then the file is to have its name
    abandon,  // nothing more will come
  };
  static constexpr std::size_t kMost = 1468;
  Kind kind = Kind::open;
  Mode mode = Mode::octet;  // with `open`
  UploadId id;
  std::uint16_t length = 0;
  std::array<std::uint8_t, kMost> bytes;  // valid up to `length`
};

struct UploadResult {
  UploadId id;
  bool good = false;
  bool renamed = false;  // with `good`: the file has its name; otherwise it may be written
  ErrorCode error = ErrorCode::not_defined;
};

struct UploadQueues {
  SpscQueue<UploadJob, 1024> jobs;
  SpscQueue<UploadResult, 1024> results;
};

}  // namespace gl::tftp
