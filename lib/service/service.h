// What every service has, whatever it is asked over: a name, its turn before a burst, counters and time.
// Units: milliseconds of a monotonic clock. Thread: one instance a core, that core only, but for counters(), which any
// thread reads. Errors: none; nothing that a core calls here may allocate, lock, log or make a system call.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "lib/base/bytes.h"

namespace gl {

class DatagramSender;
class Suspender;

// Takes the counters of a service, one after the other; `help` is a line that says what is counted.
class CounterReader {
 public:
  virtual void read(std::string_view name, std::uint64_t value, std::string_view help) = 0;

 protected:
  ~CounterReader() = default;
};

class Service {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  // As in --help, the configuration and `/goldilocks/service,NAME`.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  // Once before a burst of frames. Picks up newly published data.
  virtual void begin_burst(std::uint64_t now_ms) noexcept = 0;
  // Whether it is worth to show it the requests of a burst beforehand; asked after begin_burst().
  [[nodiscard]] virtual bool looks_ahead() const noexcept { return false; }
  // Requests that seem to be in the frames of a burst, which is answered next. Fetches what their answers will need
  // into the cache, and has no other effect: nothing of them has been checked.
  virtual void look_ahead(std::span<const Bytes> requests) noexcept { (void)requests; }
  // Any thread. The same names in the same order each time.
  virtual void read_counters(CounterReader& reader) const = 0;

  // Who keeps its frames that wait; null where none ever does, or where the core knows it by itself. Asked once, when
  // the service is registered.
  [[nodiscard]] virtual Suspender* suspender() noexcept { return nullptr; }

  // Whether there are deadlines at all: asked once, when the service is registered.
  [[nodiscard]] virtual bool has_deadlines() const noexcept { return false; }
  // When on_time() is to be called next; kNever: not until something was received.
  [[nodiscard]] virtual std::uint64_t next_deadline() const noexcept { return kNever; }
  // The deadline has passed, whether frames come or not.
  virtual void on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept { (void)now_ms, (void)sender; }
};

}  // namespace gl
