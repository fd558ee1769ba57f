#include "app/zone/reader.h"

#include <fcntl.h>
extern "C" {
#include <libzscanner/error.h>
#include <libzscanner/scanner.h>
}
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "app/zone/directives.h"
#include "lib/base/descriptor.h"
#include "lib/dns/types.h"

namespace gl::zone_program {
namespace {

using zone::Records;

constexpr unsigned kMaxDepth = 8;          // of $INCLUDE
constexpr unsigned kMaxIncluded = 10'000;  // files that include each other would never end
constexpr std::size_t kMaxText = std::size_t{64} << 30;
constexpr std::size_t kMaxReason = 2000;
// Stand for what was not said: an origin, which no zone can have, and a TTL, which is out of range.
constexpr char kNoOrigin[] = "\\000none.";
constexpr std::uint8_t kNoOriginWire[] = {5, 0, 'n', 'o', 'n', 'e', 0};
constexpr std::uint32_t kNoTtl = 0xfffffff1;
constexpr std::uint32_t kDefaultTtl = 3600;
constexpr std::uint32_t kMaxTtl = 0x7fffffff;  // RFC 2181 section 8

struct Free {
  void operator()(zs_scanner_t* scanner) const noexcept {
    zs_deinit(scanner);
    std::free(scanner);
  }
};

// A file's text: mapped, which costs no copy; of a pipe read.
class Text {
 public:
  explicit Text(int descriptor) {
    struct stat status {};
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
      map(descriptor, static_cast<std::size_t>(status.st_size));
    } else {
      read_all(descriptor);
    }
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() {
    if (mapped_ != nullptr) munmap(mapped_, size_);
  }

  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] std::string_view view() const {
    return mapped_ == nullptr ? std::string_view(read_) : std::string_view(static_cast<const char*>(mapped_), size_);
  }

 private:
  void map(int descriptor, std::size_t size) {
    void* const at = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (at == MAP_FAILED) return read_all(descriptor);
    (void)madvise(at, size, MADV_SEQUENTIAL);
    mapped_ = at;
    size_ = size;
  }
  void read_all(int descriptor) {
    std::string block(1 << 20, '\0');
    while (true) {
      const ssize_t count = read(descriptor, block.data(), block.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 || read_.size() > kMaxText) error_ = count < 0 ? errno : EFBIG;
      if (count <= 0 || error_ != 0) return;
      read_.append(block, 0, static_cast<std::size_t>(count));
    }
  }

  void* mapped_ = nullptr;
  std::size_t size_ = 0;
  std::string read_;
  int error_ = 0;
};

std::string reason_of(const zs_scanner_t& scanner) {
  switch (scanner.error.code) {
    case ZS_UNCLOSED_MULTILINE:
      return "a parenthesis opens here, and is never closed";
    case ZS_BAD_TEXT_CHAR:
      return "a character that no text may have, or a quotation that does not end on its line";
    case ZS_UNSUPPORTED_TYPE:
      return "unsupported record type, or a class that is not IN";
    default:
      return zs_strerror(scanner.error.code);
  }
}

bool contains(const std::uint8_t* bytes, std::size_t length) {
  return memmem(bytes, length, kNoOriginWire, sizeof kNoOriginWire) != nullptr;
}

class Reader {
 public:
  Reader(Records& into, const std::function<void(std::uint64_t)>& progress)
      : into_(into), path_(into.path), progress_(progress) {}

  Status read_text(const std::string& name, std::string_view text, const std::string& origin, std::uint32_t ttl,
                   unsigned depth) {
    const std::string start = origin.empty() ? std::string(kNoOrigin) : origin;
    Expanded expanded;
    if (needs_expansion(text)) {
      expanded = expand(text, start);
      if (!expanded.error.empty()) return refuse(name, expanded.error_line, expanded.error);
      text = expanded.text;
    }
    const std::unique_ptr<zs_scanner_t, Free> scanner(static_cast<zs_scanner_t*>(std::calloc(1, sizeof(zs_scanner_t))));
    if (scanner == nullptr || zs_init(scanner.get(), start.c_str(), dns::rr_class::in, ttl) != 0) {
      return refuse(name, 0, "origin '" + origin + "' is not a domain name");
    }
    if (text.empty()) return success();
    if (zs_set_input_string(scanner.get(), text.data(), text.size()) != 0) return refuse(name, 0, "cannot be read");
    // At rest its stack is empty, but each $INCLUDE leaves an entry there (libzscanner 3.2.6), of which it holds 16.
    for (; zs_parse_record(scanner.get()) == 0 && scanner->state != ZS_STATE_EOF; scanner->top = 0) {
      if (Status status = take(name, *scanner, text, expanded, depth); !status) return status;
    }
    return scanner->error.code == 0 ? success() : refuse(name, 0, zs_strerror(scanner->error.code));
  }

  [[nodiscard]] Status refuse(const std::string& name, std::uint64_t line, std::string reason) const {
    // What is wrong in an included file is told at the place that includes it.
    if (name != path_) reason = name + (line == 0 ? "" : ":" + std::to_string(line)) + ": " + reason;
    if (name != path_) line = included_at_;
    reason.resize(std::min(reason.size(), kMaxReason));
    if (line == 0) return Error{path_ + ": " + reason};
    return zone::error_at(path_, static_cast<std::uint32_t>(line), reason);
  }

