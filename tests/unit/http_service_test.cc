// Answers of the HTTP service: read in pieces, asked for again, from other states of the files and at other times.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lib/services/http/http.h"

namespace gl::http {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kMorning = 1'800'000'000 - 1'800'000'000 % 1800;  // where a date begins

class HttpAnswers : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "gl-http-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = name;
    write("file", std::string(30000, 'a'));
    write("small", "small");
    store = std::make_unique<files::FileStore>(std::vector<files::Directory>{{root.string()}}, std::size_t{1} << 24,
                                               kLinger, [] {});
    ASSERT_TRUE(store->load(1000));
    service = std::make_unique<HttpService>(store->published(), shared, kLinger);
    port = &service->add_port({Site{}});
    at(kMorning + 600);
  }
  void TearDown() override { fs::remove_all(root); }

  void write(const std::string& path, const std::string& text) const {
    std::ofstream(root / path, std::ios::binary) << text;
  }
  void reload(std::uint64_t now) {
    ASSERT_TRUE(store->begin_reload());
    while (!store->finish_reload(now)) {
    }
    service->begin_burst(0);
  }
  void at(std::int64_t seconds) {
    shared.unix_time = seconds;
    service->begin_burst(0);
  }

  struct Given {
    Answer::Kind kind;
    std::string text;
    std::uint32_t identity;
    bool close;
  };
  Given ask(const std::string& request, const RequestContext& context = {}, std::size_t step = 1460) {
    const Bytes stream(reinterpret_cast<const std::uint8_t*>(request.data()), request.size());
    const Framed framed = port->next_request(stream, false);
    EXPECT_EQ(framed.kind, Framed::Kind::complete);
    const Answer answer = port->answer(framed.request, buffer, context);
    Given given{answer.kind, {}, answer.identity, answer.close_after};
    if (answer.kind != Answer::Kind::answered) return given;
    EXPECT_LE(answer.length, kMaxRenderedAnswer);
    given.text.resize(answer.length);
    if (answer.rendered) {
      std::copy_n(buffer.begin(), answer.length, given.text.begin());
      return given;
    }
    for (std::size_t offset = 0; offset < answer.length; offset += step) {
      const MutableBytes out(reinterpret_cast<std::uint8_t*>(given.text.data()) + offset,
                             std::min(step, answer.length - offset));
      EXPECT_EQ(port->read(answer, offset, out), out.size());
    }
    std::uint8_t none = 0;
    EXPECT_EQ(port->read(answer, answer.length, {&none, 1}), 0U);
    return given;
  }
  static std::string get(const std::string& path, const std::string& fields = "") {
    return "GET " + path + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
  }

  static constexpr std::uint32_t kLinger = 120;
  fs::path root;
  HttpService::Shared shared;
  std::unique_ptr<files::FileStore> store;
  std::unique_ptr<HttpService> service;
  HttpPort* port = nullptr;
  std::array<std::uint8_t, kMaxRenderedAnswer> buffer{};
};

