#include "lib/zone/image_check.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

namespace gl::zone {
namespace {

std::string flaw(const char* section, std::size_t at, const char* what) {
  return std::string("a broken image: ") + section + " " + std::to_string(at) + ": " + what;
}

// The sections of an image whose head is right.
class Sections {
 public:
  Sections(Bytes image, const ImageFacts& facts) : image_(image), facts_(facts) {}

  // Where each lies within the image.
  [[nodiscard]] bool whole() const {
    return std::all_of(facts_.sections.begin(), facts_.sections.end(), [&](const SectionPlace& place) {
      return place.offset % kSectionAlignment == 0 && place.offset >= kImageHeaderSize &&
             place.offset <= image_.size() && place.length <= image_.size() - place.offset;
    });
  }
  [[nodiscard]] Bytes bytes(ImageSection section) const {
    const SectionPlace& place = facts_.sections[static_cast<std::size_t>(section)];
    return image_.subspan(place.offset, place.length);
  }
  template <class T>
  [[nodiscard]] std::span<const T> array(ImageSection section) const {
    const Bytes raw = bytes(section);
    return {reinterpret_cast<const T*>(raw.data()), raw.size() / sizeof(T)};  // NOLINT: checked and aligned
  }
  template <class T>
  [[nodiscard]] bool divides(ImageSection section) const {
    return bytes(section).size() % sizeof(T) == 0;
  }

 private:
  Bytes image_;
  const ImageFacts& facts_;
};

// Which multiples of kBlockUnit begin a block.
class BlockStarts {
 public:
  explicit BlockStarts(std::size_t bytes) : bits_(bytes / kBlockUnit / 64 + 1), end_(bytes / kBlockUnit) {}
  void add(std::size_t id) { bits_[id / 64] |= std::uint64_t{1} << id % 64; }
  [[nodiscard]] bool has(BlockId id) const { return id < end_ && (bits_[id / 64] >> id % 64 & 1) != 0; }

 private:
  std::vector<std::uint64_t> bits_;
  std::size_t end_;
};

// An error is empty where there is none.
class Checker {
 public:
  Checker(Zone& zone, const ImageFacts& facts, const Sections& sections)
      : zone_(zone), facts_(facts), sections_(sections), starts_(sections.bytes(ImageSection::blocks).size()) {}

  [[nodiscard]] std::string run() {
    for (const auto step : {&Checker::check_blocks, &Checker::check_nodes, &Checker::check_slots,
                            &Checker::check_denials, &Checker::check_texts}) {
      if (std::string error = (this->*step)(); !error.empty()) return error;
    }
    return {};
  }

 private:
  static const char* flaw_of(const Block& block) {
    if (block.oversize > 1 || block.base_length == 0) return "no such block";
    if (block.oversize != 0) return block.patch_count() + block.cut_count == 0 ? nullptr : "no such block";
    if (block.answer_size > block.size) return "its answer is longer than it";
    if (block.target != 0 && (block.target < 6 || block.target >= block.answer_size)) return "its target is outside";
    return nullptr;
  }
  // What lies behind the head, which is known to be there.
  static const char* flaw_behind(const Block& block) {
    const std::uint16_t* const patches = block.patches();
    for (std::size_t i = 0; i < block.patch_count() && block.oversize == 0; ++i) {
      if (patches[i] + 2U > block.size) return "a pointer outside";
    }
    const BlockCut* const cuts = block.cuts();
    for (std::size_t i = 0; i < block.cut_count; ++i) {
      if (cuts[i].size < block.answer_size || cuts[i].size > block.size) return "a cut outside";
    }
    return nullptr;
  }

  std::string check_blocks() {
    const Bytes blocks = sections_.bytes(ImageSection::blocks);
    for (std::size_t at = 0; at < blocks.size();) {
      if (blocks.size() - at < sizeof(Block)) return flaw("block", at, "cut short");
      const Block& block = *reinterpret_cast<const Block*>(blocks.data() + at);  // NOLINT: checked and aligned
      if (const char* what = flaw_of(block)) return flaw("block", at, what);
      if (block.length() > blocks.size() - at) return flaw("block", at, "cut short");
      if (const char* what = flaw_behind(block)) return flaw("block", at, what);
      starts_.add(at / kBlockUnit);
      zone_.largest_block = std::max<std::size_t>(zone_.largest_block, block.size);
      at += (block.length() + kBlockUnit - 1) / kBlockUnit * kBlockUnit;
    }
    for (const BlockId id : zone_.negative_soa) {
      if (!is_apex_block(id)) return flaw("SOA", id, "no such block");
    }
    return {};
  }
  [[nodiscard]] bool is_block(BlockId id, std::size_t base_length) const {
    return starts_.has(id) && zone_.block(id).base_length == base_length;
  }
  [[nodiscard]] bool is_apex_block(BlockId id) const { return is_block(id, facts_.apex_length); }
  [[nodiscard]] bool is_proof(BlockId id) const {
    return id == kNoBlock || (is_apex_block(id) && zone_.block(id).oversize == 0);
  }

