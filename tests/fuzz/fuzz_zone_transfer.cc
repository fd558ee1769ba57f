// What a secondary and a giver of zones parse: transfers message by message, signatures, records as text, key files.
// Checked: what is taken can be written as text and read again; nothing unsigned passes for signed.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/endian.h"
#include "lib/dns/types.h"
#include "lib/transfer/queries.h"
#include "lib/transfer/record_text.h"
#include "lib/transfer/tsig.h"
#include "lib/transfer/xfr_reader.h"
#include "lib/transfer/zone_stream.h"
#include "lib/zone/name_text.h"
#include "tests/fuzz/check.h"

namespace {

using namespace gl::transfer;

const std::string kApex("\1a\0", 3);

void check_text(const Record& record) {
  std::string line;
  append_line(line, record);
  Record back;
  gl::fuzz::check(parse_line(std::string_view(line).substr(0, line.size() - 1), back), "what is written is read");
  gl::fuzz::check(back.owner == record.owner && back.data == record.data && back.ttl == record.ttl, "and is the same");
  gl::fuzz::check(identity_of(back) == identity_of(record), "it is the same record");
}

void read_transfer(gl::Bytes left, std::optional<std::uint32_t> held) {
  XfrReader reader(kApex, held, 1000);
  while (left.size() >= 2 && !reader.is_done()) {
    const std::size_t length = std::min<std::size_t>(gl::load_be<std::uint16_t>(left.data()), left.size() - 2);
    const Message message(left.begin() + 2, left.begin() + 2 + static_cast<std::ptrdiff_t>(length));
    left = left.subspan(2 + length);
    const gl::Status status = reader.take(message, [](XfrReader::Part, const Record& record) {
      gl::fuzz::check(is_within(record.owner, kApex), "within the zone");
      check_text(record);
      return gl::success();
    });
    if (!status) return;
  }
}

void read_signature(gl::Bytes data) {
  static const TsigKeys keys = *parse_tsig_keys("k:c2VjcmV0", "");
  const Message message(data.begin(), data.end());
  const CheckedRequest request = check_request(message, keys, 1000);
  gl::fuzz::check(request.mac.empty() || request.key != nullptr, "a MAC of a key");
  (void)AnswerChecker(keys[0], Mac(32)).take(message, 1000);
  if (message.size() < gl::dns::kHeaderSize) return;
  Message answer = begin_answer(message, 5, false);
  AnswerSigner(request).sign(answer, 1000);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  const gl::Bytes rest(data + 5, size - 5);
  const std::uint32_t serial = gl::load_be<std::uint32_t>(data + 1);
  switch (data[0] % 4) {
    case 0:
      read_transfer(rest, std::nullopt);
      break;
    case 1:
      read_transfer(rest, serial);
      break;
    case 2:
      read_signature(rest);
      break;
    default: {
      Record record;
      (void)parse_tsig_keys(gl::zone::as_chars(rest), "");
      if (parse_line(gl::zone::as_chars(rest), record)) check_text(record);
    }
  }
  return 0;
}
