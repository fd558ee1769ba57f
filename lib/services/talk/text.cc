#include "lib/services/talk/text.h"

#include <algorithm>

#include "lib/base/printable.h"

namespace gl::services {

std::string harmless(std::string_view line) {
  return gl::harmless(line, true);
}

std::string talk_lines(std::string_view address, std::uint16_t port, std::string_view text) {
  const std::string who = "message from <" + std::string(address) + "," + std::to_string(port) + ">: ";
  std::string lines;
  do {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.append(who).append(harmless(line)).append(1, '\n');
    text.remove_prefix(std::min(end + 1, text.size()));
  } while (!text.empty());
  return lines;
}

}  // namespace gl::services
