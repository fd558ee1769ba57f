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
Status check_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{"--config: " + path + ": " + std::strerror(errno)};
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return Error{"--config: " + path + ": is not a file"};
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const std::size_t start = line.find_first_not_of(" \t\r");
    if (start == std::string::npos || line[start] == '#' || line[start] == '[') continue;
    const std::string place = path + ":" + std::to_string(number) + ": ";
    if (line.find('=') == std::string::npos)
      return Error{place + "neither `key = value` nor `[goldilocks]` nor a # comment"};
    if (line.size() >= CFG_VALUE_LEN)
      return Error{place + "longer than " + std::to_string(CFG_VALUE_LEN - 1) + " bytes"};
  }
  return success();
}

// Those that say `repeat for more`.
bool may_repeat(const std::string& key) {
  constexpr std::string_view kLists[] = {"zone", "address", "gateway", "port", "forward", "forward-source"};
  return std::ranges::find(kLists, key) != std::end(kLists);
}

Status apply_section(const std::string& path, rte_cfgfile* file, const char* section, Settings& settings) {
  const int count = rte_cfgfile_section_num_entries(file, section);
  if (count <= 0) return success();
  const std::vector<ServiceOption> options = all_options(settings);
  std::vector<rte_cfgfile_entry> entries(static_cast<std::size_t>(count));
  rte_cfgfile_section_entries(file, section, entries.data(), count);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string key = entries[i].name;
    const auto failure = [&](const std::string& reason) {
      std::size_t nth = 0;
      for (std::size_t j = 0; j < i; ++j) nth += key == entries[j].name ? 1u : 0u;
      std::string text = path;
      text.append(":").append(std::to_string(line_of(path, key, nth))).append(": ").append(key);
      return Error{text.append(": ").append(reason)};
    };
    const auto before = std::find_if(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(i),
                                     [&](const rte_cfgfile_entry& e) { return key == e.name; });
    if (before != entries.begin() + static_cast<std::ptrdiff_t>(i) && !may_repeat(key)) {
      return failure("given before in this file");
    }
    const auto option = std::ranges::find(options, key, &ServiceOption::name);
    if (option == options.end()) return failure("no such key; --help lists them, without the dashes");
    if (Status status = option->apply(entries[i].value); !status) return failure(status.error());
  }
  return success();
}

}  // namespace

Status read_config_file(const std::string& path, Settings& settings) {
  if (Status status = check_lines(path); !status) return status;
  rte_cfgfile_parameters parameters{};
  parameters.comment_character = '#';
  const std::unique_ptr<rte_cfgfile, Close> file(
      rte_cfgfile_load_with_params(path.c_str(), CFG_FLAG_GLOBAL_SECTION, &parameters));
  if (file == nullptr) return Error{path + ": not an INI file"};
  const int count = rte_cfgfile_num_sections(file.get(), nullptr, 0);
  std::vector<std::array<char, CFG_NAME_LEN>> names(static_cast<std::size_t>(count));
  std::vector<char*> pointers;
  pointers.reserve(names.size());
  for (auto& name : names) pointers.push_back(name.data());
  rte_cfgfile_sections(file.get(), pointers.data(), count);
  for (const char* const name : pointers) {
    if (std::strcmp(name, "GLOBAL") != 0 && std::strcmp(name, "goldilocks") != 0) {
      return Error{path + ": section [" + name + "]: the only section is [goldilocks]"};
    }
    if (Status status = apply_section(path, file.get(), name, settings); !status) return status;
  }
  return success();
}

}  // namespace gl::control
