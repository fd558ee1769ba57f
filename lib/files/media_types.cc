#include "lib/files/media_types.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "lib/base/text.h"

namespace gl::files {
namespace {

constexpr std::size_t kLongest = 127 + 1 + 127;  // RFC 6838 section 4.2
constexpr std::string_view kUnknown = "application/octet-stream";

constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kBuiltIn = {{
    {"css", "text/css"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/vnd.microsoft.icon"},
    {"iso", "application/x-iso9660-image"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"mjs", "text/javascript"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"txt", "text/plain"},
    {"wasm", "application/wasm"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
}};

}  // namespace

MediaTypes MediaTypes::read(const std::string& path) {
  MediaTypes types;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string type;
    words >> type;
    if (type.size() > kLongest) continue;
    for (std::string extension; words >> extension;) types.by_extension_.emplace(lower(extension), type);
  }
  for (const auto& [extension, type] : kBuiltIn) types.by_extension_.emplace(extension, type);
  return types;
}

std::string_view MediaTypes::of(std::string_view file_name) const {
  const std::size_t dot = file_name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return kUnknown;
  const auto found = by_extension_.find(lower(file_name.substr(dot + 1)));
  return found == by_extension_.end() ? kUnknown : std::string_view(found->second);
}

}  // namespace gl::files
