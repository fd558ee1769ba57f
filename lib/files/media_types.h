// Which media type a file has, by the end of its name.
// Thread: immutable after it was made. Errors: none: without the system's table there is a small one.
// Source: mime.types(5) of Debian's media-types.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace gl::files {

class MediaTypes {
 public:
  // The table at `path`, or the built-in one where that cannot be read.
  [[nodiscard]] static MediaTypes read(const std::string& path = "/etc/mime.types");

  // `application/octet-stream` where the name says nothing.
  [[nodiscard]] std::string_view of(std::string_view file_name) const;

 private:
  std::unordered_map<std::string, std::string> by_extension_;  // lower case
};

}  // namespace gl::files
