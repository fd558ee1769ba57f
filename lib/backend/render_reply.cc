#include <algorithm>
#include <cstring>

#include "lib/backend/answer_opt.h"
#include "lib/backend/record_walk.h"
#include "lib/backend/reply.h"

namespace gl::backend {
namespace {

using dns::Rcode;
namespace flag = dns::flag;

constexpr std::uint16_t kFromClient = flag::rd | flag::cd;

// RFC 8914 4.24: what was to come over the network came in no usable form.
constexpr std::uint16_t kInfoNetworkError = 23;

std::uint16_t id_of(const ClientQuery& query) noexcept {
  return load_be<std::uint16_t>(query.message.data());
}

// The client's own letters, where the message repeats its question.
void copy_question(const ClientQuery& query, std::uint8_t* message) noexcept {
  std::memcpy(message + dns::kHeaderSize, query.message.data() + dns::kHeaderSize,
              query.question.end - dns::kHeaderSize);
}
bool repeats_question(const ClientQuery& query, Bytes message) noexcept {
  if (query.question.end == 0 || load_be<std::uint16_t>(message.data() + 4) != 1) return false;
  const std::size_t name = dns::name_length(message.subspan(dns::kHeaderSize));
  return name != 0 && dns::kHeaderSize + name + 4 == query.question.end && query.question.end <= message.size();
}

// Header, question and OPT alone. 0: no room.
std::size_t write_bare(const ClientQuery& query, std::uint16_t flags, AnswerOpt opt, std::size_t room,
                       MutableBytes out) noexcept {
  const std::size_t body = query.question.end == 0 ? dns::kHeaderSize : query.question.end;
  room = std::min(room, out.size());
  if (body + opt.size() > room) opt.shorten(room - std::min(body, room));
  if (body + opt.size() > room) return 0;
  store_be(out.data(), id_of(query));
  store_be(out.data() + 2, flags);
  store_be<std::uint16_t>(out.data() + 4, query.question.end == 0 ? 0 : 1);
  store_be<std::uint32_t>(out.data() + 6, 0);
  store_be<std::uint16_t>(out.data() + 10, opt.present ? 1 : 0);
  if (query.question.end != 0) copy_question(query, out.data());
  opt.write(out.data() + body);
  return body + opt.size();
}

// TTLs that have run on since the reply came. One with its highest bit set is zero (RFC 2181 section 8).
void age_records(MutableBytes message, std::uint32_t age_s) noexcept {
  RecordWalk walk(message, dns::kHeaderSize);
  const std::uint8_t* const counts = message.data() + 4;
  if (load_be<std::uint16_t>(counts) == 1) {
    walk = RecordWalk(message, dns::kHeaderSize + dns::name_length(message.subspan(dns::kHeaderSize)) + 4);
  }
  for (Record record; walk.next(record);) {
    std::uint8_t* const at = message.data() + record.fixed + 4;
    const auto ttl = load_be<std::uint32_t>(at);
    store_be(at, ttl > age_s && ttl < 0x80000000U ? ttl - age_s : std::uint32_t{0});
  }
}

std::size_t room_for(const ClientQuery& query, const ForwardSettings& settings, bool stream, std::size_t out) noexcept {
  if (stream) return std::min(out, dns::kMaxMessage);
  // RFC 6891 6.2.3: what the client takes, and no less than a client without EDNS does.
  return std::min({out, std::max<std::size_t>(query.payload, dns::kMinUdpPayload),
                   std::max<std::size_t>(settings.max_udp, dns::kMinUdpPayload)});
}

class Renderer {
 public:
  Renderer(const KeptReply& kept, const ClientQuery& query, const ForwardSettings& settings, const Rendering& how,
           MutableBytes out) noexcept
      : kept_(kept),
        query_(query),
        settings_(settings),
        how_(how),
        out_(out),
        room_(room_for(query, settings, how.stream, out.size())),
        flags_(load_be<std::uint16_t>(kept.message.data() + (kept.framed ? 4 : 2))) {}

  [[nodiscard]] Rendered transfer() const noexcept {
    if (!how_.stream) return truncated();
    if (kept_.message.size() > out_.size()) return {};
    std::memcpy(out_.data(), kept_.message.data(), kept_.message.size());
    for (std::size_t at = 0; at < kept_.message.size();) {
      const std::size_t length = load_be<std::uint16_t>(out_.data() + at);
      const MutableBytes message = out_.subspan(at + 2, length);
      store_be(message.data(), id_of(query_));
      if (!query_.is_signed && repeats_question(query_, message)) copy_question(query_, message.data());
      at += 2 + length;
    }
    return {kept_.message.size()};
  }

  // A TSIG holds the ID that was signed (RFC 8945 section 4.2, original ID): the header's may change.
  [[nodiscard]] Rendered verbatim() const noexcept {
    if (kept_.truncated && how_.stream) return failed();
    if (kept_.message.size() > room_) return too_long();
    std::memcpy(out_.data(), kept_.message.data(), kept_.message.size());
    store_be(out_.data(), id_of(query_));
    return {kept_.message.size(), kept_.truncated};
  }

