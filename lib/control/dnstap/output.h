// Where dnstap's frames go: a file, or a reader at a Unix or TCP socket, in the Frame Streams protocol by libfstrm.
// The sockets are ours, so that nothing that a reader does or omits keeps the thread for longer than the limits below.
// What is in a file stays there: where no more can be written, on a full disk say, it ends with its last whole frame,
// and goes on behind that when there is room again.
// Ownership: owns descriptor and writer; borrows settings and stop flag. Thread: one. Errors: false, and error().
#pragma once

#include <fstrm.h>
#include <sys/uio.h>

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/base/descriptor.h"
#include "lib/control/dnstap/settings.h"

namespace gl::control {

class TapOutput {
 public:
  // `stop`: the program ends: nothing is waited for much longer.
  TapOutput(const DnstapSettings& settings, const std::atomic<bool>& stop) : settings_(settings), stop_(stop) {}
  TapOutput(const TapOutput&) = delete;
  TapOutput& operator=(const TapOutput&) = delete;
  ~TapOutput() { close(); }

  [[nodiscard]] bool open();
  [[nodiscard]] bool is_open() const noexcept { return writer_ != nullptr; }
  // A frame each. False: none of them is there, and it is closed, or it is a file and stays open.
  [[nodiscard]] bool write(std::span<const iovec> frames);
  // Says that the stream ends, where somebody still listens.
  void close();
  // Whether the file was moved away, to be rotated.
  [[nodiscard]] bool is_moved() const;
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  [[nodiscard]] bool open_descriptor();
  [[nodiscard]] bool connect_to(int family, const void* address, unsigned length);
  [[nodiscard]] bool await(short events, int limit_ms);
  [[nodiscard]] bool fail(const std::string& why);
  [[nodiscard]] bool out_of_time();
  [[nodiscard]] bool is_file() const noexcept { return settings_.kind == DnstapSettings::Kind::file; }
  void note_whole();
  [[nodiscard]] bool cut_back();
  [[nodiscard]] fstrm_res read_all(void* to, std::size_t length);
  [[nodiscard]] fstrm_res write_all(const iovec* parts, int count);

  const DnstapSettings& settings_;
  const std::atomic<bool>& stop_;
  Descriptor descriptor_;
  fstrm_writer* writer_ = nullptr;
  std::uint64_t end_by_ms_ = 0;  // when the program ends: until then, for all that is still to do; 0: not known yet
  std::uint64_t whole_ = 0;      // bytes of the file that are whole frames
  bool broken_ = false;          // nothing more is tried with this connection
  std::string error_;
};

}  // namespace gl::control
