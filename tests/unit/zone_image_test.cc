// Images of zones: what is answered from one is what its text says, and what is broken, cut short or foreign is refused
// with one line, or does no harm.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <string>
#include <vector>

#include "app/zone/reader.h"
#include "lib/base/descriptor.h"
#include "lib/zone/generation.h"
#include "lib/zone/image_check.h"
#include "lib/zone_compiler/compile.h"
#include "tests/unit/dns_test_support.h"

namespace {

using namespace gl;
using test::Message;
using test::TempFile;

const std::string kHead =
    "$ORIGIN example.\n$TTL 300\n@ SOA ns1 hostmaster 7 7200 900 1209600 60\n@ NS ns1\n@ NS ns.sub\n@ MX 5 mail\n"
    "ns1 A 192.0.2.1\nmail A 192.0.2.2\nmail AAAA 2001:db8::2\nalias CNAME mail\ntree DNAME other.test.\n"
    "*.wild TXT w\na.b.c A 192.0.2.3\nsub NS ns.sub\nsub NS ns1\nsub DS 1 13 2 00\nns.sub A 192.0.2.4\nns.sub AAAA "
    "::4\n"
    "below.tree TXT hidden\n";
const std::string kNsec =
    "@ NSEC a.b.c NS SOA MX\na.b.c NSEC sub A\nsub NSEC *.wild NS DS\n*.wild NSEC @ TXT\n"
    "@ RRSIG SOA 13 1 300 20300101000000 20200101000000 1 @ AAAA\n"
    "mail RRSIG A 13 2 300 20300101000000 20200101000000 1 @ AAAA\n";
const std::string kNsec3 =
    "@ NSEC3PARAM 1 0 3 0102\n"
    "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 3 0102 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX\n"
    "2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 1 3 0102 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n";
const std::vector<std::string> kTexts = {kHead, kHead + kNsec, kHead + kNsec3};

zone::ImageMemory copy_of(Bytes bytes) {
  zone::ImageMemory memory(bytes.size());
  std::copy(bytes.begin(), bytes.end(), memory.bytes().begin());
  return memory;
}

Result<zone::ImageMemory> compile(const std::string& text, const std::string& origin = "") {
  const TempFile file(text);
  const Descriptor opened(open(file.path().c_str(), O_RDONLY));
  Result<zone::Records> records = zone_program::read_zone(opened.get(), file.path(), origin);
  if (!records) return Error{records.error()};
  std::vector<std::string> warnings;
  return zone::compile_zone(std::move(*records), origin, warnings);
}

std::vector<std::uint8_t> image_of(const std::string& text) {
  const Result<zone::ImageMemory> image = compile(text);
  if (!image) {
    ADD_FAILURE() << image.error();
    return {};
  }
  const Bytes bytes = image->bytes();
  return {bytes.begin(), bytes.end()};
}

// As the program that made it would, were it mistaken.
void sign(std::vector<std::uint8_t>& image) {
  const auto checksum = zone::image_checksum(image);
  std::memcpy(image.data() + offsetof(zone::ImageHead, checksum), checksum.data(), sizeof checksum);
}

std::string error_of(Bytes image) {
  const auto zone = zone::open_image(copy_of(image));
  return zone ? "taken" : zone.error();
}

const std::vector<std::string> kNames = {
    "example.",        "ns1.example.",    "mail.example.",        "alias.example.",      "tree.example.",
    "x.tree.example.", "x.wild.example.", "wild.example.",        "b.c.example.",        "a.b.c.example.",
    "sub.example.",    "ns.sub.example.", "deep.ns.sub.example.", "below.tree.example.", "nothing.example.",
    "*.wild.example.", "other.test."};
constexpr std::uint16_t kTypes[] = {1, 2, 5, 6, 15, 16, 28, 39, 43, 46, 47, 50, 255};

template <class Take>
void ask_all(test::Served& served, Take&& take) {
  for (const std::string& name : kNames) {
    for (const std::uint16_t type : kTypes) {
      for (const bool dnssec : {false, true}) {
        for (const bool udp : {false, true}) {
          Message answer;
          (void)served.raw(test::query(name, type, {.dnssec = dnssec}), udp, answer);
          take(name + " " + std::to_string(type), answer);
        }
      }
    }
  }
}

std::vector<Message> answers_of(const std::string& path) {
  test::Served served{{{path, ""}}};
  std::vector<Message> all;
  if (served.service) ask_all(served, [&](const std::string&, const Message& answer) { all.push_back(answer); });
  return all;
}

std::string written(const std::vector<std::uint8_t>& image) {
  return {image.begin(), image.end()};
}

TEST(ZoneImage, AnswersAsItsTextDoes) {
  for (const std::string& text : kTexts) {
    const TempFile as_text(text);
    const TempFile as_image(written(image_of(text)));
    const std::vector<Message> from_text = answers_of(as_text.path());
    EXPECT_GT(from_text.size(), 800u);
    EXPECT_EQ(from_text, answers_of(as_image.path()));
  }
}

TEST(ZoneImage, TheSameTextGivesTheSameBytes) {
  for (const std::string& text : kTexts) EXPECT_EQ(image_of(text), image_of(text));
  EXPECT_NE(image_of(kTexts[0]), image_of(kTexts[1]));
}

TEST(ZoneImage, OrderOfTheTextDoesNotMatter) {
  std::string reversed;
  std::string head;
  for (std::size_t at = 0, line = 0; at < kHead.size(); ++line) {
    const std::size_t end = kHead.find('\n', at) + 1;
    if (line < 3) head += kHead.substr(at, end - at);
    if (line >= 3) reversed.insert(0, kHead.substr(at, end - at));
    at = end;
  }
  const auto zone = zone::open_image(copy_of(image_of(kHead)));
  const auto other = zone::open_image(copy_of(image_of(head + reversed)));
  ASSERT_TRUE(zone && other);
  ASSERT_EQ((*zone)->nodes.size(), (*other)->nodes.size());
  for (std::size_t i = 0; i < (*zone)->nodes.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal((*zone)->name_of((*zone)->nodes[i]), (*other)->name_of((*other)->nodes[i])));
  }
}

