// Requests for a server behind: what is asked, once, what is kept of its answers, who waits; and the messages.
#include <gtest/gtest.h>

#include <string>

#include "lib/services/http/gateway.h"
#include "lib/services/http/origin_message.h"

namespace gl::http {
namespace {

using Kind = Gateway::Result::Kind;

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class GatewayTest : public testing::Test {
 protected:
  Gateway::Result ask(const std::string& request, std::uint32_t position = 1, bool continuation = false,
                      bool waits = true) {
    return gateway.ask(bytes_of(request), 0,
                       {.continuation = continuation, .flow = bytes_of(flow), .position = position}, waits);
  }
  // As the client of the main core does it.
  void serve(const std::string& head, const std::string& body) {
    GatewayJob* const job = gateway.jobs()->next();
    ASSERT_NE(job, nullptr);
    job->end = GatewayJob::End::answered;
    job->status = 200;
    job->head_length = static_cast<std::uint32_t>(head.copy(job->head.data(), head.size()));
    job->body_length = static_cast<std::uint32_t>(body.size());
    std::copy(body.begin(), body.end(), job->body.get());
    gateway.jobs()->done(job);
  }
  std::string read(const Gateway::Reply& reply, std::size_t step) {
    std::string text(reply.length, '?');
    for (std::size_t at = 0; at < text.size(); at += step) {
      const MutableBytes out(reinterpret_cast<std::uint8_t*>(text.data()) + at, std::min(step, text.size() - at));
      EXPECT_EQ(gateway.read(reply.at, at, out), out.size());
    }
    return text;
  }

  Gateway gateway{std::size_t{1} << 20, 1};
  std::string flow = "client--PPss";
};

TEST_F(GatewayTest, IsAskedOnceAndRemembers) {
  const Gateway::Result first = ask("GET / HTTP/1.1\r\n\r\n");
  ASSERT_EQ(first.kind, Kind::pending);
  EXPECT_TRUE(first.ticket.valid());
  EXPECT_EQ(first.ticket.keeper, &gateway);
  EXPECT_EQ(ask("GET / HTTP/1.1\r\n\r\n").ticket.slot, first.ticket.slot);
  serve("head ", "body");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\n\r\n").kind, Kind::pending) << "not before its turn";
  gateway.tick(1000);
  for (const bool continuation : {false, true}) {
    const Gateway::Result again = ask("GET / HTTP/1.1\r\n\r\n", 1, continuation);
    ASSERT_EQ(again.kind, Kind::answered);
    EXPECT_EQ(again.reply.status, 200);
    EXPECT_EQ(again.reply.body, 4U);
    for (const std::size_t step : {1U, 3U, 100U}) EXPECT_EQ(read(again.reply, step), "head body");
  }
  EXPECT_EQ(gateway.jobs()->next(), nullptr);
}

TEST_F(GatewayTest, TellsRequestsApart) {
  (void)ask("GET / HTTP/1.1\r\n\r\n");
  serve("", "one");
  gateway.tick(1000);
  EXPECT_EQ(ask("GET / HTTP/1.1\r\n\r\n", 2).kind, Kind::pending) << "another position";
  EXPECT_EQ(ask("GET /x HTTP/1.1\r\n\r\n").kind, Kind::pending) << "a port used again";
  flow = "client--QQss";
  EXPECT_EQ(ask("GET / HTTP/1.1\r\n\r\n").kind, Kind::pending) << "another client";
  EXPECT_EQ(ask("GET / HTTP/1.1\r\n\r\n", 1, true).kind, Kind::unrepeatable);
}

TEST_F(GatewayTest, ForgottenAnswersAreUnrepeatable) {
  (void)ask("GET / HTTP/1.1\r\n\r\n");
  serve("", "first");
  gateway.tick(1000);
  const Gateway::Result kept = ask("GET / HTTP/1.1\r\n\r\n");
  const std::string large(60000, 'x');
  for (std::uint32_t n = 2; n < 22; ++n) {
    (void)ask("GET / HTTP/1.1\r\n\r\n", n);
    serve("", large);
    gateway.tick(1000 * n);
  }
  EXPECT_EQ(ask("GET / HTTP/1.1\r\n\r\n", 1, true).kind, Kind::unrepeatable);
  std::uint8_t byte = 0;
  EXPECT_EQ(gateway.read(kept.reply.at, 0, {&byte, 1}), 0U);
}

TEST_F(GatewayTest, FramesWaitAndAreReady) {
  const Gateway::Result result = ask("GET / HTTP/1.1\r\n\r\n");
  const std::string frame = "frame";
  const std::string longer = "frame and more";
  EXPECT_FALSE(gateway.has_waiting(bytes_of(flow)));
  EXPECT_EQ(gateway.suspend({.frame = bytes_of(frame)}, result.ticket), Suspender::Suspend::suspended);
  EXPECT_TRUE(gateway.has_waiting(bytes_of(flow)));
  EXPECT_EQ(gateway.suspend({.frame = bytes_of(longer), .port = 3}, ask("GET / HTTP/1.1\r\n\r\n").ticket),
            Suspender::Suspend::repeated);
  EXPECT_EQ(gateway.resume(), nullptr);
  serve("", "x");
  gateway.tick(1000);
  const Suspended* const resumed = gateway.resume();
  ASSERT_NE(resumed, nullptr);
  EXPECT_EQ(resumed->frame.size(), longer.size()) << "the newer one";
  gateway.release();
  EXPECT_EQ(gateway.resume(), nullptr);
  // Answered between the ticket and the frame.
  EXPECT_EQ(gateway.suspend({.frame = bytes_of(frame)}, result.ticket), Suspender::Suspend::suspended);
  EXPECT_NE(gateway.resume(), nullptr);
  gateway.release();
}

TEST_F(GatewayTest, MoreThanThereAreJobsComeAgain) {
  // A connection has a few of them, and no more.
  for (std::uint32_t n = 0; n < GatewayJobs::kJobs; ++n) {
    flow[0] = static_cast<char>(n / 8);
    EXPECT_TRUE(ask("GET / HTTP/1.1\r\n\r\n", n, false, false).ticket.valid()) << n;
    if (n == 7) {
      EXPECT_FALSE(ask("GET / HTTP/1.1\r\n\r\n", 999, false, false).ticket.valid());
    }
  }
  flow[0] = 'x';
  EXPECT_FALSE(ask("GET / HTTP/1.1\r\n\r\n", 9999).ticket.valid());
  serve("", "x");
  gateway.tick(1000);
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\n\r\n", 9999).ticket.valid());
}

std::string names(const Fields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text.append(name).append("=").append(value).append(";");
  return text;
}

TEST(OriginMessage, FieldsOfARequest) {
  const std::string request =
      "\r\nGET / HTTP/1.1\r\nHost: a\r\nAccept:  x \r\nConnection: close, X-Hop\r\nx-hop: 1\r\nTE: trailers\r\n"
      "Content-Length: 0\r\nExpect: 100-continue\r\nUpgrade: h2c\r\nCookie: c\r\nEmpty:\r\n\r\n";
  EXPECT_EQ(names(fields_to_ask_with(bytes_of(request), "192.0.2.1")),
            "Accept=x;Cookie=c;Empty=;X-Forwarded-For=192.0.2.1;Via=1.1 goldilocks;");
  const std::string behind =
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: a\r\nx-forwarded-for: b\r\nVia: 1.0 x\r\n\r\n";
  EXPECT_EQ(names(fields_to_ask_with(bytes_of(behind), "::1")),
            "Via=1.0 x;X-Forwarded-For=a, b, ::1;Via=1.1 goldilocks;");
}

std::optional<ResponseHead> head_of(std::initializer_list<std::string_view> lines) {
  ResponseHead head;
  for (const std::string_view line : lines) {
    if (!head.take(std::string(line).append("\r\n"))) return std::nullopt;
  }
  return head;
}
Request request_of(Method method, bool http10 = false) {
  Request request;
  request.method = method;
  request.http10 = http10;
  return request;
}
std::string rendered(const ResponseHead& head, Request request, std::size_t body = 5) {
  return head.render(request, body, 784111777);
}

TEST(OriginMessage, HeadOfAResponse) {
  Request get = request_of(Method::get);
  const auto head = head_of({"HTTP/1.1 200 Fine", "Connection: x-a", "X-A: 1", "X-B: 2", "Content-Length: 77", ""});
  ASSERT_TRUE(head && head->complete());
  EXPECT_EQ(rendered(*head, get),
            "HTTP/1.1 200 Fine\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\nX-B: 2\r\n\r\n");
  get.close = true;
  EXPECT_NE(rendered(*head, get).find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_NE(rendered(*head, request_of(Method::head), 0).find("\r\nContent-Length: 77\r\n"), std::string::npos);
  const auto none = head_of({"HTTP/1.1 204 No Content", "Date: x", "Content-Length: 3", ""});
  EXPECT_EQ(rendered(*none, request_of(Method::get), 0), "HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n");
  const auto later = head_of({"HTTP/1.1 100 Continue", "X-A: 1", "", "HTTP/1.0 404", "Date: x", ""});
  ASSERT_TRUE(later && later->complete());
  EXPECT_EQ(rendered(*later, request_of(Method::get, true)),
            "HTTP/1.1 404 \r\nConnection: keep-alive\r\nContent-Length: 5\r\nDate: x\r\n\r\n");
}

TEST(OriginMessage, WhoseEndIsADoubt) {
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "Content-Length: 5", "Content-Length: 10"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "Content-Length: 5x"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "Content-Length: -5"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "Content-Length: 99999999999999999999"}));
  EXPECT_FALSE(head_of({"HTTP/1.0 200 OK", "Transfer-Encoding: chunked"}));
  EXPECT_TRUE(head_of({"HTTP/1.1 200 OK", "Content-Length: 5", "content-length: 5", ""}));
}

TEST(OriginMessage, WhatIsNoHead) {
  EXPECT_FALSE(head_of({"HTTP/2 200 OK"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 20 OK"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 2000 OK"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 600 OK"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 O\x01K"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "no colon"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", " folded: x"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "X : y"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "X: a\x7f"}));
  EXPECT_FALSE(head_of({"HTTP/1.1 101 Switching", ""}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "X: " + std::string(ResponseHead::kMaxBytes, 'a')}));
  EXPECT_FALSE(head_of({"HTTP/1.1 200 OK", "", "X: y"}));
}

}  // namespace
}  // namespace gl::http
