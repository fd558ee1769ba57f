#include "lib/services/http/answer_text.h"

namespace gl::http {
namespace {

struct StatusText {
  std::uint16_t status;
  std::string_view text;
};
constexpr auto kStatusTexts = std::to_array<StatusText>({
    {200, "200 OK"},
    {204, "204 No Content"},
    {206, "206 Partial Content"},
    {301, "301 Moved Permanently"},
    {304, "304 Not Modified"},
    {400, "400 Bad Request"},
    {404, "404 Not Found"},
    {405, "405 Method Not Allowed"},
    {412, "412 Precondition Failed"},
    {413, "413 Content Too Large"},
    {414, "414 URI Too Long"},
    {416, "416 Range Not Satisfiable"},
    {417, "417 Expectation Failed"},
    {421, "421 Misdirected Request"},
    {431, "431 Request Header Fields Too Large"},
    {501, "501 Not Implemented"},
    {502, "502 Bad Gateway"},
    {503, "503 Service Unavailable"},
    {504, "504 Gateway Timeout"},
    {505, "505 HTTP Version Not Supported"},
});

}  // namespace

std::string_view text_of(std::uint16_t status) noexcept {
  const auto found = std::ranges::find(kStatusTexts, status, &StatusText::status);
  return found == kStatusTexts.end() ? "500 Internal Server Error" : found->text;
}

Writer& Writer::encoded(std::string_view path) noexcept {
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    const std::array<char, 3> escape = {'%', kHex[byte >> 4], kHex[byte & 15]};
    put(plain ? std::string_view(&c, 1) : std::string_view(escape.data(), escape.size()));
  }
  return *this;
}

void begin_head(Writer& head, std::uint16_t status, const DateText& date, bool http10, bool close) noexcept {
  head.put("HTTP/1.1 ").put(text_of(status)).put("\r\n").field("Date", view(date));
  if (close) {
    head.field("Connection", "close");
  } else if (http10) {
    head.field("Connection", "keep-alive");
  }
}

void put_validators(Writer& head, const files::File& file, bool varies) noexcept {
  head.field("ETag", file.etag);
  if (varies) head.field("Vary", "Accept-Encoding");
}

}  // namespace gl::http
