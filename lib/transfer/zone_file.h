// A transferred zone as it is kept on disk: one record a line (record_text.h), the SOA first. The time at which the
// file was changed last is that at which a primary confirmed it last, so that it expires after a restart too.
// Units: bytes, seconds since 1970. Ownership: owns its descriptors. Thread: one. Errors: one line that names the file.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/transfer/record.h"

namespace gl::transfer {

// Where a zone is kept in a folder: `example.org.zone`, `@.zone` for the root's.
[[nodiscard]] std::string kept_path(const std::string& folder, std::string_view wire_name);

// Removes what a process that was killed had begun to write there. Before the first ZoneWriter.
void remove_interrupted(const std::string& folder);

// What the first line says, and the file's time.
struct Kept {
  Soa soa;
  std::uint64_t confirmed_at = 0;
  [[nodiscard]] std::uint64_t expires_at() const { return confirmed_at + soa.expire; }
};
// Nothing: there is no such file, or it is none of ours.
[[nodiscard]] std::optional<Kept> read_kept(const std::string& path);
// Sets its time to now.
[[nodiscard]] Status confirm_kept(const std::string& path);

// Reads lines of text from a file, record by record.
class RecordReader {
 public:
  explicit RecordReader(const std::string& path) : file_(std::fopen(path.c_str(), "re")) {}
  explicit RecordReader(std::FILE* file) : file_(file) {}  // and closes it
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;
  ~RecordReader() { std::free(line_); }

  // False: no more, or an error.
  [[nodiscard]] bool next(Record& record);
  [[nodiscard]] bool failed() const noexcept { return failed_ || file_ == nullptr; }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  char* line_ = nullptr;
  std::size_t room_ = 0;
  bool failed_ = false;
};

// Writes aside; what is not committed is removed.
class ZoneWriter {
 public:
  // `limit`: bytes of the file.
  ZoneWriter(std::string path, std::uint64_t limit);
  ZoneWriter(const ZoneWriter&) = delete;
  ZoneWriter& operator=(const ZoneWriter&) = delete;
  ~ZoneWriter();

  [[nodiscard]] Status add(const Record& record);
  // All of it is on disk, under aside().
  [[nodiscard]] Status finish();
  // aside() takes the name of the zone's file, and keeps it over a power failure after flush_folder(), which takes
  // time.
  [[nodiscard]] Status commit();
  [[nodiscard]] Status flush_folder() const;
  [[nodiscard]] const std::string& aside() const noexcept { return aside_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  [[nodiscard]] Status flush();
  [[nodiscard]] Error failure() const;

  const std::string path_;
  const std::string aside_;
  const std::uint64_t limit_;
  int file_;
  std::uint64_t written_ = 0;
  std::string text_;
};

}  // namespace gl::transfer
