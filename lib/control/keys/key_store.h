// The keys that are published, of TCP's cookies and of DNS cookies: computed from the secrets and the wall clock,
// replaced whole when they change.
// Ownership: owns the keys. Thread: main core. Errors: one line; the secrets then stay as they were.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.h"
#include "lib/control/keys/secrets.h"
#include "lib/dns/server_cookie.h"
#include "lib/tcp/cookie.h"

namespace gl::control {

class KeyStore {
 public:
  // Where they are published; borrowed.
  struct Targets {
    std::atomic<const tcp::CookieKeys*>& tcp;
    dns::CookiePublication& dns;
  };
  KeyStore(std::string path, std::uint32_t epoch_seconds, Targets published, std::function<void()> quiesce);
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;
  ~KeyStore();

  // At the start: reads the secret file, making it where it is missing.
  [[nodiscard]] Status load();
  // Later: only reads it. A new secret in place of one that is missing for a moment would end every open connection.
  [[nodiscard]] Status reload();
  // Publishes the time, and the keys of this moment where they differ from the published ones.
  void tick(std::uint64_t unix_time);
  // A key for another use, which has this name. It is the oldest secret's, so that what was named by it keeps its name
  // for as long as that line stands in the file.
  [[nodiscard]] tcp::SipKey derive_key(std::string_view name) const;

 private:
  [[nodiscard]] Status take(Result<Secrets> secrets);

  const std::string path_;
  const std::uint32_t epoch_seconds_;
  const Targets published_;
  const std::function<void()> quiesce_;
  Secrets secrets_;
  struct Keys {
    tcp::CookieKeys tcp;
    dns::CookieSecrets dns;
  };
  std::unique_ptr<const Keys> live_;
};

}  // namespace gl::control
