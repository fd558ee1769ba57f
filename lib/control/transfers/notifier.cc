#include "lib/control/transfers/notifier.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/dns/types.h"
#include "lib/transfer/queries.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

constexpr unsigned kTries = 5;
constexpr std::uint64_t kFirstWaitMs = 2000;  // twice as long after each

wire::Endpoint any_of(bool v6) {
  if (v6) return {wire::Ipv6Address{}, 0};
  return {wire::Ipv4Address{}, 0};
}

}  // namespace

Status Notifier::open() {
  if (settings_.notify.empty()) return success();
  for (const bool v6 : {false, true}) {
    const bool wanted = std::ranges::any_of(
        settings_.notify, [&](const transfer::NotifySetting& n) { return wire::is_v6(n.peer.host.address) == v6; });
    if (!wanted) continue;
    wire::Endpoint from = any_of(v6);
    if (settings_.listen && wire::is_v6(settings_.listen->address) == v6) from.address = settings_.listen->address;
    if (Status status = wire::open_listener(v6 ? v6_ : v4_, from, SOCK_DGRAM); !status) {
      return Error{"--notify: " + status.error()};
    }
  }
  return success();
}

void Notifier::changed(const ServedZoneMap& zones) {
  for (const auto& entry : zones) {
    const std::string& zone = entry.first;
    const ServedZone& served = entry.second;
    const auto [told, is_new] = told_.try_emplace(zone, served.serial);
    if (!is_new && told->second == served.serial) continue;
    told->second = served.serial;
    std::erase_if(letters_, [&](const Letter& letter) { return letter.zone == zone; });
    for (const transfer::NotifySetting& setting : settings_.notify) {
      if (!setting.zone.empty() && setting.zone != zone) continue;
      letters_.push_back({zone, served.name, setting.peer, {}, served.soa, {}, keys_.get(), 0, 0});
    }
  }
}

void Notifier::tick() {
  const std::uint64_t now = monotonic_ms();
  receive(v4_.get());
  receive(v6_.get());
  for (Letter& letter : letters_) {
    if (letter.due_ms > now) continue;
    if (letter.tries == kTries) {
      ++given_up_;
      warn("NOTIFY of zone " + letter.name + " to " + wire::to_text(letter.to.host) + " was not answered",
           {{"zone", letter.name}, {"peer", wire::to_text(letter.to.host)}});
    } else {
      send(letter, now);
    }
    ++letter.tries;
  }
  std::erase_if(letters_, [](const Letter& letter) { return letter.tries > kTries; });
}

void Notifier::send(Letter& letter, std::uint64_t now_ms) {
  letter.due_ms = now_ms + (kFirstWaitMs << letter.tries);
  letter.message = transfer::make_question(letter.zone, dns::rr::soa, dns::Opcode::notify, &letter.soa);
  if (!letter.to.key.empty()) {
    const transfer::TsigKey* const key = transfer::find_key(*letter.keys, zone::as_bytes(letter.to.key));
    if (key == nullptr) return;  // it is told when nothing has come of it
    letter.mac = transfer::sign_query(letter.message, *key, unix_seconds());
  }
  const wire::SocketAddress to(letter.to.host);
  const int socket = wire::is_v6(letter.to.host.address) ? v6_.get() : v4_.get();
  (void)sendto(socket, letter.message.data(), letter.message.size(), MSG_DONTWAIT, to.get(), to.length);
}

bool Notifier::is_answered(const Letter& letter, Bytes answer) const {
  if (letter.message.empty() || !transfer::answers(answer, letter.message)) return false;
  if (letter.to.key.empty()) return true;
  const transfer::TsigKey* const key = transfer::find_key(*letter.keys, zone::as_bytes(letter.to.key));
  return key != nullptr && transfer::AnswerChecker(*key, letter.mac).take(answer, unix_seconds());
}

void Notifier::receive(int socket) {
  std::array<std::uint8_t, 4096> buffer;
  while (socket >= 0) {
    wire::SocketAddress from;
    const ssize_t size = recvfrom(socket, buffer.data(), buffer.size(), MSG_DONTWAIT, from.get(), &from.length);
    if (size < 0) return;
    const Bytes answer = Bytes(buffer).first(static_cast<std::size_t>(size));
    const wire::Endpoint host = from.endpoint();
    const auto letter =
        std::ranges::find_if(letters_, [&](const Letter& l) { return l.to.host == host && is_answered(l, answer); });
    if (letter == letters_.end()) continue;
    if (const unsigned rcode = transfer::rcode_of(answer); rcode != 0) {
      warn("NOTIFY of zone " + letter->name + " to " + wire::to_text(host) + ": " + transfer::rcode_text(rcode),
           {{"zone", letter->name}, {"peer", wire::to_text(host)}});
    }
    ++answered_;
    letters_.erase(letter);
  }
}

}  // namespace gl::control