  std::string check_nodes() {
    if (zone_.nodes.empty()) return flaw("node", 0, "there is none");
    const Bytes names = sections_.bytes(ImageSection::names);
    for (NodeId id = 0; id < zone_.nodes.size(); ++id) {
      const Node& node = zone_.nodes[id];
      if (node.name > names.size() || node.name_length > names.size() - node.name) return flaw("node", id, "no name");
      if (const char* what = flaw_of(node)) return flaw("node", id, what);
      if (const char* what = flaw_in_rrsets(node)) return flaw("node", id, what);
    }
    const Node& apex = zone_.nodes[0];
    if (apex.name_length != zone_.apex_length || apex.labels != zone_.apex_labels || apex.cut != 0) {
      return flaw("node", 0, "is not the apex");
    }
    return {};
  }
  const char* flaw_of(const Node& node) {
    const Bytes name = zone_.name_of(node);
    const Bytes apex = zone_.name_of(zone_.nodes[0]);
    if (!name_.parse(name) || name_.length != name.size() || name_.labels != node.labels) return "no name";
    if (node.labels < zone_.apex_labels || !std::ranges::equal(name_.suffix(zone_.apex_labels), apex)) {
      return "is not in the zone";
    }
    if (node.cut > 1 || node.dname > 1) return "no such kind";
    if (node.wildcard != kNoNode && node.wildcard >= zone_.nodes.size()) return "its wildcard is not there";
    const NodeDenial& denial = node.denial;
    for (const BlockId id : {denial.match, denial.wildcard, denial.encloser, denial.cover}) {
      if (!is_proof(id)) return "its proof is not there";
    }
    return nullptr;
  }
  [[nodiscard]] const char* flaw_in_rrsets(const Node& node) const {
    if (node.rrsets > zone_.rrsets.size() || node.rrset_count > zone_.rrsets.size() - node.rrsets) {
      return "its records are not there";
    }
    for (const RrsetEntry& entry : zone_.rrsets.subspan(node.rrsets, node.rrset_count)) {
      const bool alias = entry.type == dns::rr::cname || entry.type == dns::rr::dname;
      for (const BlockRef& ref : entry.block) {
        if (!is_block(ref.id, node.name_length)) return "its records are not there";
        const Block& block = zone_.block(ref.id);
        if (alias && block.oversize == 0 && block.target == 0) return "an alias without a target";
      }
    }
    if (node.cut != 0 && zone_.rrset(node, kReferral) == nullptr) return "a cut without a referral";
    if (node.cut == 0 && node.dname != 0 && zone_.rrset(node, dns::rr::dname) == nullptr) return "a DNAME without one";
    return nullptr;
  }

  std::string check_slots() {
    if (!std::has_single_bit(zone_.slots.size())) return flaw("slot", zone_.slots.size(), "not a power of two");
    std::size_t used = 0;
    for (std::size_t i = 0; i < zone_.slots.size(); ++i) {
      const NodeId id = zone_.slots[i].node;
      if (id == kNoNode) continue;
      if (id >= zone_.nodes.size()) return flaw("slot", i, "no such node");
      ++used;
    }
    return used < zone_.slots.size() ? std::string{} : flaw("slot", used, "none is empty");
  }

  std::string check_denials() {
    const Denials::Chain& chain = zone_.denials.chain();
    if (chain.prefixes.size() != chain.entries.size()) return flaw("denial", chain.prefixes.size(), "cut short");
    for (std::size_t i = 0; i < chain.entries.size(); ++i) {
      const ChainEntry& entry = chain.entries[i];
      if (entry.key > chain.keys.size() || entry.length > chain.keys.size() - entry.key) {
        return flaw("denial", i, "no key");
      }
      if (entry.block == kNoBlock || !is_proof(entry.block)) return flaw("denial", i, "no such block");
    }
    std::uint8_t key[dns::kMaxOrderKey];
    if (!name_.parse(zone_.name_of(zone_.nodes[0]))) return flaw("node", 0, "no name");
    const bool nsec = zone_.denials.kind() == Denials::Kind::nsec;
    if (nsec && facts_.apex_key_length != dns::order_key(name_, key)) return flaw("denial", 0, "of another apex");
    if (facts_.nsec3_iterations > kMaxNsec3Iterations) return flaw("denial", 0, "too many iterations");
    return sections_.bytes(ImageSection::salt).size() <= 255 ? std::string{} : flaw("denial", 0, "a salt too long");
  }

