#include <string>

#include "tests/golden/player.h"

namespace gl::golden {

std::string report(const Dialogue& dialogue, const Divergence& divergence, const Circumstances& circumstances) {
  std::string text;
  for (unsigned line = 1; line <= divergence.line; ++line) {
    text += (line == divergence.line ? "> " : "  ") + dialogue.lines[line - 1] + '\n';
  }
  text += "  ^ " + divergence.what + "\n  (";
  text += circumstances.ipv6 ? "IPv6" : "IPv4";
  return text + ", client ISN " + std::to_string(circumstances.client_isn) + ", key " +
         std::to_string(circumstances.key) + ")\n";
}

}  // namespace gl::golden
