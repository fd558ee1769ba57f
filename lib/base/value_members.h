// A flag's value that has members with commas between them, KEY=VALUE or a word: nothing is missing between the commas,
// and nothing is said twice of which only one could count.
// Thread: pure function. Errors: one line, without the flag's name.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.h"
#include "lib/base/text.h"

namespace gl {

// `repeatable`: keys without their `=` of which there may be more.
[[nodiscard]] inline Status check_members(std::string_view value,
                                          std::initializer_list<std::string_view> repeatable = {}) {
  const auto refuse = [&](std::string_view why) {
    return Status(Error{"'" + std::string(value) + "': " + std::string(why)});
  };
  if (value.starts_with(',')) return refuse("nothing stands before the first comma");
  if (value.ends_with(',')) return refuse("nothing stands behind the last comma");
  std::vector<std::string_view> keys;
  for (std::string_view rest = value; !rest.empty();) {
    const std::string_view member = take_member(rest, ',');
    if (member.empty()) return refuse("nothing stands between two commas");
    const std::string_view key = member.substr(0, member.find('='));
    if (std::ranges::find(repeatable, key) != repeatable.end()) continue;
    if (std::ranges::find(keys, key) != keys.end()) return refuse(std::string(key) + " is given twice");
    keys.push_back(key);
  }
  return success();
}

}  // namespace gl
