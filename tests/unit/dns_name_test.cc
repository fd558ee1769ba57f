#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "lib/dns/name.h"

namespace {

using namespace gl;
using namespace gl::dns;
using Wire = std::vector<std::uint8_t>;

Wire wire(const std::vector<std::string>& labels) {
  Wire out;
  for (const std::string& label : labels) {
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
  }
  out.push_back(0);
  return out;
}

Name name(const std::vector<std::string>& labels) {
  Name n;
  EXPECT_TRUE(n.parse(wire(labels)));
  return n;
}

TEST(LowerCase, EveryByteAtEveryPlace) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const unsigned expected = byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
    for (unsigned place = 0; place < 64; place += 8) {
      // Neighbours of every kind: a carry from one byte must not reach the next.
      for (const std::uint64_t others : {0ULL, ~0ULL, 0x4141414141414141ULL, 0x5a5a5a5a5a5a5a5aULL}) {
        const std::uint64_t v = (others & ~(0xffULL << place)) | (std::uint64_t{byte} << place);
        EXPECT_EQ((lower_case(v) >> place) & 0xff, expected);
      }
    }
  }
}

// Whatever follows a name in its message, or nothing at all, does not become part of it.
TEST(NameTest, WhatFollowsIsNotRead) {
  for (std::size_t length = 1; length <= 40; ++length) {
    const Wire alone = wire({std::string(length, 'A'), "Example"});
    Name expected;
    ASSERT_TRUE(expected.parse(alone));
    const std::string lower = std::string(length, 'a');
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(expected.bytes.data()) + 1, length), lower);
    for (std::size_t more = 1; more <= 24; ++more) {
      Wire message = alone;
      message.resize(alone.size() + more, 'Z');
      Name found;
      ASSERT_TRUE(found.parse(message));
      ASSERT_EQ(found.length, expected.length);
      // The zeros behind it too: the hash reads them.
      const std::size_t words = (expected.length / 8u + 2u) * 8u;
      EXPECT_TRUE(std::equal(found.bytes.begin(), found.bytes.begin() + static_cast<std::ptrdiff_t>(words),
                             expected.bytes.begin()))
          << length << " and " << more;
    }
  }
}

TEST(LowerCase, CopiesEveryLengthAndNoMore) {
  const std::string from = "ABCdefGHIjklMNOpqrSTUvwxYZ";
  for (std::size_t n = 0; n <= from.size(); ++n) {
    Wire to(n + 8, 0xee);
    copy_lower(to.data(), reinterpret_cast<const std::uint8_t*>(from.data()), n);
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(to[i], from[i] | 0x20);
    for (std::size_t i = n; i < to.size(); ++i) EXPECT_EQ(to[i], 0xee);
  }
}

TEST(NameParse, RootAndLabels) {
  Name n;
  const Wire root{0};
  ASSERT_TRUE(n.parse(root));
  EXPECT_EQ(n.length, 1);
  EXPECT_EQ(n.labels, 0);
  const Name www = name({"WWW", "Example", "com"});
  EXPECT_EQ(www.labels, 3);
  EXPECT_EQ(www.length, 17);
  EXPECT_EQ(std::string(www.bytes.begin(), www.bytes.begin() + 17), std::string("\3www\7example\3com\0", 17));
  EXPECT_EQ(www.suffix(1).size(), 5U);
  EXPECT_EQ(www.suffix(0).size(), 1U);
  EXPECT_EQ(www.suffix(3).size(), 17U);
}

TEST(NameParse, Limits) {
  const std::string l63(63, 'x');
  const Wire longest = wire({l63, l63, l63, std::string(61, 'x')});
  ASSERT_EQ(longest.size(), 255U);
  Name n;
  EXPECT_TRUE(n.parse(longest));
  EXPECT_EQ(name_length(longest), 255U);
  const Wire too_long = wire({l63, l63, l63, std::string(62, 'x')});
  EXPECT_FALSE(n.parse(too_long));
  EXPECT_EQ(name_length(too_long), 0U);
  const Wire deepest = wire(std::vector<std::string>(127, "a"));
  ASSERT_TRUE(n.parse(deepest));
  EXPECT_EQ(n.labels, 127);
  EXPECT_FALSE(n.parse(wire(std::vector<std::string>(128, "a"))));
}

TEST(NameParse, RefusesWhatIsNoName) {
  Name n;
  for (const Wire& bad : {Wire{}, Wire{1}, Wire{1, 'a'}, Wire{5, 'a', 0}, Wire{0xc0, 0x0c}, Wire{1, 'a', 0xc0, 0},
                          Wire{64, 'a', 0}, Wire{0x80, 0}, Wire(300, 63)}) {
    EXPECT_FALSE(n.parse(bad));
    EXPECT_EQ(name_length(bad), 0U);
  }
}

TEST(NameHash, SuffixesHashAlikeWhereverTheyStand) {
  const Name a = name({"a-long-first-label", "example", "com"});
  const Name b = name({"Example", "COM"});
  const auto hash = [](const Name& n, std::size_t labels) {
    std::uint64_t h = name_hash::root;
    for (std::size_t i = 1; i <= labels; ++i) h = name_hash::add_label(h, n.bytes.data() + n.label_at[n.labels - i]);
    return h;
  };
  EXPECT_EQ(hash(a, 2), hash(b, 2));
  EXPECT_NE(hash(a, 3), hash(a, 2));
  EXPECT_NE(hash(name({"ab", "c"}), 2), hash(name({"a", "bc"}), 2));
  EXPECT_NE(hash(name({std::string("a\0", 2)}), 1), hash(name({"a"}), 1));
}

// RFC 4034 6.1's own list.
TEST(CanonicalOrder, ExampleOfTheRfc) {
  const std::vector<Name> sorted{name({"example"}),
                                 name({"a", "example"}),
                                 name({"yljkjljk", "a", "example"}),
                                 name({"Z", "a", "example"}),
                                 name({"zABC", "a", "EXAMPLE"}),
                                 name({"z", "example"}),
                                 name({"\001", "z", "example"}),
                                 name({"*", "z", "example"}),
                                 name({"\200", "z", "example"})};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      const int order = compare_canonical(sorted[i], sorted[j]);
      EXPECT_EQ(order < 0, i < j) << i << ' ' << j;
      EXPECT_EQ(order == 0, i == j) << i << ' ' << j;
    }
  }
}

// The order key against a comparison written down from the RFC's words.
TEST(CanonicalOrder, KeyAgreesWithLabelByLabel) {
  std::mt19937 random(1);
  const auto make = [&] {
    std::vector<std::string> labels(random() % 4);
    for (std::string& l : labels) {
      l.resize(1 + random() % 3);
      for (char& c : l) c = static_cast<char>(random() % 4);
    }
    return labels;
  };
  for (int round = 0; round < 20000; ++round) {
    const auto a = make();
    const auto b = make();
    int expected = 0;
    for (std::size_t i = 1; expected == 0; ++i) {
      if (i > a.size() || i > b.size()) {
        expected = static_cast<int>(a.size()) - static_cast<int>(b.size());
        break;
      }
      expected = a[a.size() - i].compare(b[b.size() - i]);
    }
    const int order = compare_canonical(name(a), name(b));
    ASSERT_EQ(order < 0, expected < 0);
    ASSERT_EQ(order == 0, expected == 0);
  }
}

}  // namespace
