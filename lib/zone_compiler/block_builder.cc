#include "lib/zone_compiler/block_builder.h"

#include <algorithm>

#include "lib/base/endian.h"
#include "lib/dns/name.h"

namespace gl::zone {
namespace {

// Beyond this a name is no pointer's target any more: wherever the block lands, room is left below 0x3fff for what
// came before it.
constexpr std::size_t kMaxTarget = 0x2000;
// A body larger than this fits no message beside header, question and OPT.
constexpr std::size_t kMaxBody = dns::kMaxMessage - dns::kHeaderSize - dns::kMaxName - 4;

// RFC 3597 4: names in the data of the types of RFC 1035 only.
bool compressible(std::uint16_t type) {
  using namespace dns::rr;
  switch (type) {
    case ns:
    case md:
    case mf:
    case soa:
    case mb:
    case mg:
    case mr:
    case ptr:
    case minfo:
    case mx:
      return true;
    default:
      return false;
  }
}

std::size_t label_size(std::string_view name) {
  return 1U + static_cast<std::uint8_t>(name.front());
}

}  // namespace

void BlockBuilder::begin(std::string_view base) {
  block_ = {};
  block_.base_length = static_cast<std::uint8_t>(base.size());
  base_ = base;
  wildcard_ = base.starts_with(std::string_view("\1*", 2));
  bytes_.clear();
  for (auto* list : {&own_, &suffix_, &self_}) list->clear();
  cuts_.clear();
  targets_.clear();
  if (!name_.name.parse(as_bytes(base))) return;  // cannot be: the records were checked
  name_.rehash();
  for (std::size_t i = wildcard_ ? 1 : 0; i < name_.name.labels; ++i) {
    const std::size_t labels = name_.name.labels - i;
    const auto pointer = static_cast<std::uint16_t>(dns::kHeaderSize + name_.name.label_at[i]);
    const auto kind = i == 0 ? NameTarget::Kind::own : NameTarget::Kind::suffix;
    targets_.add(name_.name.suffix(labels), name_.hash[labels], {kind, pointer});
  }
}

template <class T>
void BlockBuilder::put(T value) {
  std::uint8_t raw[sizeof value];
  store_be(raw, value);
  put_bytes(as_chars(raw));
}

void BlockBuilder::put_pointer(const NameTarget& target) {
  const auto at = static_cast<std::uint16_t>(bytes_.size());
  if (target.kind == NameTarget::Kind::own) own_.push_back(at);
  if (target.kind == NameTarget::Kind::suffix) suffix_.push_back(at);
  if (target.kind == NameTarget::Kind::self) {
    self_.push_back(at);
    block_.max_self = std::max(block_.max_self, target.pointer);
  }
  put(static_cast<std::uint16_t>(0xc000 | target.pointer));
}

void BlockBuilder::put_owner(std::string_view owner) {
  if (wildcard_ && owner == base_) {
    put_pointer({NameTarget::Kind::own, dns::kHeaderSize});
  } else {
    put_name(owner, Compress::yes);
  }
}

void BlockBuilder::put_name(std::string_view name, Compress compress) {
  if (!name_.name.parse(as_bytes(name))) return;  // cannot be: the records were checked
  name_.rehash();
  for (std::size_t labels = name_.name.labels; labels > 0; --labels) {
    const Bytes suffix = name_.name.suffix(labels);
    if (const NameTarget* known = targets_.find(suffix, name_.hash[labels])) {
      if (compress == Compress::yes) return put_pointer(*known);
    } else if (bytes_.size() < kMaxTarget) {
      const auto pointer = static_cast<std::uint16_t>(block_.rendered_at() + bytes_.size());
      targets_.add(suffix, name_.hash[labels], {NameTarget::Kind::self, pointer});
    }
    put_bytes(name.substr(0, label_size(name)));
    name.remove_prefix(label_size(name));
  }
  bytes_.push_back(0);
}

void BlockBuilder::put_data(const Record& record) {
  if (record.type == dns::rr::cname) {
    block_.target = static_cast<std::uint16_t>(bytes_.size());
    return put_name(record.name(0), Compress::target_only);  // what follows the alias is rendered behind its target
  }
  if (record.type == dns::rr::dname) block_.target = static_cast<std::uint16_t>(bytes_.size());
  if (!compressible(record.type)) return put_bytes(record.data());
  std::size_t done = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(record.name_count, 2); ++i) {
    put_bytes(record.data().substr(done, record.name_at[i] - done));
    put_name(record.name(i), Compress::yes);
    done = record.name_at[i] + record.name(i).size();
  }
  put_bytes(record.data().substr(done));
}

void BlockBuilder::add(Section section, std::string_view owner, const Record& record, std::uint32_t ttl) {
  if (bytes_.size() > kMaxBody) return;  // too large already: finish() says so
  put_owner(owner);
  put(record.type);
  put(dns::rr_class::in);
  put(ttl);
  const std::size_t length_at = bytes_.size();
  put(std::uint16_t{0});
  put_data(record);
  store_be(bytes_.data() + length_at, static_cast<std::uint16_t>(bytes_.size() - length_at - 2));
  if (section == Section::answer) {
    ++block_.answers;
    block_.answer_size = static_cast<std::uint16_t>(bytes_.size());
  } else if (section == Section::authority) {
    ++block_.authorities;
  } else {
    ++block_.additionals;
  }
}

void BlockBuilder::may_cut() {
  cuts_.push_back({static_cast<std::uint16_t>(std::min(bytes_.size(), kMaxBody)), block_.additionals});
}

BlockId BlockBuilder::store(const Block& block) {
  GrowingArray<std::uint8_t>& to = store_.bytes;
  const std::size_t at = to.size();
  const std::size_t length = (block.length() + kBlockUnit - 1) / kBlockUnit * kBlockUnit;
  if (store_.full || length > store_.most || at > store_.most - length) {
    store_.full = true;
    return 0;
  }
  const auto append = [&to](const auto& list) {
    to.append(reinterpret_cast<const std::uint8_t*>(list.data()), list.size() * sizeof list[0]);  // NOLINT
  };
  append(std::span(&block, 1));
  if (block.oversize == 0) {
    append(bytes_);
    to.resize(at + sizeof block + (bytes_.size() + 1) / 2 * 2);
    for (const auto* list : {&own_, &suffix_, &self_}) append(*list);
    append(cuts_);
  }
  to.resize(at + length);
  return static_cast<BlockId>(at / kBlockUnit);
}

BlockId BlockBuilder::finish() {
  if (bytes_.size() > kMaxBody) return kNoBlock;
  block_.size = static_cast<std::uint16_t>(bytes_.size());
  block_.own = static_cast<std::uint16_t>(own_.size());
  block_.suffix = static_cast<std::uint16_t>(suffix_.size());
  block_.self = static_cast<std::uint16_t>(self_.size());
  block_.cut_count = static_cast<std::uint16_t>(cuts_.size());
  return store(block_);
}

BlockId BlockBuilder::finish_oversize() {
  Block block;
  block.base_length = block_.base_length;
  block.oversize = 1;
  block.size = block.answer_size = UINT16_MAX;
  return store(block);
}

}  // namespace gl::zone
