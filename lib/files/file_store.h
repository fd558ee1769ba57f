// The files that are published: read, swapped whole on SIGHUP, and freed when no core can see them any more. What was
// served before stays for `linger` seconds, so that begun answers can be finished; files that have not changed are
// shared, and cost nothing. They are read again on a thread of their own, so that the main core stays responsive.
// Units: seconds of a monotonic clock. Ownership: owns the sets. Thread: main core. Errors: one line; the published
// files then stay as they were.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/versions.h"
#include "lib/files/file_reader.h"
#include "lib/files/file_set.h"

namespace gl::files {

using PublishedFiles = Published<FileSet>;

// The file of this version, in whichever set that is served or kept; null: in none. `published` may be null.
[[nodiscard]] inline const File* find_version(const PublishedFiles* published, std::uint32_t version) noexcept {
  if (published == nullptr) return nullptr;
  const File* file = published->current->find_version(version);
  for (const FileSet* const set : published->kept) {
    if (file != nullptr || set == nullptr) break;
    file = set->find_version(version);
  }
  return file;
}

class FileStore {
 public:
  FileStore(std::vector<Directory> directories, std::size_t most_bytes, std::uint32_t linger_seconds,
            std::function<void()> quiesce, const TreeKey& key = {});
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;
  ~FileStore();

  [[nodiscard]] const std::atomic<const PublishedFiles*>& published() const noexcept { return published_; }
  [[nodiscard]] const FileSet* current() const noexcept { return versions_.current(); }

  // Reads all and publishes it; lines of what was not read.
  [[nodiscard]] Result<std::vector<std::string>> load(std::uint64_t now);

  // Begins to read again, beside the calling thread. False: that is under way already.
  [[nodiscard]] bool begin_reload();
  [[nodiscard]] bool is_reading() const noexcept { return reader_.joinable(); }
  struct Reloaded {
    std::vector<std::string> warnings{};
    std::size_t changed = 0;
    std::size_t gone = 0;
    std::string error{};  // not empty: the files stay as they were
  };
  // What became of it, once it is over, and published; nothing before.
  [[nodiscard]] std::optional<Reloaded> finish_reload(std::uint64_t now);
  // Drops the files before when they have lingered long enough.
  void tick(std::uint64_t now) { versions_.tick(now); }

 private:
  const std::vector<Directory> directories_;
  const std::size_t most_bytes_;
  const MediaTypes types_;
  const TreeKey key_;
  std::atomic<const PublishedFiles*> published_{nullptr};
  Versions<FileSet> versions_;
  std::thread reader_;                   // runs between begin_reload() and finish_reload()
  std::optional<Result<ReadSet>> read_;  // the reader's until it is `done_`
  std::atomic<bool> done_{false};
};

}  // namespace gl::files