  // They are told to people, line by line.
  std::string check_texts() {
    const auto plain = [](char c) { return c > ' ' && c < '\x7f'; };
    if (!std::ranges::all_of(zone_.origin, plain)) return flaw("origin", 0, "not a name");
    return {};
  }

  Zone& zone_;
  const ImageFacts& facts_;
  const Sections& sections_;
  BlockStarts starts_;
  dns::Name name_;
};

std::string text_of(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// The view of the image that Zone is. False: a section is no array of what it holds.
bool look(Zone& zone, const ImageFacts& facts, const Sections& sections) {
  using enum ImageSection;
  if (!sections.divides<Node>(nodes) || !sections.divides<RrsetEntry>(rrsets) || !sections.divides<Slot>(slots) ||
      !sections.divides<std::uint64_t>(prefixes) || !sections.divides<ChainEntry>(chain) ||
      facts.denial > static_cast<std::uint8_t>(Denials::Kind::nsec3)) {
    return false;
  }
  zone.origin = text_of(sections.bytes(origin));
  zone.included = split(text_of(sections.bytes(included)));
  zone.serial = facts.serial;
  zone.records = facts.records;
  zone.names = sections.bytes(names).data();
  zone.nodes = sections.array<Node>(nodes);
  zone.rrsets = sections.array<RrsetEntry>(rrsets);
  zone.slots = sections.array<Slot>(slots);
  zone.blocks = sections.bytes(blocks).data();
  zone.negative_soa = {facts.negative_soa[0], facts.negative_soa[1]};
  zone.denials = Denials(
      {static_cast<Denials::Kind>(facts.denial), facts.nsec3_iterations, sections.bytes(salt), facts.apex_key_length},
      {sections.array<std::uint64_t>(prefixes), sections.array<ChainEntry>(chain), sections.bytes(keys)});
  zone.apex_labels = facts.apex_labels;
  zone.apex_length = facts.apex_length;
  zone.max_labels = facts.max_labels;
  return true;
}

}  // namespace

bool is_image(Bytes first) noexcept {
  return first.size() >= kImageMagic.size() && std::memcmp(first.data(), kImageMagic.data(), kImageMagic.size()) == 0;
}

Result<std::size_t> image_length(Bytes bytes) {
  ImageHead head;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.magic != kImageMagic) return Error{"not a zone image"};
  if (head.byte_order != kImageByteOrder) return Error{"an image of a machine with another byte order"};
  if (head.format != kImageFormat) {
    return Error{"an image of format " + std::to_string(head.format) + ", and this program reads " +
                 std::to_string(kImageFormat) + ": compile the zone again"};
  }
  if (head.length < kImageHeaderSize || head.length > kMaxImage) return Error{"a broken image: its length cannot be"};
  return head.length;
}

std::array<std::uint64_t, 2> image_checksum(Bytes image) noexcept {
  const Bytes covered = image.subspan(sizeof(ImageHead));
  const XXH128_hash_t hash = XXH3_128bits(covered.data(), covered.size());
  return {hash.low64, hash.high64};
}

Result<std::unique_ptr<Zone>> open_image(ImageMemory image) {
  const Bytes bytes = std::as_const(image).bytes();
  const Result<std::size_t> length = image_length(bytes);
  if (!length) return Error{length.error()};
  if (*length != bytes.size()) return Error{"a broken image: it is not as long as it says"};
  ImageHead head;
  std::memcpy(&head, bytes.data(), sizeof head);
  if (head.checksum != image_checksum(bytes)) return Error{"a broken image: its checksum is wrong"};
  ImageFacts facts;
  std::memcpy(&facts, bytes.data() + sizeof head, sizeof facts);
  const Sections sections(bytes, facts);
  auto zone = std::make_unique<Zone>();
  if (!sections.whole() || !look(*zone, facts, sections)) return Error{"a broken image: a section is not there"};
  zone->image = std::move(image);
  if (std::string error = Checker(*zone, facts, sections).run(); !error.empty()) return Error{std::move(error)};
  return zone;
}

}  // namespace gl::zone
