// What the HTTP service says: a status alone, a file, a part of one.
#include <algorithm>

#include "lib/services/http/answer_text.h"
#include "lib/services/http/http.h"
#include "lib/services/http/negotiate.h"

namespace gl::http {

using files::File;

// An answer that says no more than its status.
Answer HttpService::answer_status(const Request& request, const Choice& choice, std::uint32_t date, bool close,
                                  MutableBytes buffer) noexcept {
  const std::uint16_t status = choice.status;
  count(status);
  Writer out(chars(buffer));
  begin_head(out, status, date_of(date), request.http10, close);
  if (status == 204 || status == 405) out.field("Allow", "GET, HEAD, OPTIONS");
  if (status == 301) {
    out.put("Location: ").encoded(choice.path).put("/");
    if (!request.query.empty()) out.put("?").put(request.query);
    out.put("\r\n");
  }
  if (status == 204) return out.put("\r\n"), Answer{.length = out.length()};
  const std::string_view text = status == 200 ? "OK" : text_of(status);
  out.field("Content-Type", "text/plain").field("Content-Length", text.size() + 1).put("\r\n");
  if (request.method != Method::head) out.put(text).put("\n");
  last_body_ = request.method == Method::head ? 0 : text.size() + 1;
  return {.length = out.length()};
}

Answer HttpService::answer_file(const Request& request, const Choice& choice, std::uint32_t date, bool any_length,
                                MutableBytes buffer) noexcept {
  const File& file = *choice.file;
  const std::uint64_t size = file.body.size();
  const Condition condition = check_conditions(request, file);
  if (condition == Condition::failed) {
    Choice failed = choice;
    failed.status = 412;
    return answer_status(request, failed, date, request.close, buffer);
  }
  ByteRange range;
  if (request.method == Method::get && range_applies(request, file)) range = parse_range(request.range, size);
  FileHead says{.date = date, .http10 = request.http10, .close = request.close, .file = &file};
  says.varies = choice.plain->has_coded();
  says.coding = choice.coding;
  if (condition == Condition::not_modified) {
    says.status = 304;
    range = {};
  } else if (range.kind != ByteRange::Kind::all) {
    says.status = range.kind == ByteRange::Kind::part ? 206 : 416;
  } else if (size > kMaxBody && request.method == Method::get && !any_length) {
    says.status = 501;
    too_large_.add();
  }
  count(says.status);
  if (range.kind != ByteRange::Kind::part) range = {ByteRange::Kind::all, 0, size};
  // A part may be shorter than what was asked for: Content-Range says what it is (RFC 9110 section 15.3.7).
  if (says.status == 206 && !any_length) range.length = std::min<std::uint64_t>(range.length, kMaxBody);
  says.first = range.first;
  says.length = range.length;
  const bool body = request.method == Method::get && (says.status == 200 || says.status == 206);
  last_body_ = body ? range.length : 0;
  if (body && range.length > kMaxBody) return answer_long(says, choice);

  Head& head = (*heads_)[next_head_ % kHeads];
  head.length = static_cast<std::uint16_t>(write_file_head(says, head.text));
  head.body = file.body.data() + range.first;
  return {.length = head.length + (body ? range.length : 0), .rendered = false, .handle = next_head_++};
}

// It ends the connection.
Answer HttpService::answer_long(FileHead says, const Choice& choice) noexcept {
  long_answers_.add();
  says.close = true;
  std::array<char, kMaxHead> room;
  LongAnswer is{.first = says.first};
  is.head = static_cast<std::uint16_t>(write_file_head(says, room));
  is.part = says.status == 206;
  is.http10 = says.http10;
  for (std::size_t i = 0; i < files::kCodings; ++i) {
    if (!choice.coding.empty() && files::kCodingNames[i].token == choice.coding)
      is.coding = static_cast<std::uint8_t>(i + 1);
  }
  return {.length = is.head + says.length, .close_after = true, .rendered = false, .handle = is.encode()};
}

std::size_t HttpService::write_file_head(const FileHead& says, std::span<char> room) const noexcept {
  const File& file = *says.file;
  const std::uint64_t size = file.body.size();
  Writer out(room);
  begin_head(out, says.status, date_of(says.date), says.http10, says.close);
  std::string_view note;
  if (says.status == 416 || says.status == 501) {
    note = says.status == 416 ? "416 Range Not Satisfiable\n" : "501 Not Implemented: ask for ranges of this file\n";
    out.field("Content-Type", "text/plain").field("Content-Length", note.size());
  } else if (says.status != 304) {
    out.field("Content-Type", file.type).field("Content-Length", says.length);
  }
  if (says.status == 206) {
    out.put("Content-Range: bytes ")
        .put(says.first)
        .put("-")
        .put(says.first + says.length - 1)
        .put("/")
        .put(size)
        .put("\r\n");
  } else if (says.status == 416) {
    out.put("Content-Range: bytes */").put(size).put("\r\n");
  }
  // Never later than the date of the answer (RFC 9110 section 8.8.2.1).
  const std::int64_t modified = std::min(file.modified, std::int64_t{says.date} * kDateSeconds);
  if (says.status != 304) out.field("Last-Modified", view(date_text(modified))).field("Accept-Ranges", "bytes");
  if (!says.coding.empty() && (says.status == 200 || says.status == 206)) out.field("Content-Encoding", says.coding);
  put_validators(out, file, says.varies);
  out.put("\r\n").put(note);
  return out.length();
}

}  // namespace gl::http
