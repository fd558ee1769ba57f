// Walkers over options and extension headers: what they find, and that they stay inside whatever span they get.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "lib/wire/icmpv6.h"
#include "lib/wire/ipv4.h"
#include "lib/wire/ipv6.h"
#include "lib/wire/tcp_options.h"

namespace gl::wire {
namespace {

using Buffer = std::vector<std::uint8_t>;

// Of exactly the right size on the heap, so that AddressSanitizer sees one byte too many.
template <class Walk>
void on_exact_heap(const Buffer& bytes, Walk walk) {
  const auto exact = std::make_unique<std::uint8_t[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), exact.get());
  walk(Bytes(exact.get(), bytes.size()));
}

TEST(TcpOptions, LinuxSyn) {
  const Buffer syn = {2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 9, 1, 3, 3, 7};
  const auto found = parse_tcp_options(syn);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->mss, 1460);
  EXPECT_EQ(found->timestamps, (TcpTimestamps{0x01020304, 9}));
}

TEST(TcpOptions, FastPathAndGeneralPathAgree) {
  const Buffer usual = {1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  const Buffer other = {8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};
  ASSERT_TRUE(parse_tcp_options(usual) && parse_tcp_options(other));
  EXPECT_EQ(parse_tcp_options(usual)->timestamps, parse_tcp_options(other)->timestamps);
  EXPECT_EQ(parse_tcp_options(usual)->mss, 0);
}

// What is read at one glance is what the walk finds; and whatever differs from it in a kind or a length is left to
// that.
TEST(TcpOptions, CommonSyn) {
  const Buffer common = {2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 99};
  const auto glance = parse_common_syn(common);
  const auto walked = parse_tcp_options(common);
  ASSERT_TRUE(glance && walked);
  EXPECT_EQ(glance->mss, walked->mss);
  EXPECT_EQ(glance->window_scale, walked->window_scale);
  EXPECT_EQ(glance->window_scale, kMostWindowScale);
  EXPECT_EQ(glance->timestamps, walked->timestamps);
  EXPECT_TRUE(walked->sack_permitted);
  for (const std::size_t at : {0u, 1u, 4u, 5u, 6u, 7u, 16u, 17u, 18u}) {
    Buffer other = common;
    other[at] ^= 1;
    EXPECT_FALSE(parse_common_syn(other)) << at;
  }
  for (std::size_t length = 0; length < common.size(); ++length) {
    on_exact_heap(Buffer(common.begin(), common.begin() + static_cast<std::ptrdiff_t>(length)),
                  [](Bytes cut) { EXPECT_FALSE(parse_common_syn(cut)); });
  }
}

TEST(TcpOptions, EndStopsAndUnknownIsSkipped) {
  EXPECT_EQ(parse_tcp_options(Buffer{34, 4, 9, 9, 2, 4, 2, 24})->mss, 536);
  EXPECT_EQ(parse_tcp_options(Buffer{0, 2, 4, 2, 24, 0, 0, 0})->mss, 0);
  EXPECT_TRUE(parse_tcp_options(Buffer{}));
}

TEST(TcpOptions, ImpossibleLengths) {
  EXPECT_FALSE(parse_tcp_options(Buffer{2}));
  EXPECT_FALSE(parse_tcp_options(Buffer{34, 0}));
  EXPECT_FALSE(parse_tcp_options(Buffer{34, 1}));
  EXPECT_FALSE(parse_tcp_options(Buffer{34, 3}));
  EXPECT_FALSE(parse_tcp_options(Buffer{2, 3, 1}));
  EXPECT_FALSE(parse_tcp_options(Buffer{8, 9, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(TcpOptions, WhatIsWrittenIsRead) {
  for (const std::uint16_t mss : {std::uint16_t{0}, std::uint16_t{1440}}) {
    for (const bool timestamps : {false, true}) {
      TcpOptions options;
      options.mss = mss;
      if (timestamps) options.timestamps = TcpTimestamps{77, 0xfffffffe};
      Buffer out(kMaxWrittenTcpOptions);
      out.resize(write_tcp_options(options, out.data()));
      EXPECT_EQ(out.size() % 4, 0u);
      const auto back = parse_tcp_options(out);
      ASSERT_TRUE(back);
      EXPECT_EQ(back->mss, mss);
      EXPECT_EQ(back->timestamps, options.timestamps);
    }
  }
}

TEST(TcpOptions, FastOpen) {
  using Kind = FastOpen::Kind;
  EXPECT_EQ(parse_tcp_options(Buffer{34, 2, 0, 0})->fast_open.kind, Kind::request);
  EXPECT_EQ(parse_tcp_options(Buffer{34, 6, 1, 2, 3, 4})->fast_open.kind, Kind::foreign);
  const Buffer cookie = {1, 1, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(parse_tcp_options(cookie)->fast_open, (FastOpen{Kind::cookie, 0x0102030405060708}));
  EXPECT_EQ(parse_tcp_options(Buffer{1, 1, 1, 1})->fast_open.kind, Kind::absent);
  EXPECT_FALSE(parse_tcp_options(Buffer{34, 10, 1, 2, 3, 4, 5, 6}));
  for (const bool timestamps : {false, true}) {
    TcpOptions options;
    options.mss = 1460;
    options.fast_open = {Kind::cookie, 0x8091a2b3c4d5e6f7};
    if (timestamps) options.timestamps = TcpTimestamps{0xfedcba98, 0x76543210};
    Buffer out(kMaxWrittenTcpOptions);
    PartialSum sum = 0;
    out.resize(write_tcp_options(options, out.data(), sum));
    EXPECT_EQ(out.size(), written_length(options));
    EXPECT_EQ(out.size(), timestamps ? 24u : 16u);
    EXPECT_EQ(fold(sum), fold(sum_bytes(out)));
    const auto back = parse_tcp_options(out);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->fast_open, options.fast_open);
    EXPECT_EQ(back->timestamps, options.timestamps);
    EXPECT_EQ(back->mss, 1460);
  }
}

using Blocks = std::vector<SackBlocks::Block>;

Buffer sack_option(std::size_t blocks, std::uint8_t length) {
  Buffer option = {1, 1, 5, length};
  for (std::uint8_t i = 0; i < blocks * 8; ++i) option.push_back(i);
  return option;
}
Blocks blocks_of(const TcpOptions& options) {
  return {options.sack.view().begin(), options.sack.view().end()};
}

TEST(TcpOptions, SackBlocks) {
  const Buffer ack = {1,    1,    8,    10,   1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 5, 18,
                      0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 9, 0, 0, 1, 0, 0, 0, 2, 0};
  const auto found = parse_tcp_options(ack);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->timestamps, (TcpTimestamps{0x01020304, 0x05060708}));
  EXPECT_EQ(blocks_of(*found), (Blocks{{0xfffffff0, 9}, {0x100, 0x200}}));
  EXPECT_FALSE(found->sack_permitted);
  EXPECT_TRUE(blocks_of(*parse_tcp_options(Buffer{1, 1, 1, 1})).empty());
}

TEST(TcpOptions, SackBlocksAtMostFour) {
  for (std::size_t blocks = 1; blocks <= 4; ++blocks) {
    const Buffer option = sack_option(blocks, static_cast<std::uint8_t>(2 + 8 * blocks));
    on_exact_heap(option, [&](Bytes exact) {
      const auto found = parse_tcp_options(exact);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->sack.count, blocks);
      EXPECT_EQ(found->sack.blocks[blocks - 1].begin >> 24, 8 * (blocks - 1));
    });
  }
  // A header has no room for more, but a span may.
  EXPECT_EQ(parse_tcp_options(sack_option(5, 42))->sack.count, SackBlocks::kMost);
  // Of two such options the last one counts.
  Buffer twice = sack_option(3, 26);
  twice.insert(twice.end(), {5, 10, 0, 0, 0, 1, 0, 0, 0, 2});
  EXPECT_EQ(blocks_of(*parse_tcp_options(twice)), (Blocks{{1, 2}}));
}

TEST(TcpOptions, SackLengths) {
  for (unsigned length = 0; length <= 34; ++length) {
    const bool sound = length == 10 || length == 18 || length == 26 || length == 34;
    Buffer option = sack_option(4, static_cast<std::uint8_t>(length));
    option.resize(2 + std::max(length, 2u));  // behind two NOPs
    EXPECT_EQ(parse_tcp_options(option).has_value(), sound) << length;
  }
  EXPECT_FALSE(parse_tcp_options(sack_option(3, 34)));  // beyond the span
  EXPECT_FALSE(parse_tcp_options(Buffer{5}));
  EXPECT_TRUE(parse_tcp_options(Buffer{1, 1, 4, 2})->sack_permitted);
  EXPECT_FALSE(parse_tcp_options(Buffer{4, 3, 0, 0}));
  EXPECT_FALSE(parse_tcp_options(Buffer{4, 1, 0, 0}));
  EXPECT_FALSE(parse_tcp_options(Buffer{1, 1, 1, 4}));
}

TEST(TcpOptions, SackPermittedBesideAllOthers) {
  for (unsigned which = 0; which < 16; ++which) {
    TcpOptions options;
    if ((which & 1) != 0) options.mss = 1440;
    options.sack_permitted = (which & 2) != 0;
    if ((which & 4) != 0) options.timestamps = TcpTimestamps{0xfedcba98, 0x76543210};
    if ((which & 8) != 0) options.fast_open = {FastOpen::Kind::cookie, 0x8091a2b3c4d5e6f7};
    Buffer out(kMaxWrittenTcpOptions);
    PartialSum sum = 0;
    out.resize(write_tcp_options(options, out.data(), sum));
    EXPECT_EQ(out.size(), written_length(options)) << which;
    EXPECT_EQ(out.size() % 4, 0u) << which;
    EXPECT_EQ(fold(sum), fold(sum_bytes(out))) << which;
    const auto back = parse_tcp_options(out);
    ASSERT_TRUE(back) << which;
    EXPECT_EQ(back->mss, options.mss) << which;
    EXPECT_EQ(back->sack_permitted, options.sack_permitted) << which;
    EXPECT_EQ(back->timestamps, options.timestamps) << which;
    EXPECT_EQ(back->fast_open, options.fast_open) << which;
    EXPECT_EQ(back->sack.count, 0) << which;
  }
  // In the place of the padding where there are timestamps: a SYN-ACK is no longer for it.
  TcpOptions usual;
  usual.timestamps = TcpTimestamps{};
  const std::size_t without = written_length(usual);
  usual.sack_permitted = true;
  EXPECT_EQ(written_length(usual), without);
}

TEST(Walkers, NeverPassTheirSpan) {
  std::mt19937 random(3);
  const Buffer seeds = {0, 1, 2, 4, 5, 6, 8, 10, 18, 43, 44, 51, 58, 60, 131, 255};
  for (int round = 0; round < 200000; ++round) {
    Buffer bytes(random() % 72);
    for (auto& byte : bytes)
      byte = (random() & 1) != 0 ? seeds[random() % seeds.size()] : static_cast<std::uint8_t>(random());
    const auto next = seeds[random() % seeds.size()];
    on_exact_heap(bytes, [&](Bytes exact) {
      (void)parse_tcp_options(exact);
      (void)check_ipv4_options(exact);
      (void)walk_neighbor_options(exact);
      const ExtensionWalk walk = walk_extensions(next, exact);
      ASSERT_LE(walk.length, exact.size());
    });
  }
}

TEST(Ipv4Options, RoutesAndLengths) {
  EXPECT_EQ(check_ipv4_options(Buffer{1, 1, 7, 6, 4, 0, 0, 0, 0}), Ipv4Options::acceptable);
  EXPECT_EQ(check_ipv4_options(Buffer{1, 131, 3, 4}), Ipv4Options::source_routed);
  EXPECT_EQ(check_ipv4_options(Buffer{137}), Ipv4Options::source_routed);
  EXPECT_EQ(check_ipv4_options(Buffer{7, 9, 4, 0}), Ipv4Options::malformed);
  EXPECT_EQ(check_ipv4_options(Buffer{7, 1, 4, 0}), Ipv4Options::malformed);
  EXPECT_EQ(check_ipv4_options(Buffer{1, 1, 1, 7}), Ipv4Options::malformed);
}

using Kind = ExtensionWalk::Kind;
const Buffer kPadded = {17, 0, 1, 4, 0, 0, 0, 0};  // destination options, or hop by hop: PadN; then UDP

TEST(Extensions, Chains) {
  EXPECT_EQ(walk_extensions(17, Buffer{}).kind, Kind::upper_layer);
  EXPECT_EQ(walk_extensions(60, kPadded).length, 8u);
  EXPECT_EQ(walk_extensions(60, kPadded).protocol, 17);
  EXPECT_EQ(walk_extensions(59, Buffer{}).kind, Kind::none);
  Buffer hop_then_hop = {0, 0, 1, 4, 0, 0, 0, 0};
  hop_then_hop.insert(hop_then_hop.end(), kPadded.begin(), kPadded.end());
  EXPECT_EQ(walk_extensions(0, hop_then_hop).kind, Kind::refused);
  EXPECT_EQ(walk_extensions(51, Buffer{6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).kind, Kind::refused);
  EXPECT_EQ(walk_extensions(51, Buffer{6, 1, 0, 0, 0, 0, 0, 0}).kind, Kind::refused);
}

TEST(Extensions, FragmentsButNotAtomicOnes) {
  EXPECT_EQ(walk_extensions(44, Buffer{17, 0, 0, 0, 1, 2, 3, 4}).kind, Kind::upper_layer);
  EXPECT_EQ(walk_extensions(44, Buffer{17, 0, 0, 1, 1, 2, 3, 4}).kind, Kind::fragment);
  EXPECT_EQ(walk_extensions(44, Buffer{17, 0, 0, 8, 1, 2, 3, 4}).kind, Kind::fragment);
}

TEST(Extensions, RoutesAndUnknownOptions) {
  EXPECT_EQ(walk_extensions(43, Buffer{17, 0, 0, 0, 0, 0, 0, 0}).kind, Kind::upper_layer);
  EXPECT_EQ(walk_extensions(43, Buffer{17, 0, 0, 1, 0, 0, 0, 0}).kind, Kind::refused);
  EXPECT_EQ(walk_extensions(60, Buffer{17, 0, 0x1e, 4, 0, 0, 0, 0}).kind, Kind::upper_layer);  // 00: skip
  EXPECT_EQ(walk_extensions(60, Buffer{17, 0, 0x5e, 4, 0, 0, 0, 0}).kind, Kind::refused);      // 01: discard
  EXPECT_EQ(walk_extensions(60, Buffer{17, 0, 1, 5, 0, 0, 0, 0}).kind, Kind::refused);         // past the header
}

TEST(Extensions, TooMany) {
  Buffer chain;
  for (unsigned i = 0; i <= kMaxExtensions; ++i) chain.insert(chain.end(), {60, 0, 1, 4, 0, 0, 0, 0});
  EXPECT_EQ(walk_extensions(60, chain).kind, Kind::refused);
}

TEST(NeighborOptions, LengthsAndAddresses) {
  EXPECT_FALSE(walk_neighbor_options(Buffer{1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(walk_neighbor_options(Buffer{1, 2, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(walk_neighbor_options(Buffer{1}));
  const auto found = walk_neighbor_options(Buffer{14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 9, 8, 7, 6, 5, 4});
  ASSERT_TRUE(found && found->target_link && !found->source_link);
  EXPECT_EQ(*found->target_link, (MacAddress{{9, 8, 7, 6, 5, 4}}));
}

}  // namespace
}  // namespace gl::wire
