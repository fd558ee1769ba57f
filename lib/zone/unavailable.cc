// A zone without data, made here and not by goldilocks-zone: a catalog brings thousands of them at once.
#include <array>

#include "lib/zone/image_check.h"
#include "lib/zone/image_layout.h"
#include "lib/zone/loader.h"
#include "lib/zone/name_text.h"
#include "lib/zone/zone_data.h"

namespace gl::zone {
namespace {

// The image of an apex alone: one node without records, an empty hash table, and one block that no answer uses, since
// an image has a negative SOA.
Result<ImageMemory> make_bare_image(Bytes apex) {
  dns::Name name;
  if (!name.parse(apex)) return Error{"no name"};
  ImageFacts facts{};
  facts.apex_labels = name.labels;
  facts.apex_length = static_cast<std::uint8_t>(apex.size());
  facts.max_labels = name.labels;
  Node node;
  node.name_length = facts.apex_length;
  node.labels = facts.apex_labels;
  const Slot slot;
  alignas(Block) std::array<std::uint8_t, (sizeof(Block) + kBlockUnit - 1) / kBlockUnit * kBlockUnit> blocks{};
  Block block;
  block.base_length = facts.apex_length;
  std::memcpy(blocks.data(), &block, sizeof block);
  const std::string origin = to_text(as_chars(apex));
  std::array<Bytes, kImageSections> sections;
  const auto put = [&](ImageSection section, Bytes bytes) { sections[static_cast<std::size_t>(section)] = bytes; };
  put(ImageSection::names, apex);
  put(ImageSection::nodes, raw(std::span<const Node>(&node, 1)));
  put(ImageSection::slots, raw(std::span<const Slot>(&slot, 1)));
  put(ImageSection::blocks, blocks);
  put(ImageSection::origin, as_bytes(origin));
  return lay_out_image(facts, sections);
}

}  // namespace

// An image like any other, so that all that looks up names finds it.
Result<std::unique_ptr<Zone>> make_unavailable(const ZoneSource& source) {
  const auto failed = [&](const std::string& reason) { return Error{source.path + ": " + reason}; };
  const auto apex = name_from_text(source.origin);
  if (!apex) return failed(apex.error());
  Result<ImageMemory> image = make_bare_image(*apex);
  if (!image) return failed(image.error());
  Result<std::unique_ptr<Zone>> zone = open_image(std::move(*image));
  if (!zone) return failed(zone.error());
  (*zone)->path = source.path;
  (*zone)->transferred = source.transferred;
  (*zone)->unavailable = true;
  return zone;
}

}  // namespace gl::zone
