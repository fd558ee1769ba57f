// A small signed-looking zone with every kind of answer in it, loaded once, for the targets that ask questions.
// Ownership: the fixture owns snapshot and publication and lives until exit. Thread: one.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "lib/zone/loader.h"
#include "lib/zone/published.h"
#include "lib/zone/snapshot.h"

namespace gl::fuzz {

// A file of its own in memory, gone with the object; its path works for any reader in this process.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  int fd_;
  std::string path_;
};

class ZoneFixture {
 public:
  ZoneFixture();
  [[nodiscard]] const std::atomic<const zone::PublishedZones*>& published() const { return published_; }

 private:
  std::unique_ptr<const zone::ZoneSnapshot> snapshot_;
  zone::PublishedZones zones_;
  std::atomic<const zone::PublishedZones*> published_{&zones_};
};

}  // namespace gl::fuzz
