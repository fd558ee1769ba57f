#include "lib/services/http/access_log.h"

#include <arpa/inet.h>

#include <ctime>
#include <string_view>

namespace gl::http {

std::string access_text(const AccessLine& line) {
  std::array<char, INET6_ADDRSTRLEN> address{};
  (void)inet_ntop(line.peer_length == 4 ? AF_INET : AF_INET6, line.peer.data(), address.data(), address.size());
  const std::time_t seconds = line.unix_time;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> when{};
  (void)std::strftime(when.data(), when.size(), "%d/%b/%Y:%H:%M:%S +0000", &parts);
  std::string text = std::string(address.data()) + " - - [" + when.data() + "] \"";
  for (const char c : std::string_view(line.line.data(), line.line_length)) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      text += c;
      continue;
    }
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    text.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
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
