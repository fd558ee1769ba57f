#include "lib/control/options/config_file.h"

#include <rte_cfgfile.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "lib/control/options/option_table.h"
#include "lib/control/options/suggest.h"

namespace gl::control {

namespace {

struct Close {
  void operator()(rte_cfgfile* file) const noexcept { rte_cfgfile_close(file); }
};

// Where the `nth` line with this key is, for messages: rte_cfgfile does not keep line numbers.
std::size_t line_of(const std::string& path, const std::string& key, std::size_t nth) {
  std::ifstream file(path);
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const std::size_t start = line.find_first_not_of(" \t");
    if (start == std::string::npos || line.compare(start, key.size(), key) != 0) continue;
    const std::size_t after = line.find_first_not_of(" \t", start + key.size());
    if (after != std::string::npos && line[after] == '=' && nth-- == 0) return number;
  }
  return 0;
}

// rte_cfgfile skips what it does not understand, and cuts what is too long for it.
void check_lines(const std::string& path, std::istream& file, std::vector<std::string>& problems) {
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const std::size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string::npos || line[start] == '#' || line[start] == '[') continue;
    const std::string place = path + ":" + std::to_string(number) + ": ";
    if (line.find('=') == std::string::npos) {
      problems.push_back(place + "neither `key = value` nor `[goldilocks]` nor a # comment");
    } else if (line.size() >= CFG_VALUE_LEN) {
      problems.push_back(place + "longer than " + std::to_string(CFG_VALUE_LEN - 1) + " bytes");
    }
  }
}

std::string no_such_key(const std::string& key, const std::vector<ServiceOption>& options) {
  std::vector<std::string> keys;
  keys.reserve(options.size());
  for (const ServiceOption& option : options) keys.push_back(option.name);
  const std::string meant = did_you_mean(key, keys);
  return meant.empty() ? "no such key; --help lists them, without the dashes" : "no such key" + meant;
}

void apply_section(const std::string& path, rte_cfgfile* file, const char* section, Settings& settings,
                   std::vector<GivenOption>& given, std::vector<std::string>& problems) {
  const int count = rte_cfgfile_section_num_entries(file, section);
  if (count <= 0) return;
  const std::vector<ServiceOption> options = all_options(settings);
  std::vector<rte_cfgfile_entry> entries(static_cast<std::size_t>(count));
  rte_cfgfile_section_entries(file, section, entries.data(), count);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string key = entries[i].name;
    const auto here = entries.begin() + static_cast<std::ptrdiff_t>(i);
    const auto nth = static_cast<std::size_t>(
        std::count_if(entries.begin(), here, [&](const rte_cfgfile_entry& e) { return key == e.name; }));
    std::string where = path;
    where.append(":").append(std::to_string(line_of(path, key, nth))).append(": ").append(key);
    const auto refuse = [&](const std::string& reason) {
      problems.push_back(std::string(where).append(": ").append(reason));
    };
    given.push_back({key, entries[i].value, where});
    const auto option = std::ranges::find(options, key, &ServiceOption::name);
    if (option == options.end()) {
      refuse(no_such_key(key, options));
    } else if (nth != 0 && !may_repeat(*option)) {
      refuse("given before in this file");
    } else if (Status status = option->apply(entries[i].value); !status) {
      refuse(status.error());
    }
  }
}

}  // namespace

void read_config_file(const std::string& path, Settings& settings, std::vector<GivenOption>& given,
                      std::vector<std::string>& problems) {
  std::ifstream text(path);
  std::error_code error;
  if (!text) return problems.push_back("--config: " + path + ": " + std::strerror(errno));
  if (std::filesystem::is_directory(path, error)) return problems.push_back("--config: " + path + ": is not a file");
  check_lines(path, text, problems);
  rte_cfgfile_parameters parameters{};
  parameters.comment_character = '#';
  const std::unique_ptr<rte_cfgfile, Close> file(
      rte_cfgfile_load_with_params(path.c_str(), CFG_FLAG_GLOBAL_SECTION, &parameters));
  if (file == nullptr) return problems.push_back(path + ": not an INI file");
  const int count = rte_cfgfile_num_sections(file.get(), nullptr, 0);
  std::vector<std::array<char, CFG_NAME_LEN>> names(static_cast<std::size_t>(count));
  std::vector<char*> pointers;
  pointers.reserve(names.size());
  for (auto& name : names) pointers.push_back(name.data());
  rte_cfgfile_sections(file.get(), pointers.data(), count);
  for (const char* const name : pointers) {
    if (std::strcmp(name, "GLOBAL") != 0 && std::strcmp(name, "goldilocks") != 0) {
      problems.push_back(path + ": section [" + name + "]: the only section is [goldilocks]");
    } else {
      apply_section(path, file.get(), name, settings, given, problems);
    }
  }
}

}  // namespace gl::control
