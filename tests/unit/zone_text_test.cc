// Zone files that have to mean what they say: what RFC 1035 and the types' own RFCs allow is taken, every number beyond
// its field and every text that does not end is refused, with file, line and reason.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "app/zone/reader.h"
#include "lib/base/descriptor.h"
#include "lib/base/endian.h"

namespace gl::zone {
namespace {

constexpr char kHead[] = "$ORIGIN x.test.\n$TTL 3600\n@ SOA ns hm 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\n";

class ZoneText : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/goldilocks-zone-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }
  Result<Records> read(const std::string& text, const std::string& origin = "") {
    const std::string path = write("zone", text);
    const Descriptor file(open(path.c_str(), O_RDONLY));
    return zone_program::read_zone(file.get(), path, origin);
  }
  // The data of the last record, in hexadecimal digits.
  std::string last(const std::string& line) {
    const Result<Records> file = read(kHead + line + "\n");
    if (!file) return file.error();
    std::string hex;
    for (const std::uint8_t byte : as_bytes((*file)[file->size() - 1].data())) {
      char digits[3];
      std::snprintf(digits, sizeof digits, "%02x", byte);
      hex += digits;
    }
    return hex;
  }
  std::string error(const std::string& text, const std::string& origin = "") {
    const Result<Records> file = read(text, origin);
    if (file) return "taken";
    const std::string& said = file.error();
    EXPECT_TRUE(said.starts_with(folder_ + "/zone:")) << said;
    EXPECT_EQ(said.find('\n'), std::string::npos);
    return said.substr(folder_.size() + 6);
  }
  std::string folder_;
};

