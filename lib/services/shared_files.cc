#include "lib/services/shared_files.h"

#include <algorithm>
#include <utility>

#include "lib/base/text.h"

namespace gl::services {

std::size_t SharedFiles::add(const files::Directory& directory) {
  const auto found = std::ranges::find_if(directories_, [&](const files::Directory& other) {
    return other.path == directory.path && other.dot_files == directory.dot_files &&
           (!other.tree || !directory.tree || *other.tree == *directory.tree);
  });
  const auto index = static_cast<std::size_t>(found - directories_.begin());
  if (found == directories_.end()) {
    directories_.push_back(directory);
    return index;
  }
  found->paths |= directory.paths;
  if (directory.tree) found->tree = directory.tree;
  return index;
}

Status SharedFiles::set_memory(const std::string& megabytes) {
  const auto number = parse_decimal(megabytes, 1, 1u << 20);
  if (!number) return Error{"'" + megabytes + "' is no number from 1 to 1048576"};
  memory_mb_ = *number;
  return success();
}

Result<std::vector<std::string>> SharedFiles::load(const ServiceModule::Surroundings& around) {
  if (store_) return std::vector<std::string>{};
  store_.emplace(directories_, std::size_t{memory_mb_} << 20, around.linger_seconds, around.quiesce,
                 around.derive_key("numbers of files"));
  auto warnings = store_->load(around.now_seconds);
  if (!warnings) return Error{"files: " + warnings.error()};
  return warnings;
}

void SharedFiles::tick(std::uint64_t now_ms, const OperatorLog& log) {
  store_->tick(now_ms / 1000);
  if (!std::exchange(announced_, true) && !directories_.empty()) {
    log.say("files: " + counted(store_->current()->count(), "file") + ", " +
            counted(store_->current()->bytes(), "byte"));
  }
  if (const auto reloaded = store_->finish_reload(now_ms / 1000)) say_what_changed(*reloaded, log);
  if (wanted_ && store_->begin_reload()) wanted_ = false;
}

void SharedFiles::say_what_changed(const files::FileStore::Reloaded& reloaded, const OperatorLog& log) const {
  for (const std::string& warning : reloaded.warnings) log.warn(warning);
  if (!reloaded.error.empty()) {
    log.warn("the files stay as they were: " + reloaded.error);
    return;
  }
  log.say("files read again: " + std::to_string(reloaded.changed) + " changed, " + std::to_string(reloaded.gone) +
          " gone, " + counted(store_->current()->count(), "file"));
}

}  // namespace gl::services
