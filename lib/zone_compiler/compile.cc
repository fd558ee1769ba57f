#include "lib/zone_compiler/compile.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "lib/zone/image.h"
#include "lib/zone/image_check.h"
#include "lib/zone/name_text.h"
#include "lib/zone_compiler/zone_digest.h"
#include "lib/zone_compiler/zone_tree.h"

namespace gl::zone {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text.append(part).push_back('\0');
  return text;
}

template <class T>
Bytes raw(std::span<const T> array) {
  return {reinterpret_cast<const std::uint8_t*>(array.data()), array.size_bytes()};  // NOLINT: plain numbers
}

ImageFacts facts_of(const ZoneParts& parts) {
  ImageFacts facts{};
  facts.records = parts.records;
  facts.serial = parts.serial;
  std::copy(parts.negative_soa.begin(), parts.negative_soa.end(), facts.negative_soa);
  facts.apex_key_length = static_cast<std::uint32_t>(parts.denials.apex_key_length);
  facts.nsec3_iterations = parts.denials.iterations;
  facts.denial = static_cast<std::uint8_t>(parts.denials.kind);
  facts.apex_labels = parts.apex_labels;
  facts.apex_length = parts.apex_length;
  facts.max_labels = parts.max_labels;
  return facts;
}

std::size_t aligned(std::size_t at) {
  return (at + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}

// As ImageSection lists them.
std::array<Bytes, kImageSections> sections_of(const ZoneParts& parts, const std::string& included) {
  const ChainBuilder& chain = parts.denials;
  return {
      raw(parts.names.view()),       raw(parts.nodes.view()),    raw(parts.rrsets.view()),  raw(parts.index.slots()),
      raw(parts.store.bytes.view()), raw(chain.prefixes.view()), raw(chain.entries.view()), raw(chain.keys.view()),
      as_bytes(chain.salt),          as_bytes(parts.origin),     as_bytes(included)};
}

// Where each section goes; the length of the whole.
std::size_t place(const std::array<Bytes, kImageSections>& sections, ImageFacts& facts) {
  std::size_t end = kImageHeaderSize;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    facts.sections[i] = {aligned(end), sections[i].size()};
    end = aligned(end) + sections[i].size();
  }
  return end;
}

Result<ZoneParts> render(const Records& records, const std::string& origin, std::vector<std::string>& warnings,
                         ZoneDigests digests) {
  Result<ZoneTree> tree = build_tree(records, origin, warnings);
  if (!tree) return Error{tree.error()};
  if (Status status = check_digest(records, tree->apex().name(), digests, warnings); !status) {
    return Error{status.error()};
  }
  return render_zone(*tree, warnings);
}

}  // namespace

Result<ImageMemory> make_image(ZoneParts parts) {
  const std::string included = joined(parts.included);
  const std::array<Bytes, kImageSections> sections = sections_of(parts, included);
  ImageFacts facts = facts_of(parts);
  ImageHead head{kImageMagic, kImageByteOrder, kImageFormat, place(sections, facts), {}};
  ImageMemory image(head.length);
  if (image.empty()) return Error{"no memory for an image of " + std::to_string(head.length) + " bytes"};
  std::uint8_t* const to = image.bytes().data();
  std::memcpy(to + sizeof head, &facts, sizeof facts);
  std::size_t end = kImageHeaderSize;
  for (std::size_t i = 0; i < sections.size(); ++i) {
    std::fill(to + end, to + facts.sections[i].offset, std::uint8_t{0});
    end = facts.sections[i].offset + sections[i].size();
    std::copy(sections[i].begin(), sections[i].end(), to + facts.sections[i].offset);
  }
  head.checksum = image_checksum(image.bytes());
  std::memcpy(to, &head, sizeof head);
  return image;
}

Result<ImageMemory> compile_zone(Records records, const std::string& origin, std::vector<std::string>& warnings,
                                 ZoneDigests digests) {
  std::string apex;
  if (!origin.empty()) {
    const Result<std::vector<std::uint8_t>> wire = name_from_text(origin);
    if (!wire) return Error{records.path + ": origin '" + origin + "' is not a domain name"};
    apex.assign(wire->begin(), wire->end());
  }
  Result<ZoneParts> parts = render(records, apex, warnings, digests);
  if (!parts) return Error{parts.error()};
  const std::string path = records.path;
  { const Records done = std::move(records); }  // their memory is wanted for the image
  Result<ImageMemory> image = make_image(std::move(*parts));
  if (!image) return Error{path + ": " + image.error()};
  return image;
}

}  // namespace gl::zone
