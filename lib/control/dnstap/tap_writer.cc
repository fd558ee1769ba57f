#include "lib/control/dnstap/tap_writer.h"

#include <pthread.h>
#include <rte_cycles.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>

#include "lib/base/clock.h"
#include "lib/control/log.h"

namespace gl::control {
namespace {

constexpr std::uint64_t kRetryMs = 1000;           // between attempts to find a reader, and looks at the file
constexpr std::uint64_t kLongestPauseMs = 30'000;  // between attempts to write to a file that took no more
constexpr std::size_t kMostFrames = 128;           // in one write
constexpr std::size_t kFlushBytes = 256 << 10;     // likewise, about
constexpr unsigned kMostInTurn = 4096;             // records of one core before the next has its turn

TapClock clock_now() {
  using namespace std::chrono;
  const auto since = duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
  return {cycle_count(), static_cast<std::uint64_t>(since), 1e9 / static_cast<double>(rte_get_tsc_hz())};
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

TapWriter::TapWriter(const DnstapSettings& settings, const Taps& taps)
    : settings_(settings),
      taps_(taps),
      name_{settings.identity.empty() ? host_name() : settings.identity, settings.version},
      output_(settings, stop_) {}

Result<std::unique_ptr<TapWriter>> TapWriter::start(const DnstapSettings& settings, const Taps& taps) {
  std::unique_ptr<TapWriter> writer(new TapWriter(settings, taps));
  if (settings.kind == DnstapSettings::Kind::file) {
    writer->complained_ = true;  // here it is an error, and not to be tried again
    writer->keep_open();
    if (!writer->is_open()) return Error{"--dnstap: " + settings.target + ": " + writer->output_.error()};
  }
  try {
    writer->thread_ = std::thread([self = writer.get()] { self->run(); });
  } catch (const std::system_error& error) {
    return Error{std::string("--dnstap: cannot start a thread: ") + error.what()};
  }
  pthread_setname_np(writer->thread_.native_handle(), "dnstap");
  return writer;
}

TapWriter::~TapWriter() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

std::uint64_t TapWriter::told() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& tap : taps_) sum += tap->told();
  return sum;
}

std::uint64_t TapWriter::dropped_full() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& tap : taps_) sum += tap->dropped();
  return sum;
}

void TapWriter::run() {
  constexpr auto kAwake = std::chrono::milliseconds(1);
  constexpr auto kAsleep = std::chrono::milliseconds(10);
  unsigned idle = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    keep_open();
    idle = drain() == 0 ? idle + 1 : 0;
    if (idle != 0) std::this_thread::sleep_for(idle < 1000 ? kAwake : kAsleep);
  }
  // The workers have ended: what they told is all there is.
  paused_ = false;
  while (drain() != 0) {
  }
  output_.close();
}

// Looks for a reader once a second, and says so once.
void TapWriter::keep_open() {
  const std::uint64_t now = monotonic_ms();
  if (now >= next_try_ms_) {
    next_try_ms_ = now + kRetryMs;
    if (output_.is_moved()) output_.close();
    if (!output_.is_open()) {
      if (output_.open()) {
        paused_ = false;
        pause_ms_ = 0;
        opened_.add();
        say("dnstap: writing to " + settings_.target);
        complained_ = false;
      } else if (!complained_) {
        warn("dnstap: " + settings_.target + ": " + output_.error() + "; trying again every second");
        complained_ = true;
      }
    }
  }
  if (paused_ && now >= paused_until_ms_) paused_ = false;
  is_open_.store(output_.is_open() && pause_ms_ == 0, std::memory_order_relaxed);
}

std::size_t TapWriter::drain() {
  std::size_t taken = 0;
  const TapClock clock = clock_now();
  for (const auto& tap : taps_) {
    dns::TapRecord record;
    for (unsigned i = 0; i < kMostInTurn; ++i) {
      const Bytes message = tap->next(record);
      if (message.empty()) break;
      if (output_.is_open() && !paused_) {
        append_dnstap(name_, clock, record, message, frames_);
        ends_.push_back(frames_.size());
      } else {
        dropped_unread_.add();
      }
      tap->done();
      ++taken;
      if (ends_.size() == kMostFrames || frames_.size() >= kFlushBytes) flush();
    }
  }
  flush();
  return taken;
}

void TapWriter::flush() {
  if (ends_.empty()) return;
  parts_.clear();
  std::size_t begin = 0;
  for (const std::size_t end : ends_) {
    parts_.push_back({frames_.data() + begin, end - begin});
    begin = end;
  }
  const bool done = output_.write(parts_);
  (done ? written_ : dropped_unread_).add(ends_.size());
  done ? note_success() : note_failure();
  frames_.clear();
  ends_.clear();
}

void TapWriter::note_failure() {
  is_open_.store(false, std::memory_order_relaxed);
  const std::string what = "dnstap: " + settings_.target + ": " + output_.error();
  if (!output_.is_open()) {
    warn(what + "; trying again every second");
    complained_ = true;
    return;
  }
  if (pause_ms_ == 0) {
    dropped_before_ = dropped_unread_.value() - ends_.size();
    warn(what + "; what is in it stays, trying again after 1 s, and then more rarely");
  }
  pause_ms_ = std::clamp(2 * pause_ms_, kRetryMs, kLongestPauseMs);
  paused_until_ms_ = monotonic_ms() + pause_ms_;
  paused_ = true;
}

void TapWriter::note_success() {
  if (pause_ms_ == 0) return;
  pause_ms_ = 0;
  note("dnstap: " + settings_.target +
       " is written to again; lost meanwhile: " + counted(dropped_unread_.value() - dropped_before_, "message"));
}

}  // namespace gl::control