TEST(ZoneImage, WhatIsHiddenHasNoNode) {
  const auto zone = zone::open_image(copy_of(image_of(kHead)));
  ASSERT_TRUE(zone) << zone.error();
  // Apex, ns1, mail, alias, tree, wild, *.wild, c, b.c, a.b.c, sub; neither ns.sub nor below.tree.
  EXPECT_EQ((*zone)->nodes.size(), 11u);
  EXPECT_EQ((*zone)->records, 17u);
  EXPECT_EQ((*zone)->serial, 7u);
  EXPECT_EQ((*zone)->origin, "example.");
}

TEST(ZoneImage, CutShortOrLongerIsRefused) {
  const std::vector<std::uint8_t> image = image_of(kTexts[2]);
  zone::ImageFacts facts;
  std::memcpy(&facts, image.data() + sizeof(zone::ImageHead), sizeof facts);
  std::vector<std::size_t> lengths = {0, 1, 7, 8, 39, 40, 41, zone::kImageHeaderSize - 1, image.size() - 1};
  for (const zone::SectionPlace& section : facts.sections) {
    lengths.push_back(section.offset);
    lengths.push_back(section.offset + section.length / 2);
  }
  std::erase_if(lengths, [&](std::size_t length) { return length >= image.size(); });
  EXPECT_GT(lengths.size(), 20u);
  for (const std::size_t length : lengths) {
    const TempFile file(written(image).substr(0, length));
    const auto loaded = zone::load_zones(std::vector<zone::ZoneSource>{{file.path(), ""}});
    ASSERT_FALSE(loaded.ok()) << length;
    EXPECT_TRUE(loaded.error().starts_with(file.path() + ":")) << loaded.error();
    if (length >= 8) {
      EXPECT_EQ(loaded.error(), file.path() + ": a broken image: it ends after " + std::to_string(length) + " bytes");
    }
  }
  const TempFile longer(written(image) + "x");
  const auto loaded = zone::load_zones(std::vector<zone::ZoneSource>{{longer.path(), ""}});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error(), longer.path() + ": a broken image: it is longer than it says");
}

