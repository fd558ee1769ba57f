// Plays golden dialogues: `golden_runner FILE.pkt...`, or all in a folder: `golden_runner FOLDER`; each under both IP
// versions, several client ISNs and keys.
// Exit status: 0 all as written, 1 a dialogue diverged, 2 a file that cannot be read or understood.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <vector>

#include "tests/golden/dialogue.h"
#include "tests/golden/player.h"

namespace {

using gl::golden::Circumstances;
using gl::golden::Dialogue;

// The last two client ISNs wrap within a dialogue: all 32 bits of the sequence number, then the ledger's twelve.
constexpr std::uint32_t kClientIsns[] = {1237395672u, 0u, 0xffffffe0u, 0x12345fe0u};

constexpr std::uint8_t kKeys[] = {1, 50, 100, 150};

bool plays(const Dialogue& dialogue) {
  for (const bool ipv6 : {false, true}) {
    if (!(ipv6 ? dialogue.ipv6 : dialogue.ipv4)) continue;
    for (const std::uint32_t client_isn : kClientIsns) {
      for (const std::uint8_t key : kKeys) {
        const Circumstances circumstances{ipv6, client_isn, key};
        const auto divergence = gl::golden::play(dialogue, circumstances);
        if (!divergence) continue;
        std::fputs(gl::golden::report(dialogue, *divergence, circumstances).c_str(), stdout);
        return false;
      }
    }
  }
  return true;
}

std::vector<std::filesystem::path> dialogues_in(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.path().extension() == ".pkt") found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

// Exit status.
int play_file(const std::filesystem::path& path) {
  try {
    const bool ok = plays(gl::golden::read_dialogue(path));
    std::printf("%s %s\n", ok ? "ok  " : "FAIL", path.c_str());
    return ok ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: golden_runner FILE.pkt|FOLDER...\n", stderr);
    return 2;
  }
  int status = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& path : dialogues_in(argv[i])) status = std::max(status, play_file(path));
  }
  return status;
}
