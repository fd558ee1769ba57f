// The operator's word with a running goldilocks, by its control socket (docs/control.md).
//   goldilocks-ctl [-s PATH | -f PREFIX] [-t SECONDS] [--json] COMMAND [ARGUMENT]
#include <cstdio>
#include <exception>

#include "app/ctl/connection.h"
#include "app/ctl/options.h"
#include "app/ctl/print.h"
#include "lib/base/json.h"
#include "lib/base/printable.h"

namespace gl::ctl {
namespace {

constexpr int kRefused = 1;
constexpr int kWrongUsage = 2;

int fail(const std::string& what) {
  std::fprintf(stderr, "goldilocks-ctl: %s\n", harmless(what).c_str());
  return kRefused;
}

int show(const Options& options, const std::string& line) {
  const Json answer(json_loads(line.c_str(), 0, nullptr));
  if (answer == nullptr || !json_is_object(answer.get()))
    return fail(options.socket + ": the answer is no JSON object");
  if (options.json) {
    std::puts(line.c_str());
  } else if (options.command == "counters") {
    print_counters(answer.get());
  } else {
    print_answer(answer.get());
  }
  if (!json_is_true(json_object_get(answer.get(), "ok"))) return fail(text_member(answer.get(), "error"));
  if (options.command == "health" && text_member(answer.get(), "state") != "serving") return kRefused;
  return 0;
}

int run(int argc, char** argv) {
  const auto options = parse_options(argc, argv);
  if (!options || options->help) {
    std::fputs(kUsage, options ? stdout : stderr);
    return options ? 0 : kWrongUsage;
  }
  const auto line = ask(options->socket, options->request, options->wait_seconds);
  return line ? show(*options, *line) : fail(line.error());
}

}  // namespace
}  // namespace gl::ctl

int main(int argc, char** argv) try { return gl::ctl::run(argc, argv); } catch (const std::exception& e) {
  std::fprintf(stderr, "goldilocks-ctl: %s\n", e.what());
  return 1;
}
