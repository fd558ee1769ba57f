// NOTIFY of primaries (RFC 1996), signed or not: whether it is heeded, and what it is answered with.
#include <algorithm>
#include <optional>

#include "lib/base/clock.h"
#include "lib/base/endian.h"
#include "lib/control/log.h"
#include "lib/control/transfers/secondaries.h"
#include "lib/dns/message.h"
#include "lib/transfer/queries.h"
#include "lib/transfer/tsig.h"
#include "lib/transfer/zone_stream.h"
#include "lib/zone/name_text.h"

namespace gl::control {
namespace {

constexpr unsigned kNoError = 0, kFormErr = 1, kRefused = 5, kNotAuth = 9;
constexpr std::uint64_t kTellAgainMs = 10'000;

// The serial that it hints at, where there is one (RFC 1996 section 3.7).
std::optional<std::uint32_t> hint_in(Bytes message, const dns::Question& question) {
  std::size_t at = question.end;
  transfer::Record record;
  if (load_be<std::uint16_t>(message.data() + 6) == 0 || !transfer::read_record(message, at, record))
    return std::nullopt;
  const auto soa = transfer::soa_of(record);
  return soa ? std::optional(soa->serial) : std::nullopt;
}

}  // namespace

// The rcode. `key`: the one that it is signed with, and good; empty: it is not signed.
unsigned Secondaries::judge_notify(Bytes message, const wire::Endpoint& from, const std::string& key) {
  dns::Question question;
  if (load_be<std::uint16_t>(message.data() + 4) != 1 || !dns::parse_question(message, question)) return kFormErr;
  const Lock lock(mutex_);
  const auto found = entries_.find(std::string(zone::as_chars(question.name.view())));
  if (found == entries_.end() || question.type != dns::rr::soa || question.rr_class != dns::rr_class::in) {
    return kNotAuth;
  }
  Secondary& entry = *found->second;
  const bool known = std::ranges::any_of(entry.primaries, [&](const transfer::Peer& primary) {
    return primary.may_notify_from(from.address) && (primary.key.empty() || primary.key == key);
  });
  if (!known) {
    if (monotonic_ms() - told_of_notify_at_ < kTellAgainMs && told_of_notify_at_ != 0) return kRefused;
    told_of_notify_at_ = monotonic_ms();
    warn("NOTIFY of zone " + entry.name + " from " + wire::to_text(from) +
             " is refused: no primary of it, or not signed with its key",
         {{"zone", entry.name}, {"peer", wire::to_text(from)}});
    return kRefused;
  }
  ++entry.notifies;
  const auto hint = hint_in(message, question);
  if (hint && entry.kept && *hint == entry.kept->soa.serial && entry.failing.empty()) return kNoError;
  if (entry.busy) {
    entry.asked_again = true;
  } else if (entry.soonest() < entry.due) {
    queue_.put(found->second, entry.soonest());
    wake_.notify_one();
  }
  return kNoError;
}

transfer::Message Secondaries::answer_notify(Bytes message, const wire::Endpoint& from) {
  if (message.size() < dns::kHeaderSize) return {};
  const auto flags = load_be<std::uint16_t>(message.data() + 2);
  if ((flags & dns::flag::qr) != 0 || dns::opcode_of(flags) != dns::Opcode::notify) return {};
  const auto keys = keys_.get();
  const transfer::CheckedRequest request = transfer::check_request(message, *keys, unix_seconds());
  unsigned rcode = request.malformed ? kFormErr : request.error != transfer::TsigError::none ? kNotAuth : kNoError;
  if (rcode == kNoError) {
    const std::string key = request.key == nullptr ? "" : std::string(zone::as_chars(request.key->name));
    rcode = judge_notify(message, from, key);
  }
  transfer::Message answer = transfer::begin_answer(message, rcode, rcode == kNoError);
  transfer::AnswerSigner(request).sign(answer, unix_seconds());
  return answer;
}

}  // namespace gl::control
