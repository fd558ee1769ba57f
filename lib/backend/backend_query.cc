#include <algorithm>
#include <cstring>

#include "lib/backend/client_query.h"
#include "lib/backend/client_subnet.h"
#include "lib/backend/proxy_v2.h"

namespace gl::backend {
namespace {

using Kind = ClientQuery::Kind;

std::size_t copy_unchanged(const ClientQuery& query, std::uint16_t id, MutableBytes out) noexcept {
  if (query.message.size() > out.size()) return 0;
  std::memcpy(out.data(), query.message.data(), query.message.size());
  store_be(out.data(), id);
  return query.message.size();
}

// Our OPT, in place of the client's. Its options are those that go on, and the subnet.
std::size_t write_opt(const ClientQuery& query, const ForwardSettings& settings, unsigned prefix, const Outgoing& how,
                      std::uint8_t* to) noexcept {
  std::size_t options = copy_options(query.options, {.cookie = settings.own_cookies}, to + dns::kOptSize);
  if (prefix != 0) options += write_subnet(client_address(how.flow), prefix, to + dns::kOptSize + options);
  // A transfer comes over TCP: nothing to raise.
  const std::uint16_t payload = query.kind == Kind::query ? how.payload : query.payload;
  dns::write_opt(to, payload, dns::Rcode::noerror, query.dnssec_ok, {});
  store_be(to + dns::kOptSize - 2, static_cast<std::uint16_t>(options));
  return dns::kOptSize + options;
}

// Everything but the client's OPT, whose place is taken by what follows it, then ours.
std::size_t compose(const ClientQuery& query, const ForwardSettings& settings, const Outgoing& how,
                    MutableBytes out) noexcept {
  const Bytes message = query.message;
  const unsigned prefix = subnet_prefix(query, settings, how.flow);
  const std::size_t most = message.size() + dns::kOptSize + (prefix == 0 ? 0 : kMaxSubnetOption);
  if (most > std::min(out.size(), dns::kMaxMessage)) return 0;
  std::size_t at = query.edns ? query.opt_at : message.size();
  std::memcpy(out.data(), message.data(), at);
  if (query.edns) {
    const Bytes rest = message.subspan(query.opt_end());
    if (!rest.empty()) std::memcpy(out.data() + at, rest.data(), rest.size());
    at += rest.size();
  }
  store_be(out.data(), how.id);
  if (query.kind == Kind::query) {
    store_be(out.data() + 2, static_cast<std::uint16_t>(query.flags & kForwardedFlags));
    // An OPT, be it the client's or ours, is one record.
    const unsigned others = load_be<std::uint16_t>(message.data() + 10) - (query.edns ? 1U : 0U);
    store_be(out.data() + 10, static_cast<std::uint16_t>(others + (how.payload == 0 ? 0U : 1U)));
    if (how.payload == 0) return at;
  }
  return at + write_opt(query, settings, prefix, how, out.data() + at);
}

}  // namespace

std::size_t write_backend_query(const ClientQuery& query, const ForwardSettings& settings, const Outgoing& how,
                                MutableBytes out) noexcept {
  std::size_t proxy = 0;
  if (how.proxy) {
    proxy = write_proxy_v2(how.flow, out);
    if (proxy == 0) return 0;
  }
  const MutableBytes body = out.subspan(proxy);
  // Replies to transfers are not rewritten: a client without EDNS has to ask without. UPDATE and NOTIFY gain nothing.
  const bool unchanged = query.is_signed || (query.kind != Kind::query && !query.edns);
  const std::size_t length = unchanged ? copy_unchanged(query, how.id, body) : compose(query, settings, how, body);
  return length == 0 ? 0 : proxy + length;
}

// Without RD: what counts is that an answer comes, not that it is found.
std::size_t write_health_query(const ForwardSettings& settings, std::uint16_t id, MutableBytes out) noexcept {
  const std::vector<std::uint8_t>& name = settings.health_name;
  const std::size_t length = dns::kHeaderSize + name.size() + 4;
  if (length > out.size()) return 0;
  std::memset(out.data(), 0, dns::kHeaderSize);
  store_be(out.data(), id);
  store_be<std::uint16_t>(out.data() + 4, 1);
  std::memcpy(out.data() + dns::kHeaderSize, name.data(), name.size());
  store_be(out.data() + dns::kHeaderSize + name.size(), settings.health_type);
  store_be(out.data() + dns::kHeaderSize + name.size() + 2, dns::rr_class::in);
  return length;
}

}  // namespace gl::backend
