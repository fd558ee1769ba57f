#include "app/load/queries.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>

#include <ldns/ldns.h>

#include "lib/base/endian.h"
#include "lib/base/text.h"

namespace gl::load {
namespace {

struct FreeRdf {
  void operator()(ldns_rdf* rdf) const noexcept { ldns_rdf_deep_free(rdf); }
};

constexpr std::uint16_t kEdnsSize = 1232;

// The OPT record (RFC 6891 section 6.1.2) with the DO bit (RFC 3225).
std::size_t append_opt(std::uint8_t* at) {
  at[0] = 0;
  store_be<std::uint16_t>(at + 1, 41);
  store_be<std::uint16_t>(at + 3, kEdnsSize);
  store_be<std::uint32_t>(at + 5, 0x8000);
  store_be<std::uint16_t>(at + 9, 0);
  return 11;
}

Result<Query> render(const std::string& name, const std::string& type, bool dnssec) {
  const std::unique_ptr<ldns_rdf, FreeRdf> dname(ldns_dname_new_frm_str(name.c_str()));
  if (!dname) return Error{"'" + name + "' is no domain name"};
  const auto rr_type = ldns_get_rr_type_by_name(type.c_str());
  if (rr_type == 0) return Error{"'" + type + "' is no record type"};

  Query q;
  std::uint8_t* const message = q.stream + 2;
  store_be<std::uint16_t>(message + 4, 1);  // QDCOUNT
  store_be<std::uint16_t>(message + 10, dnssec ? 1 : 0);
  const std::size_t name_length = ldns_rdf_size(dname.get());
  std::memcpy(message + 12, ldns_rdf_data(dname.get()), name_length);
  store_be(message + 12 + name_length, static_cast<std::uint16_t>(rr_type));
  store_be<std::uint16_t>(message + 14 + name_length, 1);  // IN
  std::size_t length = 16 + name_length;
  q.question_length = static_cast<std::uint16_t>(name_length + 4);
  if (dnssec) length += append_opt(message + length);
  q.message_length = static_cast<std::uint16_t>(length);
  q.stream_length = static_cast<std::uint16_t>(length + 2);
  store_be(q.stream, q.message_length);
  q.datagram_sum = sum_bytes(message, length);
  q.stream_sum = sum_bytes(q.stream, length + 2);
  return q;
}

Result<Queries> render_file(const std::string& file, bool dnssec) {
  std::ifstream in(file);
  if (!in) return Error{file + ": cannot be read"};
  Queries queries;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    std::istringstream words(line);
    std::string name, type;
    if (!(words >> name) || name[0] == ';' || name[0] == '#') continue;
    words >> type;
    auto query = render(name, type, dnssec);
    if (!query) return Error{file + ":" + std::to_string(number) + ": " + query.error()};
    queries.push_back(*query);
  }
  if (queries.empty()) return Error{file + ": no query in it"};
  return queries;
}

}  // namespace

Result<Queries> render_queries(const std::string& query, const std::string& file, bool dnssec) {
  if (!file.empty()) return render_file(file, dnssec);
  const auto slash = query.rfind('/');
  if (slash == std::string::npos) return Error{"--query: '" + query + "' is not of the form NAME/TYPE"};
  auto one = render(query.substr(0, slash), query.substr(slash + 1), dnssec);
  if (!one) return Error{"--query: " + one.error()};
  return Queries{*one};
}

Result<Queries> render_http(const std::string& path) {
  const std::string text = "GET " + path + " HTTP/1.1\r\nHost: goldilocks\r\n\r\n";
  Query q;
  if (path.empty() || path[0] != '/' || text.size() > sizeof q.stream - 32) {
    return Error{"--http: '" + path + "' is no path of at most 240 bytes"};
  }
  q.kind = Query::Kind::http;
  q.stream_length = static_cast<std::uint16_t>(text.copy(reinterpret_cast<char*>(q.stream), text.size()));
  q.stream_sum = sum_bytes(q.stream, q.stream_length);
  return Queries{q};
}

namespace {

std::optional<std::vector<std::uint8_t>> parse_hex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t at = 0; at < text.size(); at += 2) {
    std::uint8_t value = 0;
    const char* const end = text.data() + at + 2;
    if (std::from_chars(text.data() + at, end, value, 16).ptr != end) return std::nullopt;
    bytes.push_back(value);
  }
  return bytes;
}

// One `name=value`; false: it is none.
bool apply_part(std::string_view part, Query& q) {
  const auto offset = [&](std::size_t name, std::uint16_t& to) {
    const auto number = parse_decimal(part.substr(name), 0, 1500);
    if (number) to = static_cast<std::uint16_t>(*number);
    return number && *number % 2 == 0;
  };
  if (part.starts_with("id=")) return offset(3, q.id_at) && q.id_at + 2u <= q.message_length;
  if (part.starts_with("answer-id=")) return offset(10, q.answer_id_at);
  if (part == "answer=none") return q.answered = false, true;
  if (part.starts_with("answer=")) {
    const auto length = parse_decimal(part.substr(7), 1, 9000);
    q.answer_length = static_cast<std::uint16_t>(length.value_or(0));
    return length.has_value();
  }
  if (!part.starts_with("ack=")) return false;
  const auto bytes = parse_hex(part.substr(4));
  if (!bytes || bytes->size() > q.ack.size()) return false;
  std::ranges::copy(*bytes, q.ack.begin());
  q.ack_length = static_cast<std::uint8_t>(bytes->size());
  return true;
}

}  // namespace

Result<Queries> render_datagram(const std::string& text) {
  Query q;
  q.kind = Query::Kind::datagram;
  q.id_at = q.answer_id_at = Query::kNoId;
  std::size_t end = std::min(text.find(','), text.size());
  const auto bytes = parse_hex(std::string_view(text).substr(0, end));
  if (!bytes || bytes->empty() || bytes->size() > sizeof q.stream - 34) {
    return Error{"--datagram: not 1 to 286 bytes in hexadecimal"};
  }
  std::ranges::copy(*bytes, q.stream + 2);
  q.message_length = static_cast<std::uint16_t>(bytes->size());
  while (end < text.size()) {
    const std::size_t begin = end + 1;
    end = std::min(text.find(',', begin), text.size());
    const std::string_view part = std::string_view(text).substr(begin, end - begin);
    if (!apply_part(part, q))
      return Error{"--datagram: '" + std::string(part) + "' is none of id=N, answer-id=N, answer=N|none, ack=HEX"};
  }
  if (q.has_id()) q.stream[2 + q.id_at] = q.stream[3 + q.id_at] = 0;  // for the sum
  q.datagram_sum = sum_bytes(q.message(), q.message_length);
  return Queries{q};
}

}  // namespace gl::load
