// What the command line of goldilocks-rpc says. Ownership: values. Thread: one. Errors: one line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/lookup/lookup.h"
#include "lib/services/rpc_once/message.h"

namespace gl::rpc_client {

inline constexpr const char* kUsage =
    "usage: goldilocks-rpc [OPTION]... HOST echo|append|count [TEXT]...\n"
    "Calls a procedure of HOST over UDP, once for each TEXT, or for each line of the standard input where there is\n"
    "none: echo returns the text, append adds it to the server's journal and returns its number there, exactly once,\n"
    "count returns how many lines the journal has. Prints what is returned in the order of the calls.\n"
    "  -4, -6             only IPv4, only IPv6; otherwise IPv6 first\n"
    "  -s NAMESERVER      the address of the name server that is asked, instead of those in /etc/resolv.conf\n"
    "  -p PORT            5435\n"
    "  --outstanding N    so many calls at once, up to 32 (8)\n"
    "  --boot FILE        keeps the client's id and boot counter there; otherwise the id is a new one each time\n"
    "  --wait SECONDS     gives a call up after that, at most 60 (60)\n"
    "  --loss PERCENT     loses so many of the datagrams, each way (0)\n"
    "  --seed N           of what is lost (1)\n"
    "  --statistics       says at the end what was sent again\n"
    "Exit status: 0 every call was executed; 1 one was not, or nothing is known of it; 2 usage; 3 the server was\n"
    "started anew, and calls that were outstanding may have been executed or not.\n";

struct Options {
  std::string host;
  std::uint16_t port = 5435;
  LookupSettings lookup;
  std::uint32_t outstanding = 8;
  std::string boot_file;
  std::uint32_t wait_seconds = 60;
  std::uint32_t loss_percent = 0;
  std::uint32_t seed = 1;
  bool statistics = false;
  bool help = false;
  rpc_once::Procedure procedure = rpc_once::Procedure::echo;
  std::vector<std::string> texts;
};

// Nothing: the usage is to be shown.
[[nodiscard]] std::optional<Options> parse_options(int argc, char** argv);

}  // namespace gl::rpc_client
