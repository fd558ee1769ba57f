#include "lib/transfer/xfr_reader.h"

#include "lib/base/endian.h"
#include "lib/dns/message.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

bool is_meta(std::uint16_t type) {
  return type == 0 || type == dns::rr::opt || (type >= 128 && type <= 255);
}

}  // namespace

// RFC 5936 section 2.2.1: later messages may repeat the question or not.
Status XfrReader::skip_questions(Bytes message, std::size_t& at) const {
  dns::Cursor cursor(message, dns::kHeaderSize);
  for (unsigned i = load_be<std::uint16_t>(message.data() + 4); i > 0; --i) {
    cursor.skip_name();
    cursor.u32();
  }
  at = cursor.at();
  return cursor.ok() ? success() : Error{"a malformed message"};
}

Status XfrReader::take(Bytes message, const Sink& sink) {
  if (message.size() < dns::kHeaderSize) return Error{"a malformed message"};
  const unsigned answers = load_be<std::uint16_t>(message.data() + 6);
  const bool first = at_ == At::start;
  std::size_t at = 0;
  if (Status status = skip_questions(message, at); !status) return status;
  if (answers == 0) return Error{first ? "an answer without records" : "a message without records"};
  Record record;
  for (unsigned i = 0; i < answers; ++i) {
    if (!read_record(message, at, record)) return Error{"a malformed record"};
    if (Status status = take_record(record, sink); !status) return status;
  }
  if (first && answers == 1 && held_ && !is_newer(newest_.serial, *held_)) {
    current_ = true;
    at_ = At::done;
  }
  return success();
}

Status XfrReader::take_record(const Record& record, const Sink& sink) {
  if (at_ == At::done) return Error{"records behind the last SOA"};
  if (++records_ > most_records_) return Error{"more than " + std::to_string(most_records_) + " records"};
  if (record.rr_class != dns::rr_class::in || is_meta(record.type)) return Error{"a record that no zone can hold"};
  if (!is_within(record.owner, apex_)) {
    return Error{"a record of " + zone::to_text(record.owner) + ", which is outside the zone"};
  }
  if (at_ == At::start) return begin(record);
  // A zone may hold SOAs that are not its own, below a delegation.
  if (record.type == dns::rr::soa && record.owner.size() == apex_.size()) return boundary(record, sink);
  if (at_ == At::second) {
    at_ = At::zone;
    if (Status status = sink(Part::zone, newest_record_); !status) return status;
  }
  return sink(at_ == At::zone ? Part::zone : at_ == At::removing ? Part::removed : Part::added, record);
}

Status XfrReader::begin(const Record& record) {
  const auto soa = record.owner.size() == apex_.size() ? soa_of(record) : std::nullopt;
  if (!soa) return Error{"it does not begin with the zone's SOA"};
  newest_ = *soa;
  newest_record_ = record;
  at_ = At::second;
  return success();
}

Status XfrReader::from_second(const Record& record, const Soa& soa, const Sink& sink) {
  if (!held_ || soa.serial == newest_.serial) {
    return Error{"it ends before any record of the zone: two SOAs, serials " + std::to_string(newest_.serial) +
                 " and " + std::to_string(soa.serial)};
  }
  if (soa.serial != *held_) {
    return Error{"differences from serial " + std::to_string(soa.serial) + ", and not from " + std::to_string(*held_)};
  }
  incremental_ = true;
  reached_ = soa.serial;
  at_ = At::removing;
  return sink(Part::removed, record);
}

Status XfrReader::boundary(const Record& record, const Sink& sink) {
  const auto soa = soa_of(record);
  if (!soa) return Error{"a malformed SOA"};
  switch (at_) {
    case At::second:
      return from_second(record, *soa, sink);
    case At::zone:
      if (soa->serial != newest_.serial) {
        return Error{"it begins with serial " + std::to_string(newest_.serial) + " and ends with " +
                     std::to_string(soa->serial)};
      }
      at_ = At::done;
      return success();
    case At::removing:
      if (!is_newer(soa->serial, reached_) || is_newer(soa->serial, newest_.serial)) {
        return Error{"differences that lead from serial " + std::to_string(reached_) + " to " +
                     std::to_string(soa->serial) + ", of " + std::to_string(newest_.serial)};
      }
      reached_ = soa->serial;
      at_ = At::adding;
      return sink(Part::added, record);
    default:  // adding
      if (soa->serial != reached_) {
        return Error{"differences that lead to serial " + std::to_string(reached_) + " and go on from " +
                     std::to_string(soa->serial)};
      }
      if (soa->serial == newest_.serial) {
        at_ = At::done;
        return success();
      }
      at_ = At::removing;
      return sink(Part::removed, record);
  }
}

}  // namespace gl::transfer
