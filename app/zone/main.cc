// goldilocks-zone: zones from text to images (lib/zone/image.h). Operators start it, and the server does for every zone
// that is a text, so that what is wrong with a text, the memory and the time that it takes stay out of the server.
// Exit codes: 0 done, 1 refused, 2 wrong usage.
#include <getopt.h>

#include <cstdio>
#include <exception>
#include <string>

#include "app/zone/commands.h"

namespace {

constexpr char kHelp[] =
    "goldilocks-zone compile [--origin NAME] --output IMAGE ZONEFILE\n"
    "goldilocks-zone check [--origin NAME] ZONEFILE|IMAGE\n"
    "goldilocks-zone info IMAGE\n"
    "goldilocks-zone records [--origin NAME] ZONEFILE\n"
    "Reads and checks a zone, and makes an image of it: goldilocks --zone IMAGE serves that without reading the text.\n"
    "  --origin NAME   the zone's name; without it the owner of the SOA\n"
    "  --output IMAGE  the file, which is replaced whole; - is standard output\n"
    "  --zonemd WHAT   the ZONEMD record (RFC 8976): off, check it where there is one, or require (check)\n"
    "  --stdin         the text is on standard input, and ZONEFILE its name in messages\n"
    "Exit codes: 0 done, 1 refused, 2 wrong usage.\n";

int wrong_usage(const char* reason) {
  std::fprintf(stderr, "goldilocks-zone: %s; --help shows how\n", reason);
  return 2;
}

int run(int argc, char** argv) {
  constexpr int kStdin = 1000, kZonemd = 1001;
  const option options[] = {
      {"origin", required_argument, nullptr, 'g'}, {"output", required_argument, nullptr, 'o'},
      {"stdin", no_argument, nullptr, kStdin},     {"zonemd", required_argument, nullptr, kZonemd},
      {"help", no_argument, nullptr, 'h'},         {nullptr, 0, nullptr, 0}};
  gl::zone_program::Request request;
  while (true) {
    const int found = getopt_long(argc, argv, "g:o:h", options, nullptr);
    if (found == -1) break;
    if (found == 'g') request.origin = optarg;
    if (found == 'o') request.output = optarg;
    if (found == kZonemd && !gl::zone::digests_from_text(optarg, request.digests)) {
      return wrong_usage("--zonemd is off, check or require");
    }
    if (found == kStdin) request.standard_input = true;
    if (found == 'h') return std::fputs(kHelp, stdout) < 0 ? 1 : 0;
    if (found == '?') return 2;  // getopt has said why
  }
  if (argc - optind != 2) return wrong_usage("a command and a file are wanted");
  const std::string command = argv[optind];
  request.path = argv[optind + 1];
  if (command == "check") return gl::zone_program::check(request);
  if (command == "info") return gl::zone_program::info(request);
  if (command == "records") return gl::zone_program::records(request);
  if (command != "compile") return wrong_usage("there is no such command");
  if (request.output.empty()) return wrong_usage("compile wants --output");
  return gl::zone_program::compile(request);
}

}  // namespace

int main(int argc, char** argv) try { return run(argc, argv); } catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
