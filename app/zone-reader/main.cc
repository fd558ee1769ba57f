// goldilocks-zone-reader: the text of a zone on standard input, its records on standard output (lib/zone/records.h).
// The server starts it for every zone that it reads, so that what is wrong with a text, the memory and the time that it
// takes stay out of the server. Exit codes: 0 the records or an error were written, 1 they could not be.
#include <cstdio>
#include <cstring>

#include "app/zone-reader/reader.h"

int main(int argc, char** argv) {
  if (argc != 4 || std::strcmp(argv[1], "--") != 0) {
    std::fputs(
        "usage: goldilocks-zone-reader -- PATH ORIGIN < PATH\n"
        "Reads the zone in PATH, which is on standard input; ORIGIN may be empty. Started by goldilocks.\n",
        stderr);
    return 2;
  }
  return gl::zone_reader::read_zone(argv[2], argv[3], stdout) && std::fflush(stdout) == 0 ? 0 : 1;
}
