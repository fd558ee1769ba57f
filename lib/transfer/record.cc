#include "lib/transfer/record.h"

#include <algorithm>

#include "lib/dns/message.h"
#include "lib/dns/rdata.h"
#include "lib/zone/name_text.h"

namespace gl::transfer {
namespace {

void append(std::string& to, Bytes bytes) {
  to.append(zone::as_chars(bytes));
}

// The data of a record at [at, end), its names written out.
bool read_data(Bytes message, std::size_t at, std::size_t end, Record& record) {
  std::size_t copied = at;
  const bool good = dns::walk_rdata(record.type, message, at, end, [&](std::size_t name_at) -> std::size_t {
    append(record.data, message.subspan(copied, name_at - copied));
    copied = read_name(message, name_at, record.data);
    if (copied > end) copied = 0;
    return copied;
  });
  if (!good) return false;
  append(record.data, message.subspan(copied, end - copied));
  return record.data.size() <= UINT16_MAX;
}

}  // namespace

std::size_t read_name(Bytes message, std::size_t at, std::string& name) {
  std::size_t end = 0;  // behind the first pointer
  std::size_t lowest = at;
  std::size_t length = 0;
  while (at < message.size()) {
    const std::size_t label = message[at];
    if (label >= 0xc0) {
      if (at + 1 >= message.size()) return 0;
      if (end == 0) end = at + 2;
      at = (label & 0x3f) << 8 | message[at + 1];
      if (at >= lowest) return 0;  // pointers go backwards, so it ends
      lowest = at;
      continue;
    }
    length += 1 + label;
    if (label > dns::kMaxLabel || length > dns::kMaxName || message.size() - at < 1 + label) return 0;
    append(name, message.subspan(at, 1 + label));
    at += 1 + label;
    if (label == 0) return end == 0 ? at : end;
  }
  return 0;
}

bool read_record(Bytes message, std::size_t& at, Record& record) {
  record.owner.clear();
  record.data.clear();
  const std::size_t fixed = read_name(message, at, record.owner);
  if (fixed == 0) return false;
  dns::Cursor cursor(message, fixed);
  record.type = cursor.u16();
  record.rr_class = cursor.u16();
  record.ttl = cursor.u32();
  const std::size_t length = cursor.u16();
  const std::size_t begin = cursor.at();
  cursor.bytes(length);
  if (!cursor.ok()) return false;
  at = begin + length;
  return read_data(message, begin, at, record);
}

std::string lower_name(std::string_view name) {
  std::string lowered(name.size(), '\0');
  dns::copy_lower(reinterpret_cast<std::uint8_t*>(lowered.data()), zone::as_bytes(name).data(), name.size());  // NOLINT
  return lowered;
}

std::string identity_of(const Record& record) {
  std::string identity = lower_name(record.owner);
  identity.push_back(static_cast<char>(record.type >> 8));
  identity.push_back(static_cast<char>(record.type & 0xff));
  const std::size_t begin = identity.size();
  identity += record.data;
  (void)dns::walk_names(record.type, zone::as_bytes(record.data), [&](std::size_t at, std::size_t length) {
    identity.replace(begin + at, length, lower_name(std::string_view(record.data).substr(at, length)));
  });
  return identity;
}

bool is_within(std::string_view name, std::string_view apex) {
  return zone::is_within(lower_name(name), lower_name(apex));
}

std::optional<Soa> soa_of(const Record& record) {
  if (record.type != dns::rr::soa) return std::nullopt;
  dns::Cursor cursor(zone::as_bytes(record.data));
  cursor.skip_name();
  cursor.skip_name();
  Soa soa;
  soa.serial = cursor.u32();
  soa.refresh = cursor.u32();
  soa.retry = cursor.u32();
  soa.expire = cursor.u32();
  soa.minimum = cursor.u32();
  return cursor.done() ? std::optional(soa) : std::nullopt;
}

}  // namespace gl::transfer
