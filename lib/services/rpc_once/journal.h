// The journal that calls append lines to: a batch of lines stands in it as a whole or not at all, also where the disk
// is full. A line is `NUMBER CLIENT.BOOT.CALL TEXT`, numbered from 1 on over all starts.
// Ownership: owns the descriptor, and keeps other processes from the file. Thread: main core. Errors: one line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/result.h"

namespace gl::rpc_once {

class Journal {
 public:
  // An empty path: lines are counted, and kept nowhere.
  explicit Journal(std::string path) : path_(std::move(path)) {}
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();

  // Counts what is there. A last line without an end was being written when its process ended, and nobody was told of
  // it: it is cut off; true where there was one.
  [[nodiscard]] Result<bool> open();
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }
  // `text`: `count` lines. What is the matter where they do not stand there.
  [[nodiscard]] std::optional<std::string> append(std::string_view text, std::uint64_t count);

 private:
  const std::string path_;
  int file_ = -1;
  std::uint64_t size_ = 0;  // bytes
  std::uint64_t lines_ = 0;
};

}  // namespace gl::rpc_once
