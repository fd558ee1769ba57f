#include "lib/zone/image_layout.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "lib/zone/image_check.h"

namespace gl::zone {
namespace {

std::size_t aligned(std::size_t at) {
  return (at + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
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

}  // namespace

Result<ImageMemory> lay_out_image(ImageFacts facts, const std::array<Bytes, kImageSections>& sections) {
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

}  // namespace gl::zone
