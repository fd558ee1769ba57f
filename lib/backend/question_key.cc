#include <sodium/crypto_shorthash_siphash24.h>

#include <algorithm>
#include <cstring>

#include "lib/backend/client_query.h"
#include "lib/backend/client_subnet.h"

namespace gl::backend {
namespace {

// SipHash over any number of pieces: what is full is replaced by its own hash, which is keyed too.
class KeyHash {
 public:
  explicit KeyHash(const std::array<std::uint8_t, 16>& key) noexcept : key_(key) {}

  void add(Bytes data) noexcept {
    while (!data.empty()) {
      if (used_ == buffer_.size()) fold();
      const std::size_t part = std::min(data.size(), buffer_.size() - used_);
      std::memcpy(buffer_.data() + used_, data.data(), part);
      used_ += part;
      data = data.subspan(part);
    }
  }
  void add16(std::size_t value) noexcept {
    std::array<std::uint8_t, 2> bytes;
    store_be(bytes.data(), static_cast<std::uint16_t>(value));
    add(bytes);
  }
  // A piece of no fixed length: its length goes before it, so that no two lists of pieces look alike.
  void add_sized(Bytes data) noexcept {
    add16(data.size());
    add(data);
  }
  [[nodiscard]] QuestionKey finish() noexcept {
    fold();
    return {load_be<std::uint64_t>(buffer_.data()), load_be<std::uint64_t>(buffer_.data() + 8)};
  }

 private:
  static constexpr std::size_t kHash = crypto_shorthash_siphashx24_BYTES;
  void fold() noexcept {
    std::array<std::uint8_t, kHash> hash;
    crypto_shorthash_siphashx24(hash.data(), buffer_.data(), used_, key_.data());
    std::memcpy(buffer_.data(), hash.data(), kHash);
    used_ = kHash;
  }

  const std::array<std::uint8_t, 16>& key_;
  std::array<std::uint8_t, 512> buffer_;
  std::size_t used_ = 0;
};

// A message that goes on as it came, for this client alone.
void add_message(const ClientQuery& query, Bytes flow, KeyHash& hash) noexcept {
  hash.add_sized(flow);
  hash.add_sized(query.message.subspan(2));
}

// What the backend will see of a question, and of the client.
void add_question(const ClientQuery& query, const ForwardSettings& settings, bool proxy, Bytes flow,
                  KeyHash& hash) noexcept {
  hash.add16((query.flags & kForwardedFlags) | (query.dnssec_ok ? 1U : 0U));  // no flag of a query lies there
  hash.add(query.question.name.view());
  hash.add16(query.question.type);
  hash.add16(query.question.rr_class);

  const unsigned prefix = subnet_prefix(query, settings, flow);
  std::array<std::uint8_t, kMaxSubnetOption> subnet;
  const std::size_t subnet_size = prefix == 0 ? 0 : write_subnet(client_address(flow), prefix, subnet.data());
  hash.add_sized(Bytes(subnet).first(subnet_size));
  // A backend that is told both ends may have a view for each address of ours; the client's port says nothing.
  hash.add_sized(proxy ? flow.first(2 * client_address(flow).size()) : Bytes{});
  hash.add_sized(proxy && flow.size() >= 2 ? flow.last(2) : Bytes{});

  const std::size_t opt_at = query.edns ? query.opt_at : query.message.size();
  // Whatever else it holds, before its OPT or behind: there it will stand together.
  const Bytes before = query.message.subspan(query.question.end, opt_at - query.question.end);
  const Bytes behind = query.message.subspan(query.edns ? query.opt_end() : opt_at);
  hash.add16(before.size() + behind.size());
  hash.add(before);
  hash.add(behind);
  const OwnOptions own{.cookie = settings.own_cookies};
  for (OptionWalk walk(query.options); walk.next();) {
    if (!is_hop_by_hop(walk.code()) && !own.has(walk.code())) hash.add(walk.whole());
  }
}

}  // namespace

QuestionKey question_key(const ClientQuery& query, const ForwardSettings& settings, const KeyContext& context,
                         Bytes flow) noexcept {
  const bool as_it_came = query.is_signed || query.kind != ClientQuery::Kind::query;
  KeyHash hash(context.key);
  hash.add16(context.pool);
  hash.add16(as_it_came ? 1 : 0);
  if (as_it_came) {
    add_message(query, flow, hash);
  } else {
    add_question(query, settings, context.proxy, flow, hash);
  }
  return hash.finish();
}

}  // namespace gl::backend
