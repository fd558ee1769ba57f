#include <array>
#include <cstring>

#include "lib/backend/client_query.h"
#include "lib/backend/client_subnet.h"
#include "lib/base/sip_hash.h"

namespace gl::backend {
namespace {

using KeyHash = SipHash<2>;

// A piece of no fixed length: its length goes before it, so that no two lists of pieces look alike.
void add_sized(KeyHash& hash, std::size_t size) noexcept {
  hash.add(static_cast<std::uint64_t>(size));
}
void add_sized(KeyHash& hash, Bytes data) noexcept {
  add_sized(hash, data.size());
  hash.add(data);
}

// A message that goes on as it came, for this client alone.
void add_message(const ClientQuery& query, Bytes flow, KeyHash& hash) noexcept {
  add_sized(hash, flow);
  add_sized(hash, query.message.subspan(2));
}

// What most questions have none of.
struct Extras {
  unsigned prefix = 0;   // of the client subnet that is told
  bool options = false;  // some that go on
  Bytes before{};        // other records than the OPT, in front of it
  Bytes behind{};
  bool proxy = false;

  [[nodiscard]] bool any() const noexcept {
    return prefix != 0 || options || proxy || !before.empty() || !behind.empty();
  }
};

Extras extras_of(const ClientQuery& query, const ForwardSettings& settings, bool proxy, Bytes flow) noexcept {
  const std::size_t opt_at = query.edns ? query.opt_at : query.message.size();
  return {.prefix = subnet_prefix(query, settings, flow),
          .options = copy_options(query.options, {.cookie = settings.own_cookies}, nullptr) != 0,
          .before = query.message.subspan(query.question.end, opt_at - query.question.end),
          .behind = query.message.subspan(query.edns ? query.opt_end() : opt_at),
          .proxy = proxy};
}

[[gnu::noinline]] void add_extras(const ClientQuery& query, const ForwardSettings& settings, const Extras& extras,
                                  Bytes flow, KeyHash& hash) noexcept {
  std::array<std::uint8_t, kMaxSubnetOption> subnet;
  const std::size_t subnet_size =
      extras.prefix == 0 ? 0 : write_subnet(client_address(flow), extras.prefix, subnet.data());
  add_sized(hash, Bytes(subnet).first(subnet_size));
  // A backend that is told both ends may have a view for each address of ours; the client's port says nothing.
  add_sized(hash, extras.proxy ? flow.first(2 * client_address(flow).size()) : Bytes{});
  add_sized(hash, extras.proxy && flow.size() >= 2 ? flow.last(2) : Bytes{});
  // Whatever else it holds, before its OPT or behind: there it will stand together.
  add_sized(hash, extras.before.size() + extras.behind.size());
  hash.add(extras.before);
  hash.add(extras.behind);
  const OwnOptions own{.cookie = settings.own_cookies};
  for (OptionWalk walk(query.options); walk.next();) {
    if (!is_hop_by_hop(walk.code()) && !own.has(walk.code())) hash.add(walk.whole());
  }
}

// What the backend will see of a question, and of the client.
void add_question(const ClientQuery& query, const ForwardSettings& settings, const Extras& extras, Bytes flow,
                  KeyHash& hash) noexcept {
  // In whole words: behind a name there are zeros.
  const dns::Name& name = query.question.name;
  for (std::size_t at = 0; at < name.length; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, name.bytes.data() + at, sizeof word);
    hash.add(word);
  }
  if (extras.any()) add_extras(query, settings, extras, flow, hash);
}

}  // namespace

QuestionKey question_key(const ClientQuery& query, const ForwardSettings& settings, const KeyContext& context,
                         Bytes flow) noexcept {
  const bool as_it_came = query.is_signed || query.kind != ClientQuery::Kind::query;
  KeyHash hash(context.key);
  static_assert(kMaxPools <= 0x8000);
  const std::uint64_t pool = context.pool << 1 | (as_it_came ? 1U : 0U);
  if (as_it_came) {
    hash.add(pool);
    add_message(query, flow, hash);
    return hash.finish();
  }
  // No flag of a query lies where DO is put.
  const std::uint64_t flags = (query.flags & kForwardedFlags) | (query.dnssec_ok ? 1U : 0U);
  const dns::Question& question = query.question;
  hash.add(pool | flags << 16 | std::uint64_t{question.type} << 32 | std::uint64_t{question.rr_class} << 48);
  add_question(query, settings, extras_of(query, settings, context.proxy, flow), flow, hash);
  return hash.finish();
}

}  // namespace gl::backend