TEST_F(ZoneText, WhatIsAllowedIsTaken) {
  EXPECT_EQ(last("t CAA 0 issue letsencrypt.org"), "000569737375656c657473656e63727970742e6f7267");  // RFC 8659
  EXPECT_EQ(last("t IN 300 A 192.0.2.9"), "c0000209");
  EXPECT_EQ(last("t 300 IN A 192.0.2.9"), "c0000209");
  EXPECT_EQ(last("t 1h30m A 192.0.2.9"), "c0000209");
  EXPECT_EQ(last("t A \\# 4 c0000209"), "c0000209");  // RFC 3597
  EXPECT_EQ(last("t TYPE65280 \\# 2 abcd"), "abcd");
  EXPECT_EQ(last("t MX 10 t.x.test."),
            "000a017401780474657374"
            "00");
  EXPECT_EQ(last("t TXT ( \"a\"\n  \"b\" ) ; c"), "01610162");
  // RFC 4025 section 3.1: the gateway is a name like any other.
  EXPECT_TRUE(last("t IPSECKEY 10 3 2 mygw AQNRU3mG")
                  .starts_with("0a0302046d79677701780474657374"
                               "00"));
  // RFC 9460 appendix A.1.
  EXPECT_EQ(last("t SVCB 16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""),
            "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832");
}

TEST_F(ZoneText, DirectivesInAnyCaseAndRelative) {
  const auto file =
      read("$origin test.\n$ttl 10\nx SOA ns hm 1 2 3 4 5\n$Origin x\n@ NS ns\n$ORIGIN y\nns A 192.0.2.1\n");
  ASSERT_TRUE(file.ok()) << file.error();
  EXPECT_EQ(to_text((*file)[1].owner()), "x.test.");
  EXPECT_EQ(to_text((*file)[2].owner()), "ns.y.x.test.");
  EXPECT_EQ((*file)[2].ttl, 10u);
  EXPECT_EQ((*file)[2].line, 7u);
}

TEST_F(ZoneText, TheLastStatedTtl) {
  const auto file =
      read("@ 7200 SOA ns hm 1 2 3 4 5\n@ NS ns\nns 60 A 192.0.2.1\nb A 192.0.2.2\n$TTL 5\nc A 192.0.2.3\n", "x.test");
  ASSERT_TRUE(file.ok()) << file.error();
  const std::uint32_t ttls[] = {7200, 7200, 60, 60, 5};
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ((*file)[i].ttl, ttls[i]) << i;
}

TEST_F(ZoneText, BeyondItsFieldIsRefused) {
  const struct {
    const char* line;
    const char* reason;
  } cases[] = {
      {"t MX 65536 ns", "6: number is bigger than 16 bits"},
      {"t SRV 1 65536 1 ns", "6: number is bigger than 16 bits"},
      {"t SVCB 1 . port=99999", "6: number is bigger than 16 bits"},
      {"t SVCB 1 . key123=abc key123=def", "6: duplicate parameter name"},
      {"t SVCB 1 . mandatory=mandatory", "6: "},
      {"t SVCB 1 . ipv4hint=", "6: "},
      {"t DS 1 5 1 2BB18", "6: "},
      {"t DS 256 256 1 2BB1", "6: number is bigger than 8 bits"},
      {"t DNSKEY 65536 3 8 AQ==", "6: number is bigger than 16 bits"},
      {"t CAA 256 issue a", "6: number is bigger than 8 bits"},
      {"t NAPTR 1 65536 a b c .", "6: number is bigger than 16 bits"},
      {"t TXT \"ab", "6: a character that no text may have, or a quotation"},
      {"t TXT ( \"a\"", "6: a parenthesis opens here, and is never closed"},
      {"t 4294967296 A 192.0.2.1", "6: "},
      {"t 2147483648 A 192.0.2.1", "6: TTL is above 2147483647"},
      {"t A 192.0.2.256", "6: invalid IPv4 address"},
      {"t A \\# 3 c00002", "6: "},
      {"t MX \\# 2 000a", "6: "},
      {"$TTL 10 20", "6: unexpected data"},
      {"$ORIGIN", "6: "},
      {"t A", "6: "},
      {"t.. A 192.0.2.1", "6: "},
  };
  for (const auto& c : cases) {
    const std::string said = error(std::string(kHead) + c.line + "\n");
    EXPECT_TRUE(said.starts_with(c.reason)) << c.line << ": " << said;
  }
  EXPECT_TRUE(error("$ORIGIN x.test.\n@ 60 SOA ns hm 20260101000001 3600 600 86400 60\n")
                  .starts_with("2: number is bigger than 32 bits"));
  EXPECT_TRUE(error("$ORIGIN x.test.\n@ 60 SOA ns hm 1 -1 600 86400 60\n").starts_with("2: "));
}

TEST_F(ZoneText, RelativeNamesNeedAnOrigin) {
  const std::string text = "@ 60 SOA ns hm 1 2 3 4 5\n@ NS ns\n";
  EXPECT_EQ(error(text), "1: a relative name, and no origin: $ORIGIN, or --zone ORIGIN=FILE");
  EXPECT_EQ(error(text, "x.test"), "taken");
  EXPECT_EQ(error("x.test. 60 SOA ns.x.test. hm 1 2 3 4 5\n"),
            "1: a relative name, and no origin: $ORIGIN, or --zone ORIGIN=FILE");
  EXPECT_EQ(error("$ORIGIN x\n@ 60 SOA a. b. 1 2 3 4 5\n"),
            "2: a relative name, and no origin: $ORIGIN, or --zone ORIGIN=FILE");
}

TEST_F(ZoneText, IncludedFiles) {
  write("sub/more", "i A 192.0.2.9\n$ORIGIN deep\nj A 192.0.2.10\n$INCLUDE third\n");
  write("sub/third", "k A 192.0.2.11\n");
  const auto file = read(std::string(kHead) + "$INCLUDE sub/more z\nlater A 192.0.2.12\n");
  ASSERT_TRUE(file.ok()) << file.error();
  ASSERT_EQ(file->size(), 7u);
  EXPECT_EQ(to_text((*file)[3].owner()), "i.z.x.test.");
  EXPECT_EQ(to_text((*file)[4].owner()), "j.deep.z.x.test.");
  EXPECT_EQ(to_text((*file)[5].owner()), "k.deep.z.x.test.");
  EXPECT_EQ(to_text((*file)[6].owner()), "later.x.test.");
  EXPECT_EQ((*file)[5].line, 6u) << "where it is included";
  EXPECT_EQ((*file)[6].line, 7u);
  EXPECT_EQ((*file)[3].ttl, 3600u);

  write("sub/broken", "i A 192.0.2.9\nj MX 70000 i\n");
  EXPECT_EQ(error(std::string(kHead) + "$INCLUDE sub/broken\n"),
            "6: " + folder_ + "/sub/broken:2: number is bigger than 16 bits");
  EXPECT_EQ(error(std::string(kHead) + "$INCLUDE ../zone\n"), "6: $INCLUDE ../zone: No such file or directory");
  EXPECT_EQ(error(std::string(kHead) + "$INCLUDE ../../etc/passwd\n"),
            "6: $INCLUDE ../../etc/passwd: only files in the zone's folder");
  ASSERT_EQ(symlink("/etc/passwd", (folder_ + "/link").c_str()), 0);
  EXPECT_EQ(error(std::string(kHead) + "$INCLUDE link\n"), "6: $INCLUDE link: only files in the zone's folder");
  EXPECT_NE(error(std::string(kHead) + "$INCLUDE zone\n").find("more than 8 files deep"), std::string::npos);
}

TEST_F(ZoneText, GeneratedRecords) {
  const auto file = read(std::string(kHead) +
                         "$GENERATE 1-3 h$ A 192.0.2.$\n"
                         "$GENERATE 0-4/2 ${1,3,d}.r 60 IN TXT \"v${16,4,x}$$\"\n"
                         "$GENERATE 18-18 ${0,3,n} PTR a${-8}\n"
                         "after A 192.0.2.200\n"
                         "bad MX 70000 a\n");
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.error().find(":10: number is bigger"), std::string::npos) << file.error();
  const auto good = read(std::string(kHead) +
                         "$GENERATE 1-3 h$ A 192.0.2.$\n"
                         "$GENERATE 0-4/2 ${1,3,d}.r 60 IN TXT \"v${16,4,x}$$\"\n"
                         "$GENERATE 18-18 ${0,3,n} PTR a${-8}\n"
                         "after A 192.0.2.200\n");
  ASSERT_TRUE(good.ok()) << good.error();
  ASSERT_EQ(good->size(), 3u + 3 + 3 + 1 + 1);
  EXPECT_EQ(to_text((*good)[5].owner()), "h3.x.test.");
  EXPECT_EQ(as_bytes((*good)[5].data())[3], 3);
  EXPECT_EQ((*good)[5].line, 6u);
  EXPECT_EQ(to_text((*good)[7].owner()), "003.r.x.test.");
  EXPECT_EQ((*good)[7].data(), std::string("\6v0012$", 7));
  EXPECT_EQ((*good)[7].ttl, 60u);
  EXPECT_EQ(to_text((*good)[9].owner()), "2.1.x.test.");
  EXPECT_EQ(to_text((*good)[9].name(0)), "a10.x.test.");
  EXPECT_EQ((*good)[10].line, 9u);
  for (const char* const wrong : {"$GENERATE 3-1 a$ A 192.0.2.1", "$GENERATE 1-2 a$", "$GENERATE 1 a$ A 192.0.2.1",
                                  "$GENERATE 1-2/0 a$ A 192.0.2.1", "$GENERATE 0-1048576 a$ A 192.0.2.1",
                                  "$GENERATE 1-2 a${0,3,q} A 192.0.2.1", "$GENERATE 1-2 a${-3} A 192.0.2.1"}) {
    EXPECT_TRUE(error(std::string(kHead) + wrong + "\n").starts_with("6: $GENERATE")) << wrong;
  }
}

}  // namespace
}  // namespace gl::zone
