#include "lib/base/text.h"
#include "lib/control/check/check.h"
#include "lib/control/transfers/keys.h"
#include "lib/control/transfers/state_folder.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

void take(const Status& status, CheckReport& report) {
  if (!status) report.errors.push_back(status.error());
}

// Each file by itself, so that all that are refused are told; names are looked for where all could be read.
void check_keys(const transfer::TransferSettings& settings, CheckReport& report) {
  const std::size_t before = report.errors.size();
  for (const std::string& path : settings.key_files) {
    TransferKeys keys({path});
    if (Status status = keys.load(); !status) {
      report.errors.push_back(status.error());
    } else {
      report.found.push_back("key file " + path + ": " + counted(keys.get()->size(), "key"));
    }
  }
  if (report.errors.size() != before) return;
  TransferKeys all(settings.key_files);
  take(all.load(), report);
  if (report.errors.size() != before) return;
  const auto missing = missing_keys(settings, *all.get());
  report.errors.insert(report.errors.end(), missing.begin(), missing.end());
}

}  // namespace

void check_transfers(const transfer::TransferSettings& settings, const std::set<std::string>& zones,
                     CheckReport& report) {
  check_keys(settings, report);
  if (settings.secondaries.empty()) return;
  for (const transfer::SecondarySetting& secondary : settings.secondaries) {
    const std::string name = zone::to_text(secondary.zone);
    if (zones.contains(secondary.zone)) {
      report.errors.push_back(given_twice(name));
    } else {
      report.found.push_back(
          (secondary.catalog ? "catalog " : "secondary zone ") + name + ": " +
          (secondary.primaries.size() == 1 ? "1 primary" : std::to_string(secondary.primaries.size()) + " primaries"));
    }
  }
  const Status folder = check_state_folder(settings.state_folder);
  take(folder, report);
  if (folder) report.found.push_back("state folder " + settings.state_folder);
}

}  // namespace gl::control
