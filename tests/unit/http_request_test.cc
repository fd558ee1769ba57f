// Requests cut out of a stream, paths, dates, and what a client's fields ask for.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "lib/services/http/date.h"
#include "lib/services/http/negotiate.h"
#include "lib/services/http/request.h"

namespace gl::http {
namespace {

Bytes bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
Parsed parse(std::string_view text) {
  return parse_request(bytes(text));
}

TEST(HttpRequest, IsCutOutWithAllThatCounts) {
  const std::string text =
      "GET /a%20b?x=1&y HTTP/1.1\r\nHost: example.test:8080\r\nACCEPT-encoding:\tgzip \r\nRange: bytes=1-2\r\n"
      "If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\nX: \r\n\r\n";
  const std::string stream = std::string(text) + "GET /next";
  const Parsed parsed = parse(stream);
  ASSERT_EQ(parsed.kind, Parsed::Kind::complete);
  EXPECT_EQ(parsed.length, text.size());
  const Request& r = parsed.request;
  EXPECT_EQ(r.method, Method::get);
  EXPECT_EQ(r.path, "/a%20b");
  EXPECT_EQ(r.query, "x=1&y");
  EXPECT_EQ(r.host, "example.test:8080");
  EXPECT_EQ(r.accept_encoding, "gzip");
  EXPECT_EQ(r.range, "bytes=1-2");
  EXPECT_EQ(r.if_none_match, "\"a\"");
  EXPECT_EQ(r.if_range.data(), nullptr);
  EXPECT_FALSE(r.close || r.has_body || r.http10);
}

// However it is cut, and whatever follows: the same end, the same verdict, and nothing before its last byte has come.
TEST(HttpRequest, EndsWhereItEnds) {
  for (const std::string_view text :
       {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "GET / HTTP/3.1\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n", "GET / HTTP/1.1\n", "GET / HTTP/1.1\r\nX: \x01", "G\x7f",
        "GET / HTTP/1.1\r\nHost: a\rb"}) {
    const Parsed whole = parse(text);
    ASSERT_NE(whole.kind, Parsed::Kind::incomplete) << text;
    EXPECT_EQ(whole.length, text.size()) << text;
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
      EXPECT_EQ(parse(text.substr(0, cut)).kind, Parsed::Kind::incomplete) << text << " cut at " << cut;
    }
    for (const char more : {'\0', '\n', '\r', 'G', ' '}) {
      const Parsed longer = parse(std::string(text) + more);
      EXPECT_EQ(longer.kind, whole.kind);
      EXPECT_EQ(longer.length, whole.length) << text;
      EXPECT_EQ(longer.status, whole.status);
    }
  }
}

TEST(HttpRequest, TooLongIsRefusedWhenSoMuchHasCome) {
  const std::string line = "GET /" + std::string(kMaxRequest, 'a');
  EXPECT_EQ(parse(line.substr(0, kMaxRequest - 1)).kind, Parsed::Kind::incomplete);
  const Parsed target = parse(line);
  EXPECT_EQ(target.status, 414);
  EXPECT_EQ(target.length, kMaxRequest);
  const Parsed fields = parse("GET / HTTP/1.1\r\nX: " + line);
  EXPECT_EQ(fields.status, 431);
  EXPECT_EQ(fields.length, kMaxRequest);
}

TEST(HttpPath, IsDecodedOnceAndNeverLeadsOut) {
  const auto decoded = [](std::string_view path) {
    std::array<char, kMaxTarget> room;
    return std::string(decode_path(path, room));
  };
  for (const auto& [given, wanted] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{"/", "/"},
                                                                            {"/a", "/a"},
                                                                            {"/a/", "/a/"},
                                                                            {"//a///b", "/a/b"},
                                                                            {"/a/./b/.", "/a/b/"},
                                                                            {"/a/../b", "/b"},
                                                                            {"/a/..", "/"},
                                                                            {"/a/b/..", "/a/"},
                                                                            {"/a/%2e%2E/b", "/b"},
                                                                            {"/a%2fb", "/a/b"},
                                                                            {"/%41%7E", "/A~"},
                                                                            {"/%2525", "/%25"},
                                                                            {"/...", "/..."},
                                                                            {"/..a", "/..a"},
                                                                            {"/..", ""},
                                                                            {"/a/../..", ""},
                                                                            {"/%2e%2e/a", ""},
                                                                            {"/%2e%2e%2fa", ""},
                                                                            {"/a%00", ""},
                                                                            {"/%", ""},
                                                                            {"/%4", ""},
                                                                            {"/%4g", ""},
                                                                            {"a", ""},
                                                                            {"", ""}}) {
    EXPECT_EQ(decoded(given), wanted) << given;
  }
}