  [[nodiscard]] Rendered message() const noexcept {
    const std::uint16_t rcode = this->rcode();
    if (kept_.truncated) return how_.stream ? failed() : truncated();
    if (rcode > flag::rcode_mask && !query_.edns) return failed();
    // A backend that did not repeat the question: the client gets it all the same.
    if (load_be<std::uint16_t>(kept_.message.data() + 4) == 0) {
      return {render_error(query_, settings_, static_cast<Rcode>(rcode), kNoInfo, how_.stream, out_)};
    }
    AnswerOpt opt = this->opt();
    const std::size_t body = kept_.message.size();
    // Over TCP the OPT's options give way; over UDP they count as the rest does.
    if (how_.stream && body + opt.size() > room_) opt.shorten(room_ - std::min(body, room_));
    // Nor is there another way to give the longest answers: without OPT they are what a server before EDNS gives.
    if (how_.stream && body + opt.size() > room_ && rcode <= flag::rcode_mask) opt.present = false;
    if (body + opt.size() > room_) return too_long();
    std::memcpy(out_.data(), kept_.message.data(), body);
    store_be(out_.data(), id_of(query_));
    store_be(out_.data() + 2, flags());
    if (repeats_question(query_, kept_.message)) copy_question(query_, out_.data());
    if (how_.age_s != 0) age_records(out_.first(body), how_.age_s);
    if (opt.present) {
      const auto additionals = load_be<std::uint16_t>(out_.data() + 10);
      store_be(out_.data() + 10, static_cast<std::uint16_t>(additionals + 1));
    }
    opt.write(out_.data() + body);
    return {body + opt.size()};
  }

 private:
  [[nodiscard]] std::uint16_t flags() const noexcept {
    return static_cast<std::uint16_t>((flags_ & ~kFromClient) | (query_.flags & kFromClient));
  }
  [[nodiscard]] std::uint16_t rcode() const noexcept {
    return static_cast<std::uint16_t>(unsigned{kept_.extended_rcode} << 4 | (flags_ & flag::rcode_mask));
  }
  [[nodiscard]] AnswerOpt opt() const noexcept {
    AnswerOpt opt(query_, settings_, how_.stream, rcode());
    opt.pass_on(kept_.options, {.cookie = settings_.own_cookies, .subnet = how_.subnet_added});
    return opt;
  }
  [[nodiscard]] Rendered too_long() const noexcept { return how_.stream ? failed() : truncated(); }
  // No part of the answer: it would be thrown away.
  [[nodiscard]] Rendered truncated() const noexcept {
    if (rcode() > flag::rcode_mask && !query_.edns) return failed();
    const std::size_t length = write_bare(query_, static_cast<std::uint16_t>(flags() | flag::tc), opt(), room_, out_);
    return {length, length != 0};
  }
  [[nodiscard]] Rendered failed() const noexcept {
    return {render_error(query_, settings_, Rcode::servfail, kInfoNetworkError, how_.stream, out_)};
  }

  const KeptReply& kept_;
  const ClientQuery& query_;
  const ForwardSettings& settings_;
  const Rendering& how_;
  MutableBytes out_;
  std::size_t room_;
  std::uint16_t flags_;  // the reply's
};

// Of an answer of our own.
std::uint16_t own_flags(const ClientQuery& query, std::uint16_t rcode) noexcept {
  // What RD means where the opcode is not known is not known either (RFC 8906 section 8.2).
  const bool known = rcode != static_cast<std::uint16_t>(Rcode::notimp);
  return static_cast<std::uint16_t>(flag::qr | (query.flags & (flag::opcode_mask | (known ? kFromClient : 0))) |
                                    (rcode & flag::rcode_mask));
}

}  // namespace

Rendered render_reply(const KeptReply& kept, const ClientQuery& query, const ForwardSettings& settings,
                      const Rendering& how, MutableBytes out) noexcept {
  const Renderer renderer(kept, query, settings, how, out);
  if (kept.framed) return renderer.transfer();
  return kept.verbatim ? renderer.verbatim() : renderer.message();
}

std::size_t render_error(const ClientQuery& query, const ForwardSettings& settings, Rcode rcode, std::uint16_t info,
                         bool stream, MutableBytes out) noexcept {
  // Twelve bits need an OPT.
  auto code = static_cast<std::uint16_t>(rcode);
  if (code > flag::rcode_mask && !query.edns) code = static_cast<std::uint16_t>(Rcode::servfail);
  AnswerOpt opt(query, settings, stream, code);
  opt.info = info;
  return write_bare(query, own_flags(query, code), opt, out.size(), out);
}

std::size_t render_truncated(const ClientQuery& query, const ForwardSettings& settings, MutableBytes out) noexcept {
  const AnswerOpt opt(query, settings, false, 0);
  return write_bare(query, static_cast<std::uint16_t>(own_flags(query, 0) | flag::tc), opt, out.size(), out);
}

}  // namespace gl::backend
