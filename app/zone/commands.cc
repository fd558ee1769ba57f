#include "app/zone/commands.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "app/zone/reader.h"
#include "lib/base/append_file.h"
#include "lib/base/descriptor.h"
#include "lib/base/printable.h"
#include "lib/base/replace_file.h"
#include "lib/dns/types.h"
#include "lib/transfer/record_text.h"
#include "lib/zone/image_check.h"
#include "lib/zone/image_input.h"
#include "lib/zone/name_text.h"
#include "lib/zone/zone_data.h"
#include "lib/zone_compiler/compile.h"
#include "lib/zone_compiler/zone_check.h"

namespace gl::zone_program {
namespace {

int refuse(const std::string& error) {
  std::fprintf(stderr, "error: %s\n", harmless(error).c_str());  // a file may be called anything
  return 1;
}

// Where memory runs out, this program is to be ended, and not the server that started it.
void be_the_first_to_go() {
  const Descriptor file(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (file.get() >= 0) (void)write_all(file.get(), "800");  // without: the largest process goes first
}

// The path's file, or standard input.
Result<int> open_input(const Request& request, Descriptor& file) {
  if (request.standard_input) return STDIN_FILENO;
  file.reset(open(request.path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return Error{request.path + ": " + std::strerror(errno)};
  return file.get();
}

Result<zone::ImageMemory> image_of_text(const Request& request) {
  if (!request.origin.empty() && !zone::name_from_text(request.origin)) {
    return Error{request.path + ": origin '" + request.origin + "' is not a domain name"};
  }
  Descriptor file;
  const Result<int> text = open_input(request, file);
  if (!text) return Error{text.error()};
  // For the server, which has the other end of standard error (lib/zone/compiler_process.cc).
  const auto progress = [&](std::uint64_t so_far) {
    if (request.standard_input) std::fprintf(stderr, "progress: %" PRIu64 "\n", so_far);
  };
  Result<zone::Records> records = read_zone(*text, request.path, request.origin, progress);
  if (!records) return Error{records.error()};
  if (request.standard_input) std::fprintf(stderr, "progress: %zu all\n", records->size());
  std::vector<std::string> warnings;
  Result<zone::ImageMemory> image = zone::compile_zone(std::move(*records), request.origin, warnings, request.digests);
  for (const std::string& warning : warnings) std::fprintf(stderr, "warning: %s\n", harmless(warning).c_str());
  return image;
}

bool begins_as_image(const Request& request) {
  std::uint8_t first[zone::kImageMagic.size()];
  Descriptor file;
  const Result<int> input = open_input(request, file);
  return input && pread(*input, first, sizeof first, 0) == sizeof first && zone::is_image(first);
}

Result<std::unique_ptr<zone::Zone>> open_checked(const std::string& path, Result<zone::ImageMemory> image) {
  if (!image) return Error{image.error()};
  Result<std::unique_ptr<zone::Zone>> zone = zone::open_image(std::move(*image));
  if (!zone) return Error{path + ": " + zone.error()};
  return zone;
}

Result<std::unique_ptr<zone::Zone>> open_file(const Request& request) {
  Descriptor file;
  const Result<int> input = open_input(request, file);
  if (!input) return Error{input.error()};
  Result<zone::ImageMemory> image = zone::read_image(*input);
  if (!image) return Error{request.path + ": " + image.error()};
  return open_checked(request.path, std::move(image));
}

void print_zone(const std::string& path, const zone::Zone& zone) {
  std::printf("%s: zone %s, serial %" PRIu32 ", %" PRIu64 " records\n", path.c_str(), zone.origin.c_str(), zone.serial,
              zone.records);
}

const char* name_of(zone::Denials::Kind kind) {
  switch (kind) {
    case zone::Denials::Kind::nsec:
      return "NSEC";
    case zone::Denials::Kind::nsec3:
      return "NSEC3";
    case zone::Denials::Kind::none:
      break;
  }
  return "none";
}

}  // namespace

int compile(const Request& request) {
  be_the_first_to_go();
  // A server that is gone wants nothing any more.
  if (request.standard_input) (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  const Result<zone::ImageMemory> image = image_of_text(request);
  if (!image) return refuse(image.error());
  const std::string_view bytes = zone::as_chars(image->bytes());
  if (request.output == "-") {
    return write_all(STDOUT_FILENO, bytes) ? 0 : refuse(std::string("standard output: ") + std::strerror(errno));
  }
  const Status written = replace_file(request.output, bytes);
  return written ? 0 : refuse(written.error());
}

int records(const Request& request) {
  if (begins_as_image(request)) return refuse(request.path + ": an image has no records that could be told");
  Descriptor file;
  const Result<int> text = open_input(request, file);
  if (!text) return refuse(text.error());
  const Result<zone::Records> read = read_zone(*text, request.path, request.origin);
  if (!read) return refuse(read.error());
  const Result<std::string> apex = zone::check_records(*read, {});
  if (!apex) return refuse(apex.error());
  constexpr std::size_t kPiece = 1 << 18;
  std::string lines;
  const auto print = [&](const zone::Record& r) {
    transfer::append_line(lines, {std::string(r.owner()), r.type, dns::rr_class::in, r.ttl, std::string(r.data())});
  };
  const auto is_soa = [&](const zone::Record& r) { return r.type == dns::rr::soa && r.owner() == *apex; };
  print(*std::find_if(read->begin(), read->end(), is_soa));
  for (const zone::Record& record : *read) {
    if (!is_soa(record)) print(record);
    if (lines.size() < kPiece) continue;
    if (!write_all(STDOUT_FILENO, lines)) return 1;  // nobody wants the rest
    lines.clear();
  }
  return write_all(STDOUT_FILENO, lines) ? 0 : 1;
}

int check(const Request& request) {
  Result<std::unique_ptr<zone::Zone>> zone =
      begins_as_image(request) ? open_file(request) : open_checked(request.path, image_of_text(request));
  if (!zone) return refuse(zone.error());
  if (!request.origin.empty()) {
    const auto wanted = zone::name_from_text(request.origin);
    if (!wanted || !std::ranges::equal(*wanted, (*zone)->name_of((*zone)->nodes[0]))) {
      return refuse(request.path + ": the zone is " + (*zone)->origin + ", not " + request.origin);
    }
  }
  print_zone(request.path, **zone);
  return 0;
}

int info(const Request& request) {
  const Result<std::unique_ptr<zone::Zone>> zone = open_file(request);
  if (!zone) return refuse(zone.error());
  print_zone(request.path, **zone);
  std::printf("format %" PRIu32 ", %zu bytes, %zu names, %zu RRsets, denials: %s\n", zone::kImageFormat,
              (*zone)->image.bytes().size(), (*zone)->nodes.size(), (*zone)->rrsets.size(),
              name_of((*zone)->denials.kind()));
  return 0;
}

}  // namespace gl::zone_program
