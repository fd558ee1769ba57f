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

Notifier::Box& Notifier::box_of(const wire::Endpoint& host) {
  const auto found = std::ranges::find(boxes_, host, &Box::host);
  return found != boxes_.end() ? *found : boxes_.emplace_back(Box{host, {}, {}});
}

// What was to be told of these is told no more.
void Notifier::forget(const std::set<std::string>& zones) {
  if (zones.empty()) return;
  const auto of_them = [&](const Letter& letter) { return zones.contains(letter.zone); };
  for (Box& box : boxes_) {
    std::erase_if(box.queued, of_them);
    std::erase_if(box.sent, of_them);
  }
}

void Notifier::changed(const ServedZoneMap& zones) {
  if (settings_.notify.empty()) return;
  std::set<std::string> other;
  for (const auto& [zone, serial] : told_) {
    const auto found = zones.find(zone);
    if (found == zones.end() || found->second.serial != serial) other.insert(zone);
  }
  forget(other);
  for (const std::string& zone : other) told_.erase(zone);
  for (const auto& [zone, served] : zones) {
    if (!told_.try_emplace(zone, served.serial).second) continue;
    for (const transfer::NotifySetting& setting : settings_.notify) {
      if (!setting.zone.empty() && setting.zone != zone) continue;
      box_of(setting.peer.host).queued.push_back({zone, served.name, setting.peer.key, served.soa, keys_.get()});
    }
  }
}

void Notifier::tick() {
  const std::uint64_t now = monotonic_ms();
  receive(v4_.get());
  receive(v6_.get());
  for (Box& box : boxes_) send_due(box, now);
}

// One that was sent twice counts no more: a secondary that is away holds up nobody, and one that answers gets as many
// as it can answer.
void Notifier::send_due(Box& box, std::uint64_t now_ms) {
  for (Letter& letter : box.sent) {
    if (letter.due_ms > now_ms) continue;
    if (letter.tries == kTries) {
      ++given_up_;
      warn("NOTIFY of zone " + letter.name + " to " + wire::to_text(box.host) + " was not answered",
           {{"zone", letter.name}, {"peer", wire::to_text(box.host)}});
      ++letter.tries;
    } else {
      send(box.host, letter, now_ms);
    }
  }
  std::erase_if(box.sent, [](const Letter& letter) { return letter.tries > kTries; });
  auto fresh = static_cast<std::size_t>(std::ranges::count(box.sent, 1U, &Letter::tries));
  for (; fresh < kInFlight && !box.queued.empty(); ++fresh) {
    send(box.host, box.sent.emplace_back(std::move(box.queued.front())), now_ms);
    box.queued.pop_front();
  }
}

void Notifier::send(const wire::Endpoint& host, Letter& letter, std::uint64_t now_ms) {
  letter.due_ms = now_ms + (kFirstWaitMs << letter.tries);
  ++letter.tries;
  letter.message = transfer::make_question(letter.zone, dns::rr::soa, dns::Opcode::notify, &letter.soa);
  if (!letter.key.empty()) {
    const transfer::TsigKey* const key = transfer::find_key(*letter.keys, zone::as_bytes(letter.key));
    if (key == nullptr) return;  // it is told when nothing has come of it
    letter.mac = transfer::sign_query(letter.message, *key, unix_seconds());
  }
  const wire::SocketAddress to(host);
  const int socket = wire::is_v6(host.address) ? v6_.get() : v4_.get();
  (void)sendto(socket, letter.message.data(), letter.message.size(), MSG_DONTWAIT, to.get(), to.length);
}

bool Notifier::is_answered(const Letter& letter, Bytes answer) {
  if (letter.message.empty() || !transfer::answers(answer, letter.message)) return false;
  if (letter.key.empty()) return true;
  const transfer::TsigKey* const key = transfer::find_key(*letter.keys, zone::as_bytes(letter.key));
  return key != nullptr && transfer::AnswerChecker(*key, letter.mac).take(answer, unix_seconds());
}

void Notifier::receive(int socket) {
  std::array<std::uint8_t, 4096> buffer;
  while (socket >= 0) {
    wire::SocketAddress from;
    const ssize_t size = recvfrom(socket, buffer.data(), buffer.size(), MSG_DONTWAIT, from.get(), &from.length);
    if (size < 0) return;
    const auto box = std::ranges::find(boxes_, from.endpoint(), &Box::host);
    if (box != boxes_.end()) take_answer(*box, Bytes(buffer).first(static_cast<std::size_t>(size)));
  }
}

void Notifier::take_answer(Box& box, Bytes answer) {
  const auto letter = std::ranges::find_if(box.sent, [&](const Letter& l) { return is_answered(l, answer); });
  if (letter == box.sent.end()) return;
  if (const unsigned rcode = transfer::rcode_of(answer); rcode != 0) {
    warn("NOTIFY of zone " + letter->name + " to " + wire::to_text(box.host) + ": " + transfer::rcode_text(rcode),
         {{"zone", letter->name}, {"peer", wire::to_text(box.host)}});
  }
  ++answered_;
  box.sent.erase(letter);
}

}  // namespace gl::control
