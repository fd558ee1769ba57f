#include "lib/files/file_store.h"

#include <exception>
#include <string>
#include <utility>

namespace gl::files {

FileStore::FileStore(std::vector<Directory> directories, std::size_t most_bytes, std::uint32_t linger_seconds,
                     std::function<void()> quiesce, const TreeKey& key)
    : directories_(std::move(directories)),
      most_bytes_(most_bytes),
      types_(MediaTypes::read()),
      key_(key),
      versions_(linger_seconds, published_, std::move(quiesce)) {}

FileStore::~FileStore() {
  if (reader_.joinable()) reader_.join();
}

Result<std::vector<std::string>> FileStore::load(std::uint64_t now) {
  auto read = read_directories(directories_, types_, most_bytes_, current(), key_);
  if (!read) return Error{read.error()};
  versions_.replace(std::move(read->set), now);
  return std::move(read->warnings);
}

bool FileStore::begin_reload() {
  if (reader_.joinable() || current() == nullptr) return false;
  done_ = false;
  reader_ = std::thread([this] {
    try {
      read_.emplace(read_directories(directories_, types_, most_bytes_, current(), key_));
    } catch (const std::exception& e) {  // no memory
      read_.emplace(Error{std::string("files: ") + e.what()});
    }
    done_ = true;
  });
  return true;
}

std::optional<FileStore::Reloaded> FileStore::finish_reload(std::uint64_t now) {
  if (!reader_.joinable() || !done_) return std::nullopt;
  reader_.join();
  Result<ReadSet> read = std::move(*std::exchange(read_, std::nullopt));
  if (!read) return Reloaded{.error = read.error()};
  const bool same = read->changed == 0 && read->gone == 0 && !read->tree_changed;
  if (!same) versions_.replace(std::move(read->set), now);
  return Reloaded{std::move(read->warnings), read->changed, read->gone, {}};
}

}  // namespace gl::files
