#include "lib/backend/reply.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "lib/backend/edns_options.h"
#include "lib/backend/record_walk.h"
#include "lib/dns/rdata.h"

namespace gl::backend {
namespace {

std::uint16_t count_at(Bytes message, std::size_t at) noexcept {
  return load_be<std::uint16_t>(message.data() + at);
}

// Offset of what follows the question, of which there may be none; 0: it is none.
std::size_t question_end(Bytes message) noexcept {
  const std::uint16_t questions = count_at(message, 4);
  if (questions == 0) return dns::kHeaderSize;
  if (questions > 1) return 0;
  const std::size_t name = dns::name_length(message.subspan(dns::kHeaderSize));
  const std::size_t end = dns::kHeaderSize + name + 4;
  return name == 0 || end > message.size() ? 0 : end;
}

// Says that it has not understood, or will not: then it need not know the question.
bool may_lack_question(std::uint16_t flags) noexcept {
  // RFC 2136 3.8: sections may be left out; nor do all repeat what they were notified of.
  if (dns::opcode_of(flags) != dns::Opcode::query) return true;
  // NOTAUTH with a TSIG error among them (RFC 8945 5.2).
  const auto rcode = static_cast<dns::Rcode>(flags & dns::flag::rcode_mask);
  return rcode != dns::Rcode::noerror && rcode != dns::Rcode::nxdomain && rcode != dns::Rcode::yxdomain;
}

// What walking the records found.
struct Walked {
  bool whole = false;      // every record adds up
  std::size_t opt_at = 0;  // 0: none
  std::size_t opt_end = 0;
  bool movable = true;  // what follows the OPT does not mind if that is taken out
};

// At most one OPT, in the additional section, owned by the root, with options that add up.
bool take_opt(Bytes reply, const Record& record, Walked& walked) noexcept {
  if (walked.opt_at != 0 || !record.owned_by_root()) return false;
  walked.opt_at = record.begin;
  walked.opt_end = record.end;
  OptionWalk options(reply.subspan(record.data(), record.end - record.data()));
  while (options.next()) {
  }
  return options.ok();
}

// Data of the Internet class that is what its type consists of; every name in it, and its owner's, leads to an end.
bool data_fits(Bytes reply, const Record& record) noexcept {
  if (!name_resolves(reply, record.begin, reply.size())) return false;
  if (load_be<std::uint16_t>(reply.data() + record.fixed + 2) != dns::rr_class::in) return true;
  return dns::walk_rdata(record.type, reply, record.data(), record.end, [&](std::size_t at) -> std::size_t {
    const NameSpan name = span_name(reply, at, record.end);
    return name.end != 0 && name_resolves(reply, at, record.end) ? name.end : 0;
  });
}

Walked walk_records(Bytes reply, std::size_t begin) noexcept {
  Walked walked;
  RecordWalk walk(reply, begin);
  Record record;
  const unsigned before = unsigned{count_at(reply, 6)} + count_at(reply, 8);
  const unsigned all = before + count_at(reply, 10);
  for (unsigned i = 0; i < all; ++i) {
    if (!walk.next(record)) return walked;
    if (walked.opt_at != 0) walked.movable = walked.movable && points_before(reply, record, walked.opt_at);
    if (!data_fits(reply, record)) return walked;
    if (record.type != dns::rr::opt) continue;
    if (i < before || !take_opt(reply, record, walked)) return walked;
  }
  walked.whole = walk.done();
  return walked;
}

void read_opt(Bytes reply, const Walked& walked, KeptReply& kept) noexcept {
  const std::uint8_t* const fixed = reply.data() + walked.opt_at + 1;
  kept.edns = true;
  kept.extended_rcode = fixed[4];
  kept.dnssec_ok = (fixed[6] & 0x80) != 0;
}

// The message without its OPT; behind it, that one's options.
void copy_without_opt(Bytes reply, const Walked& walked, MutableBytes into, KeptReply& kept) noexcept {
  std::memcpy(into.data(), reply.data(), walked.opt_at);
  const Bytes rest = reply.subspan(walked.opt_end);
  if (!rest.empty()) std::memcpy(into.data() + walked.opt_at, rest.data(), rest.size());
  const std::size_t length = walked.opt_at + rest.size();
  store_be(into.data() + 10, static_cast<std::uint16_t>(count_at(reply, 10) - 1));
  const std::size_t data = walked.opt_at + dns::kOptSize;
  const std::size_t options = copy_options(reply.subspan(data, walked.opt_end - data), {}, into.data() + length);
  kept.message = into.first(length);
  kept.options = into.subspan(length, options);
}

void copy_all(Bytes reply, std::size_t length, MutableBytes into, KeptReply& kept) noexcept {
  std::memcpy(into.data(), reply.data(), length);
  kept.message = into.first(length);
}

}  // namespace

bool read_reply_head(Bytes reply, ReplyHead& head) noexcept {
  if (reply.size() < dns::kHeaderSize) return false;
  head.id = load_be<std::uint16_t>(reply.data());
  head.flags = load_be<std::uint16_t>(reply.data() + 2);
  head.has_question = count_at(reply, 4) != 0;
  return (head.flags & dns::flag::qr) != 0;
}

Bytes truncate_reply(Bytes reply, MutableBytes out) noexcept {
  const std::size_t end = std::max(question_end(reply), dns::kHeaderSize);
  std::memcpy(out.data(), reply.data(), end);
  store_be(out.data() + 2, static_cast<std::uint16_t>(count_at(reply, 2) | dns::flag::tc));
  std::memset(out.data() + 6, 0, 6);
  return out.first(end);
}

bool answers_question(Bytes reply, Bytes query_sent) noexcept {
  if (reply.size() < dns::kHeaderSize || query_sent.size() < dns::kHeaderSize) return false;
  const std::uint16_t flags = count_at(reply, 2);
  if (((flags ^ count_at(query_sent, 2)) & dns::flag::opcode_mask) != 0) return false;
  if (count_at(reply, 4) == 0) return may_lack_question(flags);
  const std::size_t end = question_end(query_sent);
  if (end <= dns::kHeaderSize || question_end(reply) != end) return false;
  const Bytes asked = query_sent.subspan(dns::kHeaderSize, end - dns::kHeaderSize);
  const Bytes told = reply.subspan(dns::kHeaderSize, end - dns::kHeaderSize);
  if (std::equal(asked.begin(), asked.end(), told.begin())) return true;
  std::array<std::uint8_t, dns::kMaxName + 4> lower;
  const std::size_t name = asked.size() - 4;
  dns::copy_lower(lower.data(), asked.data(), name);
  std::memcpy(lower.data() + name, asked.data() + name, 4);
  return std::equal(told.begin(), told.end(), lower.begin());
}

ReplyFault keep_reply(Bytes reply, bool verbatim, MutableBytes into, KeptReply& kept) noexcept {
  kept = {};
  ReplyHead head;
  if (reply.size() > dns::kMaxMessage || !read_reply_head(reply, head)) return ReplyFault::malformed;
  if (into.size() < reply.size()) return ReplyFault::no_room;
  const std::size_t begin = question_end(reply);
  if (begin == 0) return ReplyFault::malformed;
  const Walked walked = walk_records(reply, begin);
  kept.truncated = (head.flags & dns::flag::tc) != 0;
  kept.verbatim = verbatim;
  // A truncated reply may end anywhere; a signed one is to be whole, for the signature is at its end.
  const bool stump = kept.truncated && !verbatim;
  if (!stump && !(walked.whole && (walked.movable || verbatim))) return ReplyFault::malformed;
  if (walked.whole && walked.opt_at != 0) read_opt(reply, walked, kept);
  if (stump) {
    copy_all(reply, begin, into, kept);
    std::memset(into.data() + 6, 0, 6);  // no records: a part of them helps nobody (RFC 2181 section 9)
  } else if (verbatim || walked.opt_at == 0) {
    copy_all(reply, reply.size(), into, kept);
  } else {
    copy_without_opt(reply, walked, into, kept);
  }
  store_be<std::uint16_t>(into.data(), 0);
  return ReplyFault::none;
}

ReplyFault keep_transfer(Bytes messages, MutableBytes into, KeptReply& kept) noexcept {
  kept = {};
  if (into.size() < messages.size()) return ReplyFault::no_room;
  std::size_t at = 0;
  do {
    if (messages.size() - at < 2) return ReplyFault::malformed;
    const std::size_t length = load_be<std::uint16_t>(messages.data() + at);
    if (messages.size() - at - 2 < length) return ReplyFault::malformed;
    const Bytes message = messages.subspan(at + 2, length);
    ReplyHead head;
    if (!read_reply_head(message, head) || question_end(message) == 0) return ReplyFault::malformed;
    std::memcpy(into.data() + at, messages.data() + at, 2 + length);
    store_be<std::uint16_t>(into.data() + at + 2, 0);
    at += 2 + length;
  } while (at < messages.size());
  kept.message = into.first(at);
  kept.verbatim = kept.framed = true;
  return ReplyFault::none;
}

}  // namespace gl::backend
