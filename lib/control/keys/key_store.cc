#include "lib/control/keys/key_store.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "lib/control/keys/secret_file.h"

namespace gl::control {

namespace {
bool same(const tcp::CookieKeys& a, const tcp::CookieKeys& b) {
  return a.by_parity == b.by_parity && a.current == b.current && a.draining == b.draining;
}
}  // namespace

KeyStore::KeyStore(std::string path, std::uint32_t epoch_seconds, std::atomic<const tcp::CookieKeys*>& published,
                   std::function<void()> quiesce)
    : path_(std::move(path)), epoch_seconds_(epoch_seconds), published_(published), quiesce_(std::move(quiesce)) {}

KeyStore::~KeyStore() {
  published_.store(nullptr, std::memory_order_release);
}

Status KeyStore::load() {
  return take(read_or_make_secret_file(path_));
}

Status KeyStore::reload() {
  return take(read_secret_file(path_));
}

Status KeyStore::take(Result<std::vector<DatedSecret>> secrets) {
  if (!secrets) return Error{secrets.error()};
  secrets_ = std::move(*secrets);
  return success();
}

tcp::SipKey KeyStore::derive_key(std::string_view name) const {
  const DatedSecret& oldest = *std::ranges::min_element(secrets_, {}, &DatedSecret::since);
  tcp::SipKey key;
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(name.data()), name.size(),
                     oldest.bytes.data(), oldest.bytes.size());
  return key;
}

void KeyStore::tick(std::uint64_t unix_time) {
  const tcp::CookieKeys keys = cookie_keys(secrets_, unix_time, epoch_seconds_);
  if (live_ != nullptr && same(keys, *live_)) return;
  auto next = std::make_unique<const tcp::CookieKeys>(keys);
  published_.store(next.get(), std::memory_order_release);
  quiesce_();
  live_ = std::move(next);
}

}  // namespace gl::control
