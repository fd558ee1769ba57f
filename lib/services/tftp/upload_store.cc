#include "lib/services/tftp/upload_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <string_view>

#include "lib/base/text.h"

namespace gl::tftp {
namespace {

constexpr std::string_view kPrefix = ".tftp-";
constexpr std::string_view kSuffix = ".part";
constexpr std::size_t kMostUploads = 4096;
constexpr std::uint64_t kOfferedFor = 30'000;  // ms without a block
constexpr std::uint64_t kOpenFor = 1'800'000;  // ms: longer than the longest timeout lasts
constexpr std::uint8_t kCr = '\r';

// The folder that a path is in, never outside of `directory` (openat2(2)).
int open_folder(int directory, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(syscall(SYS_openat2, directory, folder.c_str(), &how, sizeof how));
}
std::string file_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// Names are the clients': what is no printable ASCII does not reach a terminal.
std::string printable(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      append_escaped(text, c);
    }
  }
  return text;
}

bool write_all(int descriptor, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(descriptor, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return true;
}

}  // namespace

UploadStore::~UploadStore() {
  for (auto& [key, upload] : uploads_) discard(upload);
  if (directory_ >= 0) close(directory_);
}

Status UploadStore::open() {
  directory_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory_ < 0) return Error{path_ + ": " + std::strerror(errno)};
  if (faccessat(directory_, ".", W_OK, 0) != 0) return Error{path_ + ": " + std::strerror(errno)};
  DIR* const list = fdopendir(dup(directory_));
  if (list == nullptr) return Error{path_ + ": " + std::strerror(errno)};
  while (const dirent* const entry = readdir(list)) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix)) (void)unlinkat(directory_, entry->d_name, 0);
  }
  closedir(list);
  return success();
}

void UploadStore::tick(std::uint64_t now_ms, const OperatorLog& log) {
  now_ = now_ms;
  UploadJob job;
  for (std::size_t core = 0; core < queues_.size(); ++core) {
    while (queues_[core]->jobs.pop(job)) take(core, job, log);
  }
  expire(now_ms);
}

void UploadStore::expire(std::uint64_t now_ms) {
  for (auto at = uploads_.begin(); at != uploads_.end();) {
    Upload& upload = at->second;
    const bool over = now_ms - upload.heard >= (upload.descriptor < 0 ? kOfferedFor : kOpenFor);
    if (over) discard(upload);
    at = over ? uploads_.erase(at) : std::next(at);
  }
}

void UploadStore::take(std::size_t core, const UploadJob& job, const OperatorLog& log) {
  if (job.kind == UploadJob::Kind::open) return open_upload(core, job);
  const auto found = uploads_.find({core, job.id.serial});
  if (found == uploads_.end()) return;
  if (job.kind == UploadJob::Kind::abandon) {
    discard(found->second);
    uploads_.erase(found);
    return;
  }
  found->second.heard = now_;
  append(core, job, found->second, log);
  if (found->second.descriptor < 0) uploads_.erase(found);
}

// A result that finds no room is lost: the client repeats what it sent, and gives up in the end.
void UploadStore::answer(std::size_t core, const UploadResult& result) {
  (void)queues_[core]->results.push(result);
}

void UploadStore::open_upload(std::size_t core, const UploadJob& job) {
  if (uploads_.size() == kMostUploads) return;  // the client repeats its request
  const std::string path(reinterpret_cast<const char*>(job.bytes.data()) + 1, job.length - 1u);
  UploadResult result{.id = job.id};
  const int folder = open_folder(directory_, path);
  struct stat is {};
  if (folder < 0 || file_name(path).starts_with('.')) {
    result.error = ErrorCode::access_violation;
  } else if (fstatat(folder, file_name(path).c_str(), &is, AT_SYMLINK_NOFOLLOW) == 0) {
    result.error = ErrorCode::file_exists;
  } else {
    result.good = true;
    uploads_[{core, job.id.serial}] = {.path = path, .temporary = {}, .mode = job.mode, .heard = now_};
  }
  if (folder >= 0) close(folder);
  answer(core, result);
}

bool UploadStore::create(Upload& upload) {
  if (upload.descriptor >= 0) return true;
  upload.temporary =
      std::string(kPrefix) + std::to_string(getpid()) + "-" + std::to_string(next_name_++) + std::string(kSuffix);
  upload.descriptor =
      openat(directory_, upload.temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  return upload.descriptor >= 0;
}

// The descriptor is closed where the upload is over, whether it was good or not.
void UploadStore::append(std::size_t core, const UploadJob& job, Upload& upload, const OperatorLog& log) {
  UploadResult result{.id = job.id, .good = true};
  if (!create(upload)) {
    result = {.id = job.id, .error = ErrorCode::access_violation};
  } else if (!write(upload, Bytes(job.bytes).first(job.length))) {
    result = {.id = job.id, .error = ErrorCode::disk_full};
  } else if (job.kind == UploadJob::Kind::last) {
    result.error = complete(upload);
    result.good = result.renamed = result.error == ErrorCode::not_defined;
  } else {
    return;
  }
  if (result.good) {
    log.say("tftp: " + printable(upload.path) + " was written, " + counted(upload.size, "byte"));
    close(upload.descriptor);
    upload.descriptor = -1;
  } else {
    log.warn("tftp: a file was not written: " + path_ + "/" + printable(upload.path));
    discard(upload);
  }
  answer(core, result);
}

bool UploadStore::write(Upload& upload, Bytes bytes) {
  if (upload.mode == Mode::octet) {
    upload.size += bytes.size();
    return upload.size <= most_ && write_all(upload.descriptor, bytes);
  }
  std::vector<std::uint8_t> text;
  for (const std::uint8_t byte : bytes) {
    if (std::exchange(upload.after_cr, false)) {
      if (byte == '\n' || byte == 0) {
        text.push_back(byte == 0 ? kCr : byte);
        continue;
      }
      text.push_back(kCr);  // in front of anything else it means itself
    }
    if (byte == kCr) {
      upload.after_cr = true;
    } else {
      text.push_back(byte);
    }
  }
  upload.size += text.size();
  return upload.size <= most_ && write_all(upload.descriptor, text);
}

// Error 0 is success here.
ErrorCode UploadStore::complete(Upload& upload) const {
  if (upload.after_cr && !write_all(upload.descriptor, Bytes(&kCr, 1))) return ErrorCode::disk_full;
  if (fsync(upload.descriptor) != 0) return ErrorCode::disk_full;
  const int folder = open_folder(directory_, upload.path);
  if (folder < 0) return ErrorCode::access_violation;
  const int failed =
      renameat2(directory_, upload.temporary.c_str(), folder, file_name(upload.path).c_str(), RENAME_NOREPLACE);
  const int why = errno;
  if (failed == 0) (void)fsync(folder);  // the name as well
  close(folder);
  if (failed == 0) return ErrorCode::not_defined;
  return why == EEXIST ? ErrorCode::file_exists : ErrorCode::access_violation;
}

void UploadStore::discard(Upload& upload) const {
  if (upload.descriptor >= 0) close(std::exchange(upload.descriptor, -1));
  if (!upload.temporary.empty()) (void)unlinkat(directory_, upload.temporary.c_str(), 0);
}

}  // namespace gl::tftp