TEST(ZoneImage, EveryFlippedBitIsRefused) {
  std::vector<std::uint8_t> image = image_of(kTexts[1]);
  for (std::size_t bit = 0; bit < 8 * image.size(); bit += bit < 8 * zone::kImageHeaderSize ? 1 : 5) {
    image[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    ASSERT_NE(error_of(image), "taken") << bit;
    image[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
  }
  EXPECT_EQ(error_of(image), "taken");
}

TEST(ZoneImage, OfAnotherProgramOrMachineIsRefused) {
  const std::vector<std::uint8_t> image = image_of(kTexts[0]);
  const auto changed = [&](std::size_t at, std::uint32_t value) {
    std::vector<std::uint8_t> other = image;
    std::memcpy(other.data() + at, &value, sizeof value);
    return error_of(other);
  };
  EXPECT_EQ(changed(offsetof(zone::ImageHead, format), 2),
            "an image of format 2, and this program reads 1: compile the zone again");
  EXPECT_EQ(changed(offsetof(zone::ImageHead, byte_order), 0x04030201),
            "an image of a machine with another byte order");
  EXPECT_EQ(changed(0, 0x54495247), "not a zone image");
  EXPECT_EQ(changed(offsetof(zone::ImageHead, length), 3), "a broken image: its length cannot be");
  EXPECT_EQ(changed(offsetof(zone::ImageHead, length) + 4, 0xffff), "a broken image: its length cannot be");
  EXPECT_EQ(changed(offsetof(zone::ImageHead, checksum), 1), "a broken image: its checksum is wrong");
}

// Whatever comes of it.
void ask(std::unique_ptr<zone::Zone> zone) {
  zone::set_generations(*zone, nullptr, 1);
  const zone::ZoneSnapshot snapshot({std::shared_ptr<const zone::Zone>(std::move(zone))});
  const zone::PublishedZones zones{.current = &snapshot};
  const std::atomic<const zone::PublishedZones*> published{&zones};
  services::DnsZoneService service({}, published);
  service.begin_burst(0);
  static Message out(kMaxRenderedAnswer);
  for (const std::string& name : kNames) {
    for (const std::uint16_t type : {std::uint16_t{1}, std::uint16_t{43}, std::uint16_t{255}}) {
      (void)service.answer(test::query(name, type, {.dnssec = true}), out, RequestContext{});
    }
  }
}

// An image that is wrong with a right checksum: refused, or answered from without harm. The sanitizers watch.
TEST(ZoneImage, WrongNumbersDoNoHarm) {
  for (const std::string& text : kTexts) {
    const std::vector<std::uint8_t> image = image_of(text);
    std::size_t refused = 0;
    for (std::size_t at = sizeof(zone::ImageHead); at + 4 <= image.size(); at += 4) {
      for (const std::uint32_t value : {0U, 0x7fffffffU, 0xffffffffU, 0x00010001U}) {
        std::vector<std::uint8_t> wrong = image;
        std::memcpy(wrong.data() + at, &value, sizeof value);
        sign(wrong);
        auto zone = zone::open_image(copy_of(wrong));
        zone ? ask(std::move(*zone)) : (void)++refused;
      }
    }
    EXPECT_GT(refused, 1000u);
  }
}

TEST(ZoneImage, NoMoreIterationsThanATextMayHave) {
  std::vector<std::uint8_t> image = image_of(kTexts[2]);
  const std::size_t at = sizeof(zone::ImageHead) + offsetof(zone::ImageFacts, nsec3_iterations);
  for (const std::uint16_t iterations : {zone::kMaxNsec3Iterations, std::uint16_t{151}}) {
    std::memcpy(image.data() + at, &iterations, sizeof iterations);
    sign(image);
    EXPECT_EQ(error_of(image), iterations == 151 ? "a broken image: denial 0: too many iterations" : "taken");
  }
}

TEST(ZoneImage, OfAnotherZoneIsRefused) {
  const TempFile file(written(image_of(kHead)));
  const auto wrong = zone::load_zones(std::vector<zone::ZoneSource>{{file.path(), "example.org"}});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error(), file.path() + ": the image is of the zone example., not of example.org");
  const auto right = zone::load_zones(std::vector<zone::ZoneSource>{{file.path(), "EXAMPLE."}});
  ASSERT_TRUE(right.ok()) << right.error();
  EXPECT_EQ(right->snapshot->list()[0].serial, 7u);
}

TEST(ZoneImage, ATextThatBecomesAnImageChangesNothing) {
  const TempFile file(kHead);
  const auto before = zone::load_zones(std::vector<zone::ZoneSource>{{file.path(), ""}});
  ASSERT_TRUE(before.ok());
  std::ofstream(file.path(), std::ios::binary) << written(image_of(kHead));
  const auto after = zone::load_zones(std::vector<zone::ZoneSource>{{file.path(), ""}}, before->snapshot.get());
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->snapshot->generation(), before->snapshot->generation());
  EXPECT_EQ(after->snapshot->zones(), before->snapshot->zones());
}

// What a block's number reaches lies far beyond 4 GiB.
TEST(ZoneImage, BlocksBeyondFourGigabytes) {
  constexpr std::size_t kFar = std::size_t{5} << 30;
  void* const memory =
      mmap(nullptr, kFar + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* const bytes = static_cast<std::uint8_t*>(memory);
  zone::Block block;
  block.size = 77;
  std::memcpy(bytes + kFar, &block, sizeof block);
  zone::Zone zone;
  zone.blocks = bytes;
  EXPECT_EQ(zone.block(static_cast<zone::BlockId>(kFar / zone::kBlockUnit)).size, 77u);
  munmap(memory, kFar + 4096);
  EXPECT_EQ(zone::BlockStore::kMost, (std::size_t{32} << 30) - 8);
}

TEST(ZoneImage, MoreBlocksThanThereIsRoomForAreRefused) {
  const TempFile file(kHead);
  const Descriptor opened(open(file.path().c_str(), O_RDONLY));
  const auto records = zone_program::read_zone(opened.get(), file.path(), "");
  ASSERT_TRUE(records) << records.error();
  std::vector<std::string> warnings;
  const auto tree = zone::build_tree(*records, "", warnings);
  ASSERT_TRUE(tree) << tree.error();
  const auto whole = zone::render_zone(*tree, warnings);
  ASSERT_TRUE(whole) << whole.error();
  const std::size_t size = whole->store.bytes.size();
  EXPECT_TRUE(zone::render_zone(*tree, warnings, size).ok());
  for (const std::size_t most : {std::size_t{0}, size / 2, size - 1}) {
    const auto cut = zone::render_zone(*tree, warnings, most);
    ASSERT_FALSE(cut.ok());
    EXPECT_EQ(cut.error(),
              file.path() + ": the zone is too large: its answers take more than " + std::to_string(most) + " bytes");
  }
}

}  // namespace