TEST_F(HttpAnswers, TheSameHoweverTheyAreRead) {
  const Given whole = ask(get("/file"));
  EXPECT_TRUE(whole.text.starts_with("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_TRUE(whole.text.ends_with("\r\n\r\n" + std::string(30000, 'a')));
  for (const std::size_t step : {1u, 7u, 536u, 65535u}) EXPECT_EQ(ask(get("/file"), {}, step).text, whole.text);
}

TEST_F(HttpAnswers, GoOnWithTheStateInWhichTheyWereBegun) {
  const Given old = ask(get("/file"));
  const Given missing = ask(get("/later"));
  write("file", std::string(31000, 'b'));
  write("later", "later");
  reload(2000);
  const Given fresh = ask(get("/file"));
  EXPECT_NE(fresh.text, old.text);
  EXPECT_EQ(ask(get("/file"), {.continuation = true, .identity = old.identity}).text, old.text);
  EXPECT_EQ(ask(get("/file"), {.continuation = true, .identity = fresh.identity}).text, fresh.text);
  EXPECT_EQ(ask(get("/later"), {.continuation = true, .identity = missing.identity}).text, missing.text);
  // Where nobody knows which one was begun, none is given that another one could have been.
  EXPECT_EQ(ask(get("/file"), {.continuation = true}).kind, Answer::Kind::unrepeatable);
  EXPECT_EQ(ask(get("/small"), {.continuation = true}).kind, Answer::Kind::answered);
  store->tick(2000 + kLinger);
  service->begin_burst(0);
  EXPECT_EQ(ask(get("/file"), {.continuation = true}).text, fresh.text);
  EXPECT_EQ(ask(get("/file"), {.continuation = true, .identity = old.identity}).kind, Answer::Kind::unrepeatable);
}

TEST_F(HttpAnswers, TheDateStaysWithTheAnswer) {
  const Given before = ask(get("/file"));
  at(kMorning + 1800);
  const Given after = ask(get("/file"));
  EXPECT_NE(before.text, after.text);
  EXPECT_EQ(before.text.size(), after.text.size());
  EXPECT_EQ(ask(get("/file"), {.continuation = true, .identity = before.identity}).text, before.text);
  EXPECT_EQ(ask(get("/file"), {.continuation = true}).kind, Answer::Kind::unrepeatable) << "which date had it?";
  at(kMorning + 1800 + kLinger);
  EXPECT_EQ(ask(get("/file"), {.continuation = true}).text, after.text);
  at(kMorning + 3600 - 10);
  EXPECT_EQ(ask(get("/file"), {.continuation = true}).kind, Answer::Kind::unrepeatable) << "another node's clock";
}

// RFC 9110 section 8.8.2.1.
TEST_F(HttpAnswers, NoFileIsYoungerThanItsAnswer) {
  const auto field = [](const std::string& text, const std::string& name) {
    const std::size_t at = text.find("\r\n" + name + ": ") + name.size() + 4;
    return text.substr(at, kDateLength);
  };
  const std::string now = ask(get("/file")).text;
  EXPECT_LT(parse_date(field(now, "Last-Modified")), parse_date(field(now, "Date")));
  at(1'000'000'000);  // the files were written later
  const std::string early = ask(get("/file")).text;
  EXPECT_EQ(field(early, "Last-Modified"), field(early, "Date"));
}

// Who ran before may have had another file there, and the client holds the beginning of that one.
TEST_F(HttpAnswers, AfterAStartNothingIsGoneOnWith) {
  shared.unix_time = kMorning + 600;
  service = std::make_unique<HttpService>(store->published(), shared, kLinger);
  port = &service->add_port({Site{}});
  at(kMorning + 600 + kLinger - 1);
  EXPECT_EQ(ask(get("/file"), {.continuation = true}).kind, Answer::Kind::unrepeatable);
  EXPECT_EQ(ask(get("/file")).kind, Answer::Kind::answered);
  at(kMorning + 600 + kLinger);
  EXPECT_EQ(ask(get("/file"), {.continuation = true}).kind, Answer::Kind::answered);
}

TEST_F(HttpAnswers, HealthIsOverWhenTheEndIsNear) {
  port = &service->add_port({Site{.host = "", .root = 0, .health = "/health"}});
  const Given well = ask(get("/health"));
  EXPECT_TRUE(well.text.starts_with("HTTP/1.1 200 OK\r\n"));
  shared.draining = true;
  const Given ill = ask(get("/health"));
  EXPECT_TRUE(ill.text.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_TRUE(ask(get("/small")).text.starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(ask(get("/health"), {.continuation = true, .identity = ill.identity}).text, ill.text);
  EXPECT_EQ(ask(get("/health"), {.continuation = true, .identity = well.identity}).kind, Answer::Kind::unrepeatable);
  EXPECT_EQ(ask(get("/health"), {.continuation = true}).kind, Answer::Kind::unrepeatable);
}

TEST_F(HttpAnswers, CloseWhereTheClientOrTheRequestDoes) {
  EXPECT_FALSE(ask(get("/small")).close);
  EXPECT_TRUE(ask(get("/small", "Connection: close\r\n")).close);
  EXPECT_TRUE(ask("GET /small HTTP/1.0\r\n\r\n").close);
  EXPECT_FALSE(ask("GET /small HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").close);
  EXPECT_TRUE(ask("GET /small\r\n").close);
}

// Of a long answer no more is kept than its handle and identity, and its head is written anew each time.
TEST_F(HttpAnswers, LongOnesAreTheSameForAsLongAsTheyAreKept) {
  write("long", std::string(300'000, 'c'));
  reload(2000);
  const std::string request = get("/long", "Range: bytes=1000-\r\n");
  const Bytes stream(reinterpret_cast<const std::uint8_t*>(request.data()), request.size());
  EXPECT_LE(port->answer(stream, buffer, {}).length, kMaxRenderedAnswer);
  const Answer answer = port->answer(stream, buffer, {.any_length = true});
  ASSERT_GT(answer.length, 299'000U);
  EXPECT_TRUE(answer.close_after);
  const auto read = [&](std::size_t step) {
    std::string text(answer.length, ' ');
    std::size_t done = 0;
    for (; done < text.size(); done += step) {
      const MutableBytes out(reinterpret_cast<std::uint8_t*>(text.data()) + done, std::min(step, text.size() - done));
      if (port->read(answer, done, out) != out.size()) break;
    }
    return done < text.size() ? "cut short" : text;
  };
  const std::string whole = read(answer.length);
  EXPECT_TRUE(whole.starts_with("HTTP/1.1 206 Partial Content\r\nDate: "));
  EXPECT_NE(whole.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(whole.find("\r\nContent-Range: bytes 1000-299999/300000\r\n"), std::string::npos);
  EXPECT_TRUE(whole.ends_with("\r\n\r\n" + std::string(299'000, 'c')));
  for (const std::size_t step : {13u, 1448u, 100'000u}) EXPECT_EQ(read(step), whole) << step;
  at(kMorning + 1800);  // another date
  EXPECT_EQ(read(1448), whole);
  write("long", std::string(300'000, 'd'));
  reload(3000);
  EXPECT_TRUE(port->still_has(answer));
  EXPECT_EQ(read(1448), whole);
  store->tick(3000 + kLinger);
  service->begin_burst(0);
  EXPECT_FALSE(port->still_has(answer));
  EXPECT_EQ(read(1448), "cut short");
}

TEST(AccessQueue, TellsOnceAndCountsWhatItHasNoRoomFor) {
  const auto queue = std::make_unique<AccessQueue>(1);
  const std::array<std::uint8_t, 12> flow = {192, 0, 2, 1};
  const std::array<std::uint8_t, 4> request = {'G', '"', '\r', 'x'};
  unsigned refused = 0;
  for (std::uint32_t n = 0; n < 5000; ++n) {
    refused += queue->note(request, flow, n, 0, 200, n) ? 0u : 1u;
    refused += queue->note(request, flow, n, 0, 200, n) ? 0u : 1u;
  }
  EXPECT_EQ(refused, 5000U - 4096U);
  AccessLine line;
  ASSERT_TRUE(queue->pop(line));
  EXPECT_EQ(access_text(line), "192.0.2.1 - - [01/Jan/1970:00:00:00 +0000] \"G\\x22\" 200 0");
  unsigned lines = 1;
  while (queue->pop(line)) ++lines;
  EXPECT_EQ(lines, 4096U);
}

}  // namespace
}  // namespace gl::http
