// The directories that services hand files out of, in one store: one that two of them have is read once, and
// --file-memory bounds all of them together. The first module that calls load() has the files read, whichever calls
// tick() sees to them.
// Units: bytes, seconds of a monotonic clock. Ownership: the modules share it. Thread: main core. Errors: one line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/files/file_store.h"
#include "lib/service/module.h"

namespace gl::services {

class SharedFiles {
 public:
  // Before load(): the index of the directory in the store.
  [[nodiscard]] std::size_t add(const files::Directory& directory);
  // The value of --file-memory.
  Status set_memory(const std::string& megabytes);

  // Reads all directories; lines of what was not read. Nothing more where that was done already.
  [[nodiscard]] Result<std::vector<std::string>> load(const ServiceModule::Surroundings& around);
  [[nodiscard]] const std::atomic<const files::PublishedFiles*>& published() const noexcept {
    return store_->published();
  }
  // They are to be read again, beside the calling thread; once, however many modules ask for it.
  void reload() noexcept { wanted_ = true; }
  [[nodiscard]] bool reloading() const noexcept { return wanted_ || (store_ && store_->is_reading()); }
  // Says what there is, and what became of reading it again.
  void tick(std::uint64_t now_ms, const OperatorLog& log);

 private:
  void say_what_changed(const files::FileStore::Reloaded& reloaded, const OperatorLog& log) const;

  std::vector<files::Directory> directories_;
  std::uint32_t memory_mb_ = 1024;
  std::optional<files::FileStore> store_;
  bool announced_ = false;
  bool wanted_ = false;  // to be read again
};

}  // namespace gl::services
