// Texts of zones that are being read at this moment, which may take minutes: whoever asks sees how far each is, and
// whoever watches is told from time to time.
// Units: milliseconds of the monotonic clock. Ownership: one list for the process. Thread: any but a worker's; what
// watches is called by the thread that reads. Errors: none.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <vector>

namespace gl::zone {

struct LoadUnderWay {
  std::string path;
  std::uint64_t records = 0;  // read so far
  bool read_all = false;      // its answers are being made
  bool ended = false;         // told to who watches, of one that took long
  std::uint64_t began_ms = 0;
};

[[nodiscard]] std::vector<LoadUnderWay> loads_under_way();

// After a while, then at intervals, and at the end if it was called before. Set once, before the first load.
void watch_loads(std::function<void(const LoadUnderWay&)> watcher);

// One load, by whoever reads.
class LoadProgress {
 public:
  static constexpr std::uint64_t kFirstMs = 5'000;
  static constexpr std::uint64_t kIntervalMs = 10'000;

  explicit LoadProgress(const std::string& path);
  LoadProgress(const LoadProgress&) = delete;
  LoadProgress& operator=(const LoadProgress&) = delete;
  ~LoadProgress();

  void set(std::uint64_t records, bool read_all);
  // Calls who watches, if that is due.
  void tick();

 private:
  void tell(bool ended);

  std::list<LoadUnderWay>::iterator entry_;
  std::uint64_t next_ms_;
  bool told_ = false;
};

}  // namespace gl::zone
