#include "app/zone-reader/reader.h"

#include <fcntl.h>
extern "C" {
#include <libzscanner/error.h>
#include <libzscanner/scanner.h>
}
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "app/zone-reader/directives.h"
#include "lib/base/endian.h"
#include "lib/dns/types.h"
#include "lib/zone/records.h"

namespace gl::zone_reader {
namespace {

namespace records = zone::records;

constexpr unsigned kMaxDepth = 8;  // of $INCLUDE
constexpr std::size_t kMaxText = std::size_t{4} << 30;
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

std::optional<std::string> read_all(int descriptor) {
  std::string text;
  std::string block(1 << 20, '\0');
  while (true) {
    const ssize_t count = read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 || text.size() > kMaxText) return std::nullopt;
    if (count == 0) return text;
    text.append(block, 0, static_cast<std::size_t>(count));
  }
}

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
  Reader(std::string path, std::FILE* out) : path_(std::move(path)), out_(out) {}

  // False: it was refused, and that has been told.
  bool read_text(const std::string& name, std::string text, const std::string& origin, std::uint32_t ttl,
                 unsigned depth) {
    const std::string start = origin.empty() ? std::string(kNoOrigin) : origin;
    Expanded expanded;
    if (needs_expansion(text)) {
      expanded = expand(text, start);
      if (!expanded.error.empty()) return refuse(name, expanded.error_line, expanded.error);
      text = std::move(expanded.text);
    }
    const std::unique_ptr<zs_scanner_t, Free> scanner(static_cast<zs_scanner_t*>(std::calloc(1, sizeof(zs_scanner_t))));
    if (scanner == nullptr || zs_init(scanner.get(), start.c_str(), dns::rr_class::in, ttl) != 0) {
      return refuse(name, 0, "origin '" + origin + "' is not a domain name");
    }
    if (text.empty()) return true;
    if (zs_set_input_string(scanner.get(), text.data(), text.size()) != 0) return refuse(name, 0, "cannot be read");
    while (zs_parse_record(scanner.get()) == 0) {
      const std::uint64_t line = expanded.source_line(scanner->line_counter);
      switch (scanner->state) {
        case ZS_STATE_DATA:
          if (!put_record(name, line, *scanner)) return false;
          break;
        case ZS_STATE_INCLUDE:
          if (!include(name, line, *scanner, depth)) return false;
          break;
        case ZS_STATE_ERROR:
          return refuse(name, where(line, *scanner, text, expanded), reason_of(*scanner));
        case ZS_STATE_EOF:
          return true;
        default:
          break;
      }
    }
    return scanner->error.code == 0 || refuse(name, 0, zs_strerror(scanner->error.code));
  }

  [[nodiscard]] bool failed() const { return failed_; }
  bool refuse(const std::string& name, std::uint64_t line, std::string reason) {
    // What is wrong in an included file is told at the place that includes it.
    if (name != path_) reason = name + (line == 0 ? "" : ":" + std::to_string(line)) + ": " + reason;
    if (name != path_) line = included_at_;
    reason.resize(std::min<std::size_t>(reason.size(), 2000));
    std::uint8_t head[records::kErrorHead];
    head[0] = records::kError;
    store_be(head + 1, static_cast<std::uint32_t>(line));
    store_be(head + 5, static_cast<std::uint16_t>(reason.size()));
    put(head, sizeof head);
    put(reason.data(), reason.size());
    return false;
  }
  void put(const void* bytes, std::size_t size) {
    failed_ = failed_ || (size != 0 && std::fwrite(bytes, size, 1, out_) != 1);
  }

 private:
  static std::uint64_t where(std::uint64_t line, const zs_scanner_t& scanner, const std::string& text,
                             const Expanded& expanded) {
    if (scanner.error.code != ZS_UNCLOSED_MULTILINE) return line;
    const std::uint64_t opened = unclosed_parenthesis(text);
    return opened == 0 ? line : expanded.source_line(opened);
  }

  bool put_record(const std::string& name, std::uint64_t line, const zs_scanner_t& s) {
    if (s.r_class != dns::rr_class::in) return refuse(name, line, "class is not IN");
    if (contains(s.r_owner, s.r_owner_length) || contains(s.r_data, s.r_data_length)) {
      return refuse(name, line, "a relative name, and no origin: $ORIGIN, or --zone ORIGIN=FILE");
    }
    std::uint32_t ttl = s.r_ttl;
    if (ttl == kNoTtl) ttl = stated_ttl_.value_or(kDefaultTtl);  // RFC 1035 5.1: the last stated one
    if (ttl > kMaxTtl) return refuse(name, line, "TTL is above 2147483647");
    stated_ttl_ = ttl;
    std::uint8_t head[records::kRecordHead];
    head[0] = records::kRecord;
    store_be(head + 1, static_cast<std::uint32_t>(name == path_ ? line : included_at_));
    store_be(head + 5, ttl);
    store_be(head + 9, s.r_type);
    head[11] = static_cast<std::uint8_t>(s.r_owner_length);
    put(head, sizeof head);
    put(s.r_owner, s.r_owner_length);
    std::uint8_t length[2];
    store_be(length, static_cast<std::uint16_t>(s.r_data_length));
    put(length, sizeof length);
    put(s.r_data, s.r_data_length);
    return !failed_;
  }

  // Only what lies in the zone's folder or below it, wherever links lead to.
  bool include(const std::string& name, std::uint64_t line, const zs_scanner_t& s, unsigned depth) {
    std::string wanted = s.include_filename;
    if (wanted.starts_with("./")) wanted.erase(0, 2);  // the scanner's own, which knows no folder
    if (depth == kMaxDepth) return refuse(name, line, "$INCLUDE: more than 8 files deep");
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
    const int descriptor = open(real_file, O_RDONLY | O_CLOEXEC);
    struct stat status {};
    const bool readable = descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
    std::optional<std::string> text = readable ? read_all(descriptor) : std::nullopt;
    if (descriptor >= 0) close(descriptor);
    if (!text) return refuse(name, line, "$INCLUDE " + wanted + ": cannot be read");
    if (name == path_) included_at_ = line;
    std::uint8_t head[records::kIncludedHead];
    head[0] = records::kIncluded;
    store_be(head + 1, static_cast<std::uint16_t>(std::strlen(real_file)));
    put(head, sizeof head);
    put(real_file, std::strlen(real_file));
    const std::string origin(reinterpret_cast<const char*>(s.buffer));  // the one of here where none is named
    return read_text(file, std::move(*text), origin, s.default_ttl, depth + 1);
  }
  static std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  }

  const std::string path_;
  std::FILE* const out_;
  std::uint64_t included_at_ = 0;
  std::optional<std::uint32_t> stated_ttl_;
  bool failed_ = false;
};

}  // namespace

bool read_zone(const std::string& path, const std::string& origin, std::FILE* out) {
  Reader reader(path, out);
  const std::optional<std::string> text = read_all(STDIN_FILENO);
  const std::string absolute = origin.empty() || origin.ends_with('.') ? origin : origin + ".";
  if (!text) {
    reader.refuse(path, 0, std::strerror(errno));
  } else if (reader.read_text(path, *text, absolute, kNoTtl, 0)) {
    reader.put(&records::kEnd, 1);
  }
  return !reader.failed();
}

}  // namespace gl::zone_reader
