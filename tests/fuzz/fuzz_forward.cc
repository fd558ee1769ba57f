// Forwarding's messages: a client's query is taken apart, written for a backend and read again; a backend's reply is
// kept and rendered for the client. The input: choices, the query behind its length, the reply.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "lib/backend/client_query.h"
#include "lib/backend/client_subnet.h"
#include "lib/backend/reply.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/message_outline.h"

namespace {

using namespace gl;
using namespace gl::backend;
using fuzz::check;
using fuzz::MessageOutline;
using Block = std::vector<std::uint8_t>;

constexpr std::size_t kProxyHeader[] = {28, 52};

struct Choices {
  explicit Choices(std::uint8_t a, std::uint8_t b) : stream(a & 1), flow((a & 2) != 0 ? 36 : 12, 7) {
    settings.ecs_v4 = (a & 4) != 0 ? 23 : 0;
    settings.ecs_v6 = (a & 4) != 0 ? 57 : 0;
    settings.tcp_keepalive = (a & 8) != 0 ? 300 : 0;
    settings.max_udp = (a & 16) != 0 ? 512 : 1232;
    settings.own_cookies = (a & 8) != 0;
    proxy = (a & 32) != 0;
    transfer = (a & 64) != 0;
    small = (a & 128) != 0;
    age_s = b;
  }
  ForwardSettings settings;
  bool stream, proxy, transfer, small;
  std::uint32_t age_s;
  Block flow;
};

bool same_question(const ClientQuery& a, const ClientQuery& b) {
  const Bytes x = a.message.subspan(12, a.question.end - 12U);
  const Bytes y = b.message.subspan(12, b.question.end - 12U);
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

void check_options(const ClientQuery& query, const ClientQuery& sent, const Choices& choices) {
  const std::size_t stays = copy_options(query.options, {.cookie = choices.settings.own_cookies}, nullptr);
  check(!has_option(sent.options, 11) && !has_option(sent.options, 12), "hop-by-hop options stay here");
  check(!choices.settings.own_cookies || !has_option(sent.options, 10), "a cookie of ours stays here");
  const unsigned prefix = subnet_prefix(query, choices.settings, choices.flow);
  check(sent.options.size() == stays + (prefix == 0 ? 0 : 8 + (prefix + 7) / 8), "the other options go on");
}

// What the backend gets is a query like the client's.
void check_query(const ClientQuery& query, const Choices& choices) {
  const Outgoing how{.id = 0xbeef, .proxy = choices.proxy, .flow = choices.flow};
  Block out(choices.small ? query.message.size() : query.message.size() + 128);
  const std::size_t length = write_backend_query(query, choices.settings, how, out);
  check(length <= out.size(), "a backend's query fits");
  check(choices.small || length > 0, "there was room for it");
  if (length == 0) return;
  const std::size_t proxy = choices.proxy ? kProxyHeader[choices.flow.size() == 36] : 0;
  const Block body(out.begin() + static_cast<std::ptrdiff_t>(proxy), out.begin() + static_cast<std::ptrdiff_t>(length));
  check(MessageOutline(body).whole(), "a backend's query has its records");
  check(body[0] == 0xbe && body[1] == 0xef, "a backend's query has our ID");
  ClientQuery sent;
  check(parse_client_query(body, sent) == dns::Rcode::noerror, "a backend's query is one");
  check(sent.kind == query.kind && sent.is_signed == query.is_signed && same_question(query, sent),
        "a backend's query asks the same");
  check(sent.dnssec_ok == query.dnssec_ok, "DO is the client's");
  if (query.is_signed) {
    check(std::equal(body.begin() + 2, body.end(), query.message.begin() + 2, query.message.end()),
          "what is signed is not changed");
    return;
  }
  if (query.kind == ClientQuery::Kind::query) check(sent.edns, "EDNS is added");
  if (sent.edns) check_options(query, sent, choices);
  // Equal for the backend means equal for us.
  if (query.kind != ClientQuery::Kind::query || choices.settings.ecs_v4 != 0) return;
  const KeyContext key{.key = {1}};
  check(question_key(query, choices.settings, key, choices.flow) ==
            question_key(sent, choices.settings, key, choices.flow),
        "the key is that of what is sent");
}

// `notimp`: of our own making, so that it has neither RD nor CD (RFC 8906 section 8.2). `may_lack_opt`: over TCP an
// answer that fills its room goes without one.
void check_message(Bytes answer, const ClientQuery& query, bool notimp, bool verbatim, bool may_lack_opt) {
  const MessageOutline outline(answer);
  check(outline.whole(), "an answer has its records");
  check(answer[0] == query.message[0] && answer[1] == query.message[1], "an answer has the client's ID");
  check((answer[2] & 0x80) != 0, "an answer has QR=1");
  if (verbatim) return;
  check(outline.opts() == (query.edns ? 1U : 0U) || (may_lack_opt && outline.opts() == 0),
        "an answer has an OPT where the query has one");
  const unsigned expected = notimp ? 0 : (query.message[2] & 0x01U) | (query.message[3] & 0x10U);
  check(((answer[2] & 0x01U) | (answer[3] & 0x10U)) == expected, "RD and CD are the client's");
}

void check_framed(Bytes answers, const ClientQuery& query) {
  while (!answers.empty()) {
    check(answers.size() >= 2, "a message of a transfer has its length");
    const std::size_t length = load_be<std::uint16_t>(answers.data());
    check(length >= 12 && length <= answers.size() - 2, "a message of a transfer is whole");
    check(answers[2] == query.message[0] && answers[3] == query.message[1], "each has the client's ID");
    answers = answers.subspan(2 + length);
  }
}

void check_reply(const Block& reply, const ClientQuery& query, const Choices& choices) {
  Block into(reply.size());
  KeptReply kept;
  const ReplyFault fault =
      choices.transfer ? keep_transfer(reply, into, kept) : keep_reply(reply, query.is_signed, into, kept);
  if (fault != ReplyFault::none) return;
  check(kept.message.size() + kept.options.size() <= reply.size(), "what is kept is not longer than what came");
  Block out(choices.small ? 300 : 65535);
  const Rendering how{choices.age_s, choices.stream, adds_subnet(query, choices.settings, choices.flow)};
  const Rendered rendered = render_reply(kept, query, choices.settings, how, out);
  check(rendered.length <= out.size(), "an answer fits");
  if (rendered.length == 0) return;
  const Block answer(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(rendered.length));
  if (kept.framed && choices.stream) return check_framed(answer, query);
  const std::size_t room = std::min(out.size(), dns::kMaxMessage);
  // Of a backend's reply without a question, unless it is truncated, no more is used than its rcode.
  const bool bare = !rendered.truncated && load_be<std::uint16_t>(kept.message.data() + 4) == 0;
  const bool notimp = bare && kept.extended_rcode == 0 && (answer[3] & dns::flag::rcode_mask) == 4;
  check_message(answer, query, notimp, kept.verbatim, choices.stream && answer.size() + dns::kOptSize > room);
  check(rendered.truncated == ((answer[2] & 2) != 0) || (kept.verbatim && choices.stream), "TC is told");
  if (choices.stream) return;
  const std::size_t client = std::max<std::size_t>(query.payload, 512);
  check(answer.size() <= std::min<std::size_t>(client, choices.settings.max_udp), "a datagram has its limit");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const Choices choices(data[0], data[1]);
  const std::size_t length = std::min<std::size_t>(load_be<std::uint16_t>(data + 2), size - 4);
  const Block request(data + 4, data + 4 + length);
  const Block reply(data + 4 + length, data + size);
  if (length < dns::kHeaderSize) return 0;
  ClientQuery query;
  const dns::Rcode rcode = parse_client_query(request, query);
  Block error(512);
  const std::size_t written = render_error(query, choices.settings, rcode, 22, choices.stream, error);
  check(written >= dns::kHeaderSize && written <= error.size(), "an error of ours always fits");
  error.resize(written);
  check_message(error, query, rcode == dns::Rcode::notimp, false, false);
  if (rcode != dns::Rcode::noerror) return 0;
  check_query(query, choices);
  static_cast<void>(answers_question(reply, request));
  check_reply(reply, query, choices);
  return 0;
}
