#include "lib/control/options/parse_dnstap.h"

#include <sys/un.h>

#include <sstream>
#include <vector>

#include "lib/base/value_members.h"
#include "lib/control/options/parse_value.h"

namespace gl::control {
namespace {

constexpr std::uint32_t kMostSample = 1'000'000'000;
constexpr std::size_t kLongestText = 255;

Status parse_target(const std::string& text, DnstapSettings& settings) {
  using Kind = DnstapSettings::Kind;
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  settings.target = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (kind == "file" || kind == "unix") {
    settings.kind = kind == "file" ? Kind::file : Kind::unix_socket;
    if (settings.target.empty()) return Error{"'" + text + "': a path is missing behind " + kind + ":"};
    if (kind == "unix" && settings.target.size() >= sizeof sockaddr_un::sun_path) {
      return Error{"'" + settings.target + "' is longer than the " + std::to_string(sizeof sockaddr_un::sun_path - 1) +
                   " bytes of a socket's path"};
    }
    return success();
  }
  if (kind != "tcp") return Error{"'" + text + "' is none of unix:PATH, tcp:ADDRESS:PORT and file:PATH"};
  const auto endpoint = parse_listener(settings.target);
  if (!endpoint) return Error{endpoint.error()};
  settings.kind = Kind::tcp;
  settings.address = endpoint->address;
  settings.port = endpoint->port;
  return success();
}

Status parse_messages(const std::string& word, DnstapSettings& settings) {
  if (word != "auth" && word != "forward") return Error{"messages: '" + word + "' is neither 'auth' nor 'forward'"};
  bool& wanted = word == "auth" ? settings.auth : settings.forward;
  if (wanted) return Error{"messages: '" + word + "' is given twice"};
  wanted = true;
  return success();
}

Status parse_setting(const std::string& word, DnstapSettings& settings, bool& in_messages) {
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos && in_messages) return parse_messages(word, settings);
  const std::string name = word.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
  in_messages = name == "messages";
  if (in_messages) {
    settings.auth = settings.forward = false;
    return parse_messages(value, settings);
  }
  if (name == "sample") {
    const auto number = parse_number(value, 1, kMostSample);
    if (!number) return Error{"sample: " + number.error()};
    settings.sample = *number;
    return success();
  }
  if (name != "identity" && name != "version") {
    return Error{"'" + word + "' is none of sample=N, messages=auth,forward, identity=TEXT and version=TEXT"};
  }
  if (value.empty() || value.size() > kLongestText) return Error{name + ": 1 to 255 bytes are allowed"};
  (name == "identity" ? settings.identity : settings.version) = value;
  return success();
}

}  // namespace

Result<DnstapSettings> parse_dnstap(const std::string& text) {
  if (Status status = check_members(text); !status) return Error{status.error()};
  DnstapSettings settings;
  std::istringstream words(text);
  std::string word;
  std::getline(words, word, ',');
  if (Status status = parse_target(word, settings); !status) return Error{status.error()};
  bool in_messages = false;
  while (std::getline(words, word, ',')) {
    if (Status status = parse_setting(word, settings, in_messages); !status) return Error{status.error()};
  }
  return settings;
}

}  // namespace gl::control