 private:
  static std::uint64_t where(std::uint64_t line, const zs_scanner_t& scanner, std::string_view text,
                             const Expanded& expanded) {
    if (scanner.error.code != ZS_UNCLOSED_MULTILINE) return line;
    const std::uint64_t opened = unclosed_parenthesis(text);
    return opened == 0 ? line : expanded.source_line(opened);
  }

  // What the scanner has found.
  Status take(const std::string& name, const zs_scanner_t& scanner, std::string_view text, const Expanded& expanded,
              unsigned depth) {
    const std::uint64_t line = expanded.source_line(scanner.line_counter);
    switch (scanner.state) {
      case ZS_STATE_DATA:
        return put_record(name, line, scanner);
      case ZS_STATE_INCLUDE:
        return include(name, line, scanner, depth);
      case ZS_STATE_ERROR:
        return refuse(name, where(line, scanner, text, expanded), reason_of(scanner));
      default:
        return success();
    }
  }

  Status put_record(const std::string& name, std::uint64_t line, const zs_scanner_t& s) {
    if (s.r_class != dns::rr_class::in) return refuse(name, line, "class is not IN");
    if (contains(s.r_owner, s.r_owner_length) || contains(s.r_data, s.r_data_length)) {
      return refuse(name, line, "a relative name, and no origin: $ORIGIN, or --zone ORIGIN=FILE");
    }
    std::uint32_t ttl = s.r_ttl;
    if (ttl == kNoTtl) ttl = stated_ttl_.value_or(kDefaultTtl);  // RFC 1035 5.1: the last stated one
    if (ttl > kMaxTtl) return refuse(name, line, "TTL is above 2147483647");
    stated_ttl_ = ttl;
    const std::uint64_t told = name == path_ ? line : included_at_;
    const Status added = into_.add({s.r_owner, s.r_owner_length}, s.r_type, ttl, {s.r_data, s.r_data_length},
                                   static_cast<std::uint32_t>(told));
    constexpr std::uint64_t kStep = 1 << 16;
    if (++records_ % kStep == 0 && progress_) progress_(records_);
    return added ? success() : refuse(path_, told, added.error());
  }

  // Only what lies in the zone's folder or below it, wherever links lead to.
  Status include(const std::string& name, std::uint64_t line, const zs_scanner_t& s, unsigned depth) {
    std::string wanted = s.include_filename;
    if (wanted.starts_with("./")) wanted.erase(0, 2);  // the scanner's own, which knows no folder
    if (depth == kMaxDepth) return refuse(name, line, "$INCLUDE: more than 8 files deep");
    if (++included_files_ > kMaxIncluded) return refuse(name, line, "$INCLUDE: more than 10000 of them");
    const std::string folder = folder_of(path_);
    const std::string file = folder_of(name) + "/" + wanted;
    char real_folder[PATH_MAX];
    char real_file[PATH_MAX];
    if (realpath(folder.c_str(), real_folder) == nullptr || wanted.starts_with('/') ||
        realpath(file.c_str(), real_file) == nullptr) {
      const std::string why = wanted.starts_with('/') ? "only files in the zone's folder" : std::strerror(errno);
      return refuse(name, line, "$INCLUDE " + wanted + ": " + why);
    }
    if (!std::string(real_file).starts_with(std::string(real_folder) + "/")) {
      return refuse(name, line, "$INCLUDE " + wanted + ": only files in the zone's folder");
    }
    const Descriptor descriptor(open(real_file, O_RDONLY | O_CLOEXEC));
    struct stat status {};
    const bool readable = descriptor.get() >= 0 && fstat(descriptor.get(), &status) == 0 && S_ISREG(status.st_mode);
    const std::optional<Text> text = readable ? std::optional<Text>(std::in_place, descriptor.get()) : std::nullopt;
    if (!text || text->error() != 0) return refuse(name, line, "$INCLUDE " + wanted + ": cannot be read");
    if (name == path_) included_at_ = line;
    into_.included.emplace_back(real_file);
    const std::string origin(reinterpret_cast<const char*>(s.buffer));  // the one of here where none is named
    return read_text(file, text->view(), origin, s.default_ttl, depth + 1);
  }
  static std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  }

  Records& into_;
  const std::string path_;
  const std::function<void(std::uint64_t)>& progress_;
  std::uint64_t records_ = 0;
  std::uint64_t included_at_ = 0;
  unsigned included_files_ = 0;
  std::optional<std::uint32_t> stated_ttl_;
};

}  // namespace

Result<Records> read_zone(int text, const std::string& path, const std::string& origin,
                          const std::function<void(std::uint64_t)>& progress) {
  Records records(path);
  Reader reader(records, progress);
  const Text read(text);
  if (read.error() != 0) return Error{path + ": " + std::strerror(read.error())};
  const std::string absolute = origin.empty() || origin.ends_with('.') ? origin : origin + ".";
  if (Status status = reader.read_text(path, read.view(), absolute, kNoTtl, 0); !status) return Error{status.error()};
  return records;
}

}  // namespace gl::zone_program
