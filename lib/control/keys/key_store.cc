#include "lib/control/keys/key_store.h"

#include <sodium.h>

#include <algorithm>
#include <utility>

#include "lib/control/keys/cookie_epochs.h"
#include "lib/control/keys/dns_cookie_secrets.h"
#include "lib/control/keys/secret_file.h"

namespace gl::control {

namespace {
bool same(const tcp::CookieKeys& a, const tcp::CookieKeys& b) {
  return a.by_parity == b.by_parity && a.current == b.current && a.draining == b.draining;
}
bool same(const dns::CookieSecrets& a, const dns::CookieSecrets& b) {
  return a.current == b.current && a.other == b.other && a.has_other == b.has_other;
}
}  // namespace

KeyStore::KeyStore(std::string path, std::uint32_t epoch_seconds, Targets published, std::function<void()> quiesce)
    : path_(std::move(path)), epoch_seconds_(epoch_seconds), published_(published), quiesce_(std::move(quiesce)) {}

KeyStore::~KeyStore() {
  published_.tcp.store(nullptr, std::memory_order_release);
  published_.dns.secrets.store(nullptr, std::memory_order_release);
}

Status KeyStore::load() {
  return take(read_or_make_secret_file(path_));
}

Status KeyStore::reload() {
  return take(read_secret_file(path_));
}

Status KeyStore::take(Result<Secrets> secrets) {
  if (!secrets) return Error{secrets.error()};
  secrets_ = std::move(*secrets);
  return success();
}

tcp::SipKey KeyStore::derive_key(std::string_view name) const {
  const DatedSecret& oldest = *std::ranges::min_element(secrets_.node, {}, &DatedSecret::since);
  tcp::SipKey key;
  crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(name.data()), name.size(),
                     oldest.bytes.data(), oldest.bytes.size());
  return key;
}

void KeyStore::tick(std::uint64_t unix_time) {
  published_.dns.unix_time.store(static_cast<std::uint32_t>(unix_time), std::memory_order_relaxed);
  const Keys keys{cookie_keys(secrets_.node, unix_time, epoch_seconds_), dns_cookie_secrets(secrets_, unix_time)};
  if (live_ != nullptr && same(keys.tcp, live_->tcp) && same(keys.dns, live_->dns)) return;
  auto next = std::make_unique<const Keys>(keys);
  published_.tcp.store(&next->tcp, std::memory_order_release);
  published_.dns.secrets.store(&next->dns, std::memory_order_release);
  quiesce_();
  live_ = std::move(next);
}

}  // namespace gl::control