TEST(HttpDate, ThreeFormsAndNoOther) {
  constexpr std::int64_t kTime = 784111777;
  for (const std::string_view form :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(parse_date(form), kTime) << form;
  }
  const DateText text = date_text(kTime);
  EXPECT_EQ(std::string_view(text.data(), text.size()), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const std::int64_t time : {std::int64_t{0}, std::int64_t{951782400}, std::int64_t{4102444799}}) {
    const DateText round = date_text(time);
    EXPECT_EQ(parse_date({round.data(), round.size()}), time);
  }
  for (const std::string_view other :
       {"", "Sun, 06 Nov 1994 08:49:37", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 06 Foo 1994 08:49:37 GMT"}) {
    EXPECT_EQ(parse_date(other), std::nullopt) << other;
  }
}

TEST(HttpRange, OnePartOrTheWhole) {
  using Kind = ByteRange::Kind;
  struct Case {
    std::string_view range;
    std::uint64_t size;
    Kind kind;
    std::uint64_t first;
    std::uint64_t length;
  };
  for (const Case& c : std::initializer_list<Case>{{"bytes=0-0", 10, Kind::part, 0, 1},
                                                   {"bytes=3-", 10, Kind::part, 3, 7},
                                                   {"bytes=3-100", 10, Kind::part, 3, 7},
                                                   {"bytes=-3", 10, Kind::part, 7, 3},
                                                   {"bytes=-30", 10, Kind::part, 0, 10},
                                                   {"bytes=9-18446744073709551616", 10, Kind::part, 9, 1},
                                                   {"bytes=10-", 10, Kind::unsatisfiable, 0, 0},
                                                   {"bytes=18446744073709551616-", 10, Kind::unsatisfiable, 0, 0},
                                                   {"bytes=-0", 10, Kind::unsatisfiable, 0, 0},
                                                   {"bytes=0-", 0, Kind::unsatisfiable, 0, 0},
                                                   {"bytes=-1", 0, Kind::unsatisfiable, 0, 0},
                                                   {"bytes=2-1", 10, Kind::all, 0, 0},
                                                   {"bytes=1-2,4-5", 10, Kind::all, 0, 0},
                                                   {"bytes", 10, Kind::all, 0, 0},
                                                   {"bytes=-", 10, Kind::all, 0, 0},
                                                   {"octets=1-2", 10, Kind::all, 0, 0},
                                                   {"", 10, Kind::all, 0, 0}}) {
    const ByteRange range = parse_range(c.range, c.size);
    EXPECT_EQ(range.kind, c.kind) << c.range;
    if (c.kind != Kind::part) continue;
    EXPECT_EQ(range.first, c.first) << c.range;
    EXPECT_EQ(range.length, c.length) << c.range;
  }
}

TEST(HttpCoding, WhatTheClientLikesBest) {
  files::File file;
  file.coded[0] = std::make_shared<files::File>();
  file.coded[1] = std::make_shared<files::File>();
  using files::Coding;
  EXPECT_EQ(choose_coding(file, "gzip"), Coding::gzip);
  EXPECT_EQ(choose_coding(file, "gzip, br"), Coding::brotli);
  EXPECT_EQ(choose_coding(file, "gzip, br;q=0.9"), Coding::gzip);
  EXPECT_EQ(choose_coding(file, "zstd"), std::nullopt) << "there is none";
  EXPECT_EQ(choose_coding(file, "*"), Coding::brotli);
  EXPECT_EQ(choose_coding(file, "*, br;q=0"), Coding::gzip);
  EXPECT_EQ(choose_coding(file, "gzip;q=0.000, br;q=0"), std::nullopt);
  EXPECT_EQ(choose_coding(file, "br;q=x"), std::nullopt);
  EXPECT_EQ(choose_coding(file, ""), std::nullopt);
  EXPECT_EQ(choose_coding(files::File{}, "gzip"), std::nullopt);
}

}  // namespace
}  // namespace gl::http
