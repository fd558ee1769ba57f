#include "lib/control/zones/load_report.h"

#include <string>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/zone/load_progress.h"

namespace gl::control {

void report_long_loads() {
  zone::watch_loads([](const zone::LoadUnderWay& load) {
    const std::string seconds = std::to_string((monotonic_ms() - load.began_ms) / 1000) + " s";
    const std::string what = load.ended      ? ", ended after " + seconds
                             : load.read_all ? " read, its answers are being made, " + seconds + " so far"
                                             : " read, " + seconds + " so far";
    say("zone file " + load.path + ": " + counted(load.records, "record") + what,
        {{"file", load.path}, {"records", load.records}});
  });
}

}  // namespace gl::control
