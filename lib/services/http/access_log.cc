#include "lib/services/http/access_log.h"

#include <ctime>
#include <string_view>

#include "lib/base/text.h"

namespace gl::http {

std::string access_text(const AccessLine& line) {
  const std::time_t seconds = line.unix_time;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> when{};
  (void)std::strftime(when.data(), when.size(), "%d/%b/%Y:%H:%M:%S +0000", &parts);
  std::string text = address_text(line.peer.data(), line.peer_length) + " - - [" + when.data() + "] \"";
  for (const char c : std::string_view(line.line.data(), line.line_length)) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      text += c;
    } else {
      append_escaped(text, c);
    }
  }
  return text + "\" " + std::to_string(line.status) + ' ' + std::to_string(line.body);
}

std::optional<std::string> AccessLog::write() {
  std::string text;
  AccessLine line;
  for (AccessQueue* const queue : queues_) {
    while (queue->pop(line)) text.append(access_text(line)).append(1, '\n');
  }
  return file_.write(text);
}

}  // namespace gl::http
