// The TSIG keys of all --tsig files, read at start and at SIGHUP.
// Ownership: whoever uses keys shares them. Thread: any. Errors: one line; the keys before then stay.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/transfer/settings.h"
#include "lib/transfer/tsig_key.h"

namespace gl::control {

class TransferKeys {
 public:
  explicit TransferKeys(std::vector<std::string> files) : files_(std::move(files)) {}
  [[nodiscard]] Status load();
  [[nodiscard]] std::shared_ptr<const transfer::TsigKeys> get() const {
    const std::lock_guard lock(mutex_);
    return keys_;
  }

 private:
  const std::vector<std::string> files_;
  mutable std::mutex mutex_;
  std::shared_ptr<const transfer::TsigKeys> keys_ = std::make_shared<const transfer::TsigKeys>();
};

// A line for each key that a flag names and no file has.
[[nodiscard]] std::vector<std::string> missing_keys(const transfer::TransferSettings& settings,
                                                    const transfer::TsigKeys& keys);

}  // namespace gl::control
