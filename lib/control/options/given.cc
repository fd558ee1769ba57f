#include "lib/control/options/given.h"

#include <algorithm>
#include <string_view>

namespace gl::control {
namespace {

using Names = std::vector<std::string_view>;

// One of `any` has to be there, with this in its value.
struct Need {
  std::string_view option;  // one that ends in - stands for all that begin so
  Names any;
  std::string_view member = {};
};

const std::vector<Need>& needs() {
  static const Names kNameServer = {"zone", "secondary", "catalog", "forward"};
  static const Names kZones = {"zone", "secondary", "catalog"};
  static const Names kSecondary = {"secondary", "catalog"};
  static const std::vector<Need> list = {
      {"forward-", {"forward"}},
      {"kernel-rate", {"kernel-port"}},
      {"kernel-peer", {"kernel-port"}},
      {"rate-slip", {"rate-limit"}},
      {"rate-limit-allow", {"rate-limit", "tcp-syn-limit", "tcp-answer-limit"}},
      {"http-backend-", {"http"}, "backend="},
      {"http-", {"http"}},
      {"tftp-", {"tftp"}},
      {"file-memory", {"http", "tftp", "nfs"}},
      {"state-dir", kSecondary},
      {"transfer-limit", kSecondary},
      {"transfer-time", {"secondary", "catalog", "transfer-listen"}},
      {"tsig", {"secondary", "catalog", "transfer-listen", "notify"}},
      {"transfer-allow", {"transfer-listen"}},
      {"transfer-listen", kZones},
      {"notify", kZones},
      {"zonemd", kZones},
      {"port", kNameServer},
      {"max-udp", kNameServer},
      {"udp", kNameServer},
      {"udp-any", kNameServer},
      {"dns-cookies", kNameServer},
      {"rate-limit", kNameServer},
      {"nsid", kNameServer},
      {"version-string", kNameServer},
      {"server-id", kNameServer},
  };
  return list;
}

bool is_for(const Need& need, std::string_view name) {
  return need.option.ends_with('-') ? name.starts_with(need.option) : name == need.option;
}

bool is_met(const Need& need, const std::vector<GivenOption>& given) {
  return std::ranges::any_of(given, [&](const GivenOption& other) {
    return std::ranges::find(need.any, other.name) != need.any.end() &&
           other.value.find(need.member) != std::string::npos;
  });
}

std::string text_of(const Need& need) {
  std::string text(need.member);
  if (!text.empty()) text += " in ";
  for (std::size_t i = 0; i < need.any.size(); ++i) {
    if (i != 0) text += i + 1 == need.any.size() ? " or " : ", ";
    text.append("--").append(need.any[i]);
  }
  return text;
}

// One that a value of another leaves without effect.
struct Conflict {
  std::string_view option;
  std::string_view other;
  std::string_view value;
};
constexpr Conflict kConflicts[] = {{"idle-sleep-us", "rx-interrupts", "on"}};

// The one that counts, of a flag before one of the file; empty where none is given.
std::string_view value_of(const std::vector<GivenOption>& given, std::string_view name) {
  std::string_view value;
  bool by_flag = false;
  for (const GivenOption& option : given) {
    const bool flag = option.where.starts_with("--");
    if (option.name != name || (by_flag && !flag)) continue;
    value = option.value;
    by_flag = flag;
  }
  return value;
}

void check_conflicts(const std::vector<GivenOption>& given, const GivenOption& option,
                     std::vector<std::string>& problems) {
  for (const Conflict& conflict : kConflicts) {
    if (option.name != conflict.option) continue;
    if (value_of(given, conflict.other) != conflict.value) continue;
    problems.push_back(option.where + ": has no effect with --" + std::string(conflict.other) + " " +
                       std::string(conflict.value));
  }
}

}  // namespace

void check_given(const std::vector<GivenOption>& given, std::vector<std::string>& problems) {
  for (const GivenOption& option : given) {
    check_conflicts(given, option, problems);
    const auto need = std::ranges::find_if(needs(), [&](const Need& each) { return is_for(each, option.name); });
    if (need == needs().end() || is_met(*need, given)) continue;
    problems.push_back(option.where + ": has no effect without " + text_of(*need));
  }
}

}  // namespace gl::control
