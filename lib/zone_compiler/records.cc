#include "lib/zone_compiler/records.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "lib/base/endian.h"
#include "lib/dns/name.h"
#include "lib/dns/rdata.h"

namespace gl::zone {
namespace {

constexpr std::size_t kPiece = 1 << 20;

struct CFreer {
  void operator()(char* p) const noexcept { std::free(p); }
};
using CString = std::unique_ptr<char, CFreer>;

// Where names lie in the record's data; false: the data is not what its type consists of.
bool locate_names(Record& record, Bytes data) {
  return dns::walk_names(record.type, data, [&](std::size_t at, std::size_t) {
    if (record.name_count < 2) record.name_at[record.name_count] = static_cast<std::uint16_t>(at);
    if (record.name_count < UINT8_MAX) ++record.name_count;
  });
}

// What is wrong with a record as such, apart from the zone it is in.
std::string fault_of(std::uint16_t type, Bytes owner) {
  if (type == 0 || type == dns::rr::opt || (type >= 128 && type <= 255)) {
    return type_to_text(type) + " is not a type that a zone can hold";
  }
  if (dns::name_length(owner) != owner.size()) return "the owner's name is not a valid name";
  return {};
}

}  // namespace

std::string_view Record::name(std::size_t i) const noexcept {
  const Bytes rest = as_bytes(data()).subspan(name_at[i]);
  return as_chars(rest.first(dns::name_length(rest)));
}

std::uint16_t Record::covered() const noexcept {
  return data_size < 2 ? std::uint16_t{0} : load_be<std::uint16_t>(as_bytes(data()).data());
}

char* Records::room(std::size_t size) {
  if (left_ < size) {
    left_ = std::max(size, kPiece);
    next_ = pieces_.emplace_back(std::make_unique_for_overwrite<char[]>(left_)).get();
  }
  left_ -= size;
  return std::exchange(next_, next_ + size);
}

Status Records::add(Bytes owner, std::uint16_t type, std::uint32_t ttl, Bytes data, std::uint32_t line) {
  std::string fault = fault_of(type, owner);
  Record record;
  record.type = type;
  if (fault.empty() && !locate_names(record, data)) {
    fault = "the data is not what " + type_to_text(type) + " consists of";
  }
  if (fault.empty() && list_.size() == UINT32_MAX) fault = "the zone is too large: more than 4,294,967,295 records";
  if (!fault.empty()) return Error{std::move(fault)};
  record.ttl = ttl;
  record.line = line;
  record.owner_size = static_cast<std::uint8_t>(owner.size());
  record.data_size = static_cast<std::uint16_t>(data.size());
  char* const at = room(owner.size() + data.size());
  dns::copy_lower(reinterpret_cast<std::uint8_t*>(at), owner.data(), owner.size());  // NOLINT
  if (!data.empty()) std::memcpy(at + owner.size(), data.data(), data.size());
  record.at = at;
  list_.push_back(record);
  return success();
}

Error error_at(const std::string& path, std::uint32_t line, const std::string& reason) {
  return Error{path + ":" + std::to_string(line) + ": " + reason};
}

std::string type_to_text(std::uint16_t type) {
  const CString text(ldns_rr_type2str(static_cast<ldns_rr_type>(type)));
  return text ? std::string(text.get()) : "TYPE" + std::to_string(type);
}

std::string decode_base32hex(const std::string& label) {
  std::uint8_t raw[dns::kMaxLabel];
  const int size = ldns_b32_pton_extended_hex(label.c_str(), label.size(), raw, sizeof raw);
  return size <= 0 ? std::string{} : std::string(as_chars({raw, static_cast<std::size_t>(size)}));
}

}  // namespace gl::zone
