#include "lib/transfer/zone_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "lib/base/append_file.h"
#include "lib/base/replace_file.h"
#include "lib/base/text.h"
#include "lib/dns/types.h"
#include "lib/transfer/record_text.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

constexpr std::size_t kLongestStem = 180;  // with what follows it fits the 255 bytes of a file's name
constexpr std::string_view kSuffix = ".zone";
constexpr std::string_view kAside = ".new.";  // and a number
constexpr std::size_t kPiece = 1 << 18;

// Its hash stands for a name that is too long.
std::string shortened(const std::string& stem) {
  std::array<unsigned char, 16> hash;
  crypto_generichash(hash.data(), hash.size(), zone::as_bytes(stem).data(), stem.size(), nullptr, 0);
  std::array<char, 2 * hash.size() + 1> hex;
  return stem.substr(0, kLongestStem - hex.size()) + "~" +
         sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
}

// A member of a catalog that comes back under another id may be fetched while its first transfer still runs: no two
// write to one file.
std::string name_aside(const std::string& path) {
  static std::atomic<unsigned> number{0};
  return path + std::string(kAside) + std::to_string(number.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace

std::string kept_path(const std::string& folder, std::string_view wire_name) {
  std::string stem;
  append_name(stem, lower_name(wire_name));
  // \DDD: no file system minds a backslash, but people do.
  for (char& c : stem) c = c == '\\' ? '%' : c;
  if (stem == ".") stem = "@.";
  if (stem.size() > kLongestStem) stem = shortened(stem) + ".";
  return folder + "/" + stem + "zone";
}

void remove_interrupted(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    const std::size_t mark = name.rfind(kAside);
    if (mark == std::string::npos || !name.substr(0, mark).ends_with(kSuffix)) continue;
    if (parse_decimal(std::string_view(name).substr(mark + kAside.size()), 0, UINT32_MAX)) unlink(at->path().c_str());
  }
}

std::optional<Kept> read_kept(const std::string& path) {
  struct stat is {};
  Record first;
  RecordReader reader(path);
  if (reader.failed() || stat(path.c_str(), &is) != 0 || !reader.next(first)) return std::nullopt;
  const auto soa = soa_of(first);
  if (!soa) return std::nullopt;
  return Kept{*soa, static_cast<std::uint64_t>(is.st_mtim.tv_sec)};
}

Status confirm_kept(const std::string& path) {
  if (utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0) return success();
  return Error{path + ": " + std::strerror(errno)};
}

bool RecordReader::next(Record& record) {
  if (failed()) return false;
  const ssize_t length = getline(&line_, &room_, file_.get());
  if (length < 0) return failed_ = std::ferror(file_.get()) != 0, false;
  // A file that was cut ends without a newline.
  const std::string_view line(line_, static_cast<std::size_t>(length));
  failed_ = !line.ends_with('\n') || !parse_line(line.substr(0, line.size() - 1), record);
  return !failed_;
}

ZoneWriter::ZoneWriter(std::string path, std::uint64_t limit)
    : path_(std::move(path)), aside_(name_aside(path_)), limit_(limit) {
  unlink(aside_.c_str());  // nobody's link is followed
  file_ = open(aside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
}

ZoneWriter::~ZoneWriter() {
  if (file_ < 0) return;
  close(file_);
  unlink(aside_.c_str());
}

Error ZoneWriter::failure() const {
  return Error{aside_ + ": " + std::strerror(errno)};
}

Status ZoneWriter::flush() {
  if (file_ < 0 || !write_all(file_, text_)) return failure();
  text_.clear();
  return success();
}

Status ZoneWriter::add(const Record& record) {
  const std::size_t before = text_.size();
  append_line(text_, record);
  written_ += text_.size() - before;
  if (written_ > limit_) return Error{"larger than " + std::to_string(limit_ >> 20) + " MiB (--transfer-limit)"};
  return text_.size() < kPiece ? success() : flush();
}

Status ZoneWriter::finish() {
  if (Status status = flush(); !status) return status;
  return fsync(file_) == 0 ? success() : failure();
}

Status ZoneWriter::commit() {
  if (std::rename(aside_.c_str(), path_.c_str()) != 0) return failure();
  close(file_);
  file_ = -1;
  return success();
}

Status ZoneWriter::flush_folder() const {
  return flush_folder_of(path_);
}

}  // namespace gl::transfer
