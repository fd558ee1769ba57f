// The thread that empties the cores' taps and writes dnstap. While nobody reads, what the cores tell is thrown away and
// counted; while the reader is slow, the cores' rings fill, and they count what finds no room.
// A file that takes no more is tried again, more and more rarely, and keeps what it has.
// Ownership: borrows settings and taps, which outlive it. Thread: made and destroyed on the main core, whose CPU its
// thread has; counters from any. Errors: start() one line; later ones are lines for the operator.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "lib/base/counter.h"
#include "lib/base/result.h"
#include "lib/control/dnstap/encode.h"
#include "lib/control/dnstap/output.h"
#include "lib/dns/tap.h"

namespace gl::control {

class TapWriter {
 public:
  using Taps = std::vector<std::unique_ptr<dns::Tap>>;

  // A file that cannot be opened is an error; a reader that is not there yet is not.
  [[nodiscard]] static Result<std::unique_ptr<TapWriter>> start(const DnstapSettings& settings, const Taps& taps);
  TapWriter(const TapWriter&) = delete;
  TapWriter& operator=(const TapWriter&) = delete;
  // What is in the taps is written, where that can be done soon.
  ~TapWriter();

  // Sums over all cores: messages told, and those that found no room; of those told, the written and the thrown away.
  [[nodiscard]] std::uint64_t told() const noexcept;
  [[nodiscard]] std::uint64_t dropped_full() const noexcept;
  [[nodiscard]] std::uint64_t written() const noexcept { return written_.value(); }
  [[nodiscard]] std::uint64_t dropped_unread() const noexcept { return dropped_unread_.value(); }
  // How often a reader was found, or the file opened.
  [[nodiscard]] std::uint64_t opened() const noexcept { return opened_.value(); }
  [[nodiscard]] bool is_open() const noexcept { return is_open_.load(std::memory_order_relaxed); }

 private:
  TapWriter(const DnstapSettings& settings, const Taps& taps);
  void run();
  void keep_open();
  [[nodiscard]] std::size_t drain();
  void flush();
  void note_failure();
  void note_success();

  const DnstapSettings& settings_;
  const Taps& taps_;
  TapName name_;
  std::atomic<bool> stop_{false};
  TapOutput output_;
  Counter written_;
  Counter dropped_unread_;
  Counter opened_;
  std::atomic<bool> is_open_{false};
  bool complained_ = false;
  std::uint64_t next_try_ms_ = 0;
  bool paused_ = false;  // the file takes no more for now
  std::uint64_t pause_ms_ = 0;
  std::uint64_t paused_until_ms_ = 0;
  std::uint64_t dropped_before_ = 0;  // when that began
  std::vector<std::uint8_t> frames_;  // encoded, one behind the other
  std::vector<std::size_t> ends_;     // of each of them
  std::vector<iovec> parts_;
  std::thread thread_;
};

}  // namespace gl::control
