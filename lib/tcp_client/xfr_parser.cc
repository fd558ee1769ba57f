#include "lib/tcp_client/xfr_parser.h"

#include <algorithm>
#include <array>

namespace gl::tcp_client {

namespace {

struct Record {
  std::uint16_t type = 0;
  Bytes data{};
};

Record read_record(dns::Cursor& cursor) noexcept {
  Record record;
  cursor.skip_name();
  record.type = cursor.u16();
  cursor.bytes(6);  // class and TTL
  record.data = cursor.bytes(cursor.u16());
  return record;
}

bool read_serial(Bytes data, std::uint32_t& serial) noexcept {
  dns::Cursor cursor(data);
  cursor.skip_name();
  cursor.skip_name();
  serial = cursor.u32();
  return cursor.ok();
}

}  // namespace

XfrParser::XfrParser(Bytes query) noexcept {
  if (!dns::parse_question(query, question_)) {
    at_ = At::broken;
    return;
  }
  if (question_.type == dns::rr::ixfr) find_serial(query);
}

// RFC 1995 section 3: the authority section holds the SOA that the client has.
void XfrParser::find_serial(Bytes query) noexcept {
  const std::uint16_t answers = load_be<std::uint16_t>(query.data() + 6);
  const std::uint16_t authorities = load_be<std::uint16_t>(query.data() + 8);
  if (answers != 0 || authorities == 0) return;
  dns::Cursor cursor(query, question_.end);
  const Record record = read_record(cursor);
  has_serial_ = cursor.ok() && record.type == dns::rr::soa && read_serial(record.data, serial_);
}

XfrParser::Step XfrParser::take(Bytes message) noexcept {
  const std::uint16_t flags = load_be<std::uint16_t>(message.data() + 2);
  if ((flags & dns::flag::rcode_mask) != 0) return Step::ended;
  const std::uint16_t questions = load_be<std::uint16_t>(message.data() + 4);
  const std::uint16_t answers = load_be<std::uint16_t>(message.data() + 6);
  dns::Cursor cursor(message, dns::kHeaderSize);
  for (std::size_t i = 0; i < questions && cursor.ok(); ++i) {
    cursor.skip_name();
    cursor.u32();
  }
  const bool first = at_ == At::start;
  for (std::size_t i = 0; i < answers && cursor.ok() && at_ != At::broken; ++i) take_record(message, cursor);
  if (!cursor.ok() || at_ == At::broken || at_ == At::start) return Step::malformed;
  // One SOA and nothing else: the client has the newest version. A newer one alone may be the first of many messages.
  if (first && answers == 1 && question_.type == dns::rr::ixfr && has_newest()) return Step::ended;
  return at_ == At::ended ? Step::ended : Step::more;
}

void XfrParser::take_record(Bytes message, dns::Cursor& cursor) noexcept {
  const std::size_t begin = cursor.at();
  const Record record = read_record(cursor);
  if (!cursor.ok()) return;
  if (at_ == At::ended) {
    at_ = At::broken;  // the last SOA was not the last record
    return;
  }
  std::uint32_t serial = 0;
  // A zone may hold SOAs that are not its own, below a delegation.
  const bool boundary = record.type == dns::rr::soa && owned_by_zone(message, begin);
  if (boundary && !read_serial(record.data, serial)) {
    at_ = At::broken;
  } else if (at_ == At::start) {
    newest_ = serial;
    at_ = boundary ? At::second : At::broken;
  } else if (boundary) {
    at_ = after_soa(serial);
  } else if (at_ == At::second) {
    at_ = At::whole;
  }
}

XfrParser::At XfrParser::after_soa(std::uint32_t serial) const noexcept {
  switch (at_) {
    case At::second:
      return question_.type == dns::rr::ixfr && serial != newest_ ? At::removing : At::ended;
    case At::removing:
      return At::adding;
    case At::adding:
      return serial == newest_ ? At::ended : At::removing;
    default:
      return At::ended;
  }
}

bool XfrParser::has_newest() const noexcept {
  return !has_serial_ || static_cast<std::int32_t>(newest_ - serial_) <= 0;
}

// Whether the name at `at`, compressed or not, is the zone's. It ends: a pointer goes backwards, and between two
// pointers at least one byte of the zone's name is compared.
bool XfrParser::owned_by_zone(Bytes message, std::size_t at) const noexcept {
  const Bytes zone = question_.name.view();
  std::array<std::uint8_t, dns::kMaxLabel + 1> label;
  std::size_t same = 0;
  while (at < message.size()) {
    const std::size_t length = message[at];
    if (length >= 0xc0) {
      if (at + 1 >= message.size()) return false;
      const std::size_t target = (length & 0x3f) << 8 | message[at + 1];
      if (target >= at) return false;
      at = target;
      continue;
    }
    const std::size_t step = 1 + length;
    if (length > dns::kMaxLabel || step > message.size() - at || step > zone.size() - same) return false;
    dns::copy_lower(label.data(), message.data() + at, step);
    if (!std::equal(label.data(), label.data() + step, zone.data() + same)) return false;
    same += step;
    at += step;
    if (length == 0) return same == zone.size();
  }
  return false;
}

}  // namespace gl::tcp_client
