#include "lib/control/transfers/keys.h"

#include <set>

#include "lib/control/keys/private_file.h"
#include "lib/zone/name_text.h"

namespace gl::control {

Status TransferKeys::load() {
  auto keys = std::make_shared<transfer::TsigKeys>();
  for (const std::string& path : files_) {
    const auto text = read_private_file(path, "key file");
    if (!text) return Error{text.error()};
    auto found = transfer::parse_tsig_keys(*text, path);
    if (!found) return Error{found.error()};
    for (transfer::TsigKey& key : *found) {
      if (transfer::find_key(*keys, key.name) != nullptr) {
        return Error{"key file " + path + ": the key " + zone::to_text(zone::as_chars(key.name)) +
                     " is in another --tsig file too"};
      }
      keys->push_back(std::move(key));
    }
  }
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  return success();
}

std::vector<std::string> missing_keys(const transfer::TransferSettings& settings, const transfer::TsigKeys& keys) {
  std::set<std::string> names;
  for (const transfer::SecondarySetting& secondary : settings.secondaries) {
    for (const transfer::Peer& primary : secondary.primaries) names.insert(primary.key);
  }
  for (const transfer::NotifySetting& notify : settings.notify) names.insert(notify.peer.key);
  for (const transfer::AllowSetting& allow : settings.allow) names.insert(allow.key);
  std::vector<std::string> lines;
  for (const std::string& name : names) {
    if (name.empty() || transfer::find_key(keys, zone::as_bytes(name)) != nullptr) continue;
    lines.push_back("the TSIG key " + zone::to_text(name) + " is in no --tsig file");
  }
  return lines;
}

}  // namespace gl::control
