#include "lib/zone_compiler/compile.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "lib/zone/image_layout.h"
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

// As ImageSection lists them.
std::array<Bytes, kImageSections> sections_of(const ZoneParts& parts, const std::string& included) {
  const ChainBuilder& chain = parts.denials;
  return {
      raw(parts.names.view()),       raw(parts.nodes.view()),    raw(parts.rrsets.view()),  raw(parts.index.slots()),
      raw(parts.store.bytes.view()), raw(chain.prefixes.view()), raw(chain.entries.view()), raw(chain.keys.view()),
      as_bytes(chain.salt),          as_bytes(parts.origin),     as_bytes(included)};
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
  return lay_out_image(facts_of(parts), sections_of(parts, included));
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
