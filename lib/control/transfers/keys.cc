#include "lib/control/transfers/keys.h"

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

}  // namespace gl::control
