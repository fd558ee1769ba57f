#include "lib/files/file_reader.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/file_state.h"

namespace gl::files {
namespace {

constexpr unsigned kDeepest = 64;  // directories below the root
constexpr std::uint32_t kFirstVersion = 16;

class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] bool open() const noexcept { return number_ >= 0; }

 private:
  int number_;
};

std::string reason() {
  return errno == EXDEV ? "a symbolic link leads out of the directory" : std::strerror(errno);
}

// Nothing outside of `root` is reached, by whatever name and link (openat2(2)). O_NONBLOCK: a FIFO does not wait.
Descriptor open_beneath(int root, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return Descriptor(static_cast<int>(syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof how)));
}

// Strong: it names the bytes.
std::string etag_of(Bytes body) {
  std::array<unsigned char, 16> hash;
  crypto_generichash(hash.data(), hash.size(), body.data(), body.size(), nullptr, 0);
  std::array<char, 2 * hash.size() + 1> hex;
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  return '"' + std::string(hex.data()) + '"';
}

// All bytes of a regular file; errno otherwise, EFBIG where they are more than `most`. One that shrinks or grows
// meanwhile is what was there when it ended.
std::optional<std::vector<std::uint8_t>> read_all(int descriptor, std::size_t expected, std::size_t most) {
  if (expected > most) return errno = EFBIG, std::nullopt;
  std::vector<std::uint8_t> body(expected + 1);
  std::size_t length = 0;
  for (;;) {
    if (length > most) return errno = EFBIG, std::nullopt;
    if (length == body.size()) body.resize(2 * body.size());
    const ssize_t got = ::read(descriptor, body.data() + length, body.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  body.resize(length);
  body.shrink_to_fit();
  return body;
}

}  // namespace

class FileReader {
 public:
  FileReader(const MediaTypes& types, std::size_t most, const FileSet* before, const TreeKey& key)
      : types_(types), most_(most), before_(before), key_(key), set_(std::make_unique<FileSet>()) {
    set_->numbers_ = NodeNumbers(key);
    set_->generation_ = before == nullptr ? 1 : before->generation() + 1;
    set_->next_version_ = before == nullptr ? kFirstVersion : before->next_version_;
  }

  [[nodiscard]] Status read(const Directory& directory) {
    directory_ = &directory;
    root_index_ = set_->roots_.size();
    set_->roots_.emplace_back();
    Descriptor root(::open(directory.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root.open()) return Error{directory.path + ": " + std::strerror(errno)};
    if (directory.tree) tree_.emplace(key_, set_->nodes_, set_->generation_);
    const Place from{root.get(), "", directory.tree.value_or(""), directory.tree.has_value()};
    if (Status status = walk(from); !status) return status;
    join_coded();
    lay_out();
    finish_tree();
    return success();
  }

  [[nodiscard]] ReadSet finish() {
    read_.set = std::move(set_);
    return std::move(read_);
  }

 private:
  // Where the walk is.
  struct Place {
    int root;          // descriptor of the directory that is read
    std::string path;  // below it, without a slash at either end
    std::string name;  // the last part of the path; of the root its tree's
    bool in_tree;      // there is a tree, and no link has been followed
  };

  [[nodiscard]] FileSet::Root& root() { return set_->roots_[root_index_]; }
  [[nodiscard]] const std::shared_ptr<const File>* known(const std::string& path) const {
    if (before_ == nullptr || root_index_ >= before_->roots_.size()) return nullptr;
    const auto& files = before_->roots_[root_index_].files;
    const auto found = files.find(path);
    return found == files.end() ? nullptr : &found->second;
  }
  void warn(const std::string& path, const std::string& what) {
    read_.warnings.push_back(directory_->path + "/" + path + ": " + what);
  }

  // What is not read has a line; without the directory itself there is nothing.
  [[nodiscard]] Status pass_over(const std::string& path, const std::string& what) {
    if (path.empty()) return Error{directory_->path + ": " + what};
    warn(path, what);
    return success();
  }

  [[nodiscard]] Status walk(const Place& at) {
    const std::string& path = at.path;
    Descriptor descriptor = open_beneath(at.root, path);
    if (!descriptor.open()) return pass_over(path, reason());
    struct stat is {};
    if (fstat(descriptor.get(), &is) != 0) return pass_over(path, reason());
    if (S_ISREG(is.st_mode)) return take_file(descriptor.get(), is, at);
    if (!S_ISDIR(is.st_mode)) return warn(path, "neither a file nor a directory"), success();
    const std::pair<dev_t, ino_t> self{is.st_dev, is.st_ino};
    if (std::ranges::find(above_, self) != above_.end())
      return warn(path, "leads back to a directory above it"), success();
    if (above_.size() > kDeepest) return warn(path, "too deep"), success();
    if (at.in_tree && !tree_->enter(at.name, is)) return pass_over(path, kSameNumber);
    above_.push_back(self);
    directories_.push_back(path);
    Status status = success();
    for (const std::string& name : names_in(descriptor.get())) {
      if (name[0] == '.' && !directory_->dot_files && name != ".well-known") continue;
      status = step_into(descriptor.get(), at, name);
      if (!status) break;
    }
    above_.pop_back();
    if (at.in_tree) tree_->leave();
    return status;
  }

  [[nodiscard]] Status step_into(int descriptor, const Place& at, const std::string& name) {
    const Place below{at.root, at.path + (at.path.empty() ? "" : "/") + name, name, at.in_tree};
    if (!at.in_tree || !take_link(descriptor, below)) return walk(below);
    return directory_->paths ? walk({below.root, below.path, name, false}) : success();
  }

  // Whether it is a symbolic link, which a tree has as it stands.
  [[nodiscard]] bool take_link(int descriptor, const Place& at) {
    struct stat is {};
    if (fstatat(descriptor, at.name.c_str(), &is, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISLNK(is.st_mode)) return false;
    std::array<char, PATH_MAX> target;
    const ssize_t length = readlinkat(descriptor, at.name.c_str(), target.data(), target.size());
    if (length < 0) return warn(at.path, reason()), true;
    is.st_size = length;
    if (!tree_->add_link(at.name, is, {target.data(), static_cast<std::size_t>(length)})) warn(at.path, kSameNumber);
    return true;
  }

  [[nodiscard]] static std::vector<std::string> names_in(int descriptor) {
    std::vector<std::string> names;
    DIR* const list = fdopendir(dup(descriptor));
    if (list == nullptr) return names;
    while (const dirent* const entry = readdir(list)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    closedir(list);
    std::ranges::sort(names);
    return names;
  }

  [[nodiscard]] Status take_file(int descriptor, const struct stat& is, const Place& at) {
    const std::string& path = at.path;
    const std::string state = file_state(is);
    std::shared_ptr<const File> file;
    if (const auto* const before = known("/" + path); before != nullptr && (*before)->state == state) {
      file = *before;
    } else {
      const std::size_t left = most_ - std::min(most_, set_->bytes_);
      auto body = read_all(descriptor, static_cast<std::size_t>(std::max<off_t>(is.st_size, 0)), left);
      if (!body && errno == EFBIG) return too_large(path);
      if (!body) return warn(path, std::strerror(errno)), success();
      auto fresh = std::make_shared<File>();
      fresh->body = std::move(*body);
      fresh->modified = is.st_mtim.tv_sec;
      fresh->type = types_.of(path);
      fresh->etag = etag_of(fresh->body);
      fresh->state = state;
      file = name_it(std::move(fresh));
    }
    set_->bytes_ += file->body.size();
    set_->largest_ = std::max(set_->largest_, file->body.size());
    ++set_->count_;
    if (set_->bytes_ > most_) return too_large(path);
    root().files.emplace("/" + path, std::move(file));
    if (at.in_tree && !tree_->add_file(at.name, is, "/" + path)) warn(path, kSameNumber);
    return success();
  }

  [[nodiscard]] Status too_large(const std::string& path) const {
    return Error{directory_->path + "/" + path + ": the files are larger than the memory for them, " +
                 std::to_string(most_ >> 20) + " MB (--file-memory)"};
  }

  [[nodiscard]] std::shared_ptr<const File> name_it(std::shared_ptr<File> file) {
    file->version = set_->next_version_++;
    file->since = set_->generation_;
    ++read_.changed;
    return file;
  }

  // A file knows its compressed forms. Where they are others than before it is another file: it says so to caches.
  void join_coded() {
    for (auto& [path, file] : root().files) {
      std::array<std::shared_ptr<const File>, kCodings> coded;
      for (std::size_t i = 0; i < kCodings; ++i) {
        const auto found = root().files.find(path + std::string(kCodingNames[i].suffix));
        if (found != root().files.end()) coded[i] = found->second;
      }
      const bool same = std::ranges::equal(coded, file->coded, [](const auto& a, const auto& b) {
        return (a == nullptr) == (b == nullptr) && (a == nullptr || (a->etag == b->etag && a->modified == b->modified));
      });
      if (same) continue;
      auto changed = std::make_shared<File>(*file);
      changed->coded = coded;
      // The compressed form says what the content is, not how it is compressed.
      for (auto& form : changed->coded) {
        if (form == nullptr || form->type == changed->type) continue;
        auto typed = std::make_shared<File>(*form);
        typed->type = changed->type;
        typed->coded = {};
        form = name_it(std::move(typed));
      }
      file = name_it(std::move(changed));
    }
  }

  void lay_out() {
    FileSet::Root& root = this->root();
    for (const auto& [path, file] : root.files) {
      root.places[path] = {.file = file.get()};
      set_->versions_[file->version & FileSet::kVersionMask] = file.get();
      for (const auto& form : file->coded) {
        if (form != nullptr) set_->versions_[form->version & FileSet::kVersionMask] = form.get();
      }
    }
    for (const std::string& directory : directories_) {
      const std::string prefix = directory.empty() ? "/" : "/" + directory + "/";
      const auto index = root.files.find(prefix + "index.html");
      const auto keep = [&](std::string text) -> std::string_view {
        root.directories.push_back(std::make_unique<const std::string>(std::move(text)));
        return *root.directories.back();
      };
      root.places[keep(prefix)] = {.file = index == root.files.end() ? nullptr : index->second.get(),
                                   .directory = true};
      if (!directory.empty()) root.places[keep("/" + directory)] = {.lacks_slash = true};
    }
    directories_.clear();
    if (before_ == nullptr || root_index_ >= before_->roots_.size()) return;
    for (const auto& [path, file] : before_->roots_[root_index_].files)
      read_.gone += root.files.contains(path) ? 0u : 1u;
  }

  void finish_tree() {
    if (!tree_) return;
    auto [tree, changed] = tree_->finish([this](const std::string& path) { return root().files.at(path); },
                                         before_ == nullptr ? nullptr : &before_->nodes_);
    root().tree = std::move(tree);
    read_.tree_changed = read_.tree_changed || changed;
    tree_.reset();
  }

  static constexpr const char* kSameNumber = "its number in the tree is another path's";

  const MediaTypes& types_;
  const std::size_t most_;
  const FileSet* const before_;
  const TreeKey key_;
  std::unique_ptr<FileSet> set_;
  ReadSet read_;
  const Directory* directory_ = nullptr;
  std::size_t root_index_ = 0;
  std::vector<std::pair<dev_t, ino_t>> above_;
  std::vector<std::string> directories_;
  std::optional<TreeBuilder> tree_;  // of the directory that is read
};

Result<ReadSet> read_directories(const std::vector<Directory>& directories, const MediaTypes& types, std::size_t most,
                                 const FileSet* before, const TreeKey& key) {
  FileReader reader(types, most, before, key);
  for (const Directory& directory : directories) {
    if (Status status = reader.read(directory); !status) return Error{status.error()};
  }
  return reader.finish();
}

}  // namespace gl::files
