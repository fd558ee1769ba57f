#include "lib/zone/block_builder.h"

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

std::string lower(std::string_view name) {
  std::string out(name.size(), '\0');
  dns::copy_lower(reinterpret_cast<std::uint8_t*>(out.data()), as_bytes(name).data(), name.size());  // NOLINT
  return out;
}

std::size_t label_size(std::string_view name) {
  return 1U + static_cast<std::uint8_t>(name.front());
}

}  // namespace

BlockBuilder::BlockBuilder(BlockStore& store, std::string_view base)
    : store_(store), base_(base), wildcard_(base.starts_with(std::string_view("\1*", 2))) {
  block_.base_length = static_cast<std::uint8_t>(base.size());
  std::size_t at = 0;
  while (base[at] != 0) {
    const auto pointer = static_cast<std::uint16_t>(dns::kHeaderSize + at);
    if (at > 0 || !wildcard_) {
      targets_.emplace(base.substr(at), Target{at == 0 ? Target::Kind::own : Target::Kind::suffix, pointer});
    }
    at += label_size(base.substr(at));
  }
}

template <class T>
void BlockBuilder::put(T value) {
  std::uint8_t raw[sizeof value];
  store_be(raw, value);
  bytes_ += as_chars(raw);
}

void BlockBuilder::put_bytes(std::string_view bytes) {
  bytes_ += bytes;
}

void BlockBuilder::put_pointer(const Target& target) {
  const auto at = static_cast<std::uint16_t>(bytes_.size());
  if (target.kind == Target::Kind::own) own_.push_back(at);
  if (target.kind == Target::Kind::suffix) suffix_.push_back(at);
  if (target.kind == Target::Kind::self) {
    self_.push_back(at);
    block_.max_self = std::max(block_.max_self, target.pointer);
  }
  put(static_cast<std::uint16_t>(0xc000 | target.pointer));
}

void BlockBuilder::put_owner(std::string_view owner) {
  if (wildcard_ && owner == base_) {
    put_pointer({Target::Kind::own, dns::kHeaderSize});
  } else {
    put_name(owner, Compress::yes);
  }
}

void BlockBuilder::put_name(std::string_view name, Compress compress) {
  while (name.front() != 0) {
    const std::string key = lower(name);
    if (const auto known = targets_.find(key); known != targets_.end()) {
      if (compress == Compress::yes) return put_pointer(known->second);
    } else if (bytes_.size() < kMaxTarget) {
      const auto pointer = static_cast<std::uint16_t>(block_.rendered_at() + bytes_.size());
      targets_.emplace(key, Target{Target::Kind::self, pointer});
    }
    put_bytes(name.substr(0, label_size(name)));
    name.remove_prefix(label_size(name));
  }
  bytes_ += '\0';
}

void BlockBuilder::put_rdata(const Record& record) {
  if (record.type == dns::rr::cname) {
    block_.target = static_cast<std::uint16_t>(bytes_.size());
    return put_name(record.name(0), Compress::target_only);  // what follows the alias is rendered behind its target
  }
  if (record.type == dns::rr::dname) block_.target = static_cast<std::uint16_t>(bytes_.size());
  if (!compressible(record.type)) return put_bytes(record.rdata);
  std::size_t done = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(record.name_count, 2); ++i) {
    put_bytes(std::string_view(record.rdata).substr(done, record.name_at[i] - done));
    put_name(record.name(i), Compress::yes);
    done = record.name_at[i] + record.name(i).size();
  }
  put_bytes(std::string_view(record.rdata).substr(done));
}

void BlockBuilder::add(Section section, std::string_view owner, const Record& record, std::uint32_t ttl) {
  if (bytes_.size() > kMaxBody) return;  // too large already: finish() says so
  put_owner(owner);
  put(record.type);
  put(dns::rr_class::in);
  put(ttl);
  const std::size_t length_at = bytes_.size();
  put(std::uint16_t{0});
  put_rdata(record);
  store_be(reinterpret_cast<std::uint8_t*>(bytes_.data() + length_at),  // NOLINT
           static_cast<std::uint16_t>(bytes_.size() - length_at - 2));
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

BlockId BlockBuilder::finish() {
  if (bytes_.size() > kMaxBody) return kNoBlock;
  block_.size = static_cast<std::uint16_t>(bytes_.size());
  block_.own = static_cast<std::uint16_t>(own_.size());
  block_.suffix = static_cast<std::uint16_t>(suffix_.size());
  block_.self = static_cast<std::uint16_t>(self_.size());
  block_.cut_count = static_cast<std::uint16_t>(cuts_.size());
  block_.bytes = static_cast<std::uint32_t>(store_.bytes.size());
  block_.patches = static_cast<std::uint32_t>(store_.patches.size());
  block_.cuts = static_cast<std::uint32_t>(store_.cuts.size());
  store_.bytes.insert(store_.bytes.end(), bytes_.begin(), bytes_.end());
  for (const auto* list : {&own_, &suffix_, &self_}) {
    store_.patches.insert(store_.patches.end(), list->begin(), list->end());
  }
  store_.cuts.insert(store_.cuts.end(), cuts_.begin(), cuts_.end());
  store_.blocks.push_back(block_);
  return static_cast<BlockId>(store_.blocks.size() - 1);
}

BlockId BlockBuilder::finish_oversize() {
  Block block;
  block.base_length = block_.base_length;
  block.oversize = true;
  block.size = block.answer_size = UINT16_MAX;
  block.bytes = static_cast<std::uint32_t>(store_.bytes.size());
  block.patches = static_cast<std::uint32_t>(store_.patches.size());
  block.cuts = static_cast<std::uint32_t>(store_.cuts.size());
  store_.blocks.push_back(block);
  return static_cast<BlockId>(store_.blocks.size() - 1);
}

}  // namespace gl::zone
