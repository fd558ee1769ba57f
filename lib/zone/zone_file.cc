#include "lib/zone/zone_file.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

#include "lib/base/endian.h"
#include "lib/dns/name.h"
#include "lib/dns/rdata.h"
#include "lib/zone/reader_process.h"
#include "lib/zone/records.h"

namespace gl::zone {
namespace {

struct RdfFreer {
  void operator()(ldns_rdf* rdf) const noexcept { ldns_rdf_deep_free(rdf); }
};
struct CFreer {
  void operator()(char* p) const noexcept { std::free(p); }
};
using Rdf = std::unique_ptr<ldns_rdf, RdfFreer>;
using CString = std::unique_ptr<char, CFreer>;

namespace records = zone::records;

// Where names lie in the record's data; false: the data is not what its type consists of.
bool locate_names(Record& record) {
  const Bytes data = as_bytes(record.rdata);
  return dns::walk_rdata(record.type, data, 0, data.size(), [&](std::size_t at) -> std::size_t {
    const std::size_t length = dns::name_length(data.subspan(std::min(at, data.size())));
    if (length == 0) return 0;
    if (record.name_count < 2) record.name_at[record.name_count] = static_cast<std::uint16_t>(at);
    ++record.name_count;
    return at + length;
  });
}

// What is wrong with a record as such, apart from the zone it is in.
std::string fault_of(const Record& record) {
  if (record.type == 0 || record.type == dns::rr::opt || (record.type >= 128 && record.type <= 255)) {
    return type_to_text(record.type) + " is not a type that a zone can hold";
  }
  if (dns::name_length(as_bytes(record.owner)) != record.owner.size()) return "the owner's name is not a valid name";
  return {};
}

// Takes the stream of records as it comes in, a piece at a time.
class RecordStream {
 public:
  explicit RecordStream(ZoneFile& into) : into_(into) {}

  // False: enough was seen, and status() says what.
  bool take(Bytes more) {
    rest_.append(as_chars(more));
    std::size_t at = 0;
    while (at < rest_.size()) {
      const std::size_t size = step(as_bytes(std::string_view(rest_).substr(at)));
      if (size == 0) break;
      at += size;
      if (ended_) return false;
    }
    rest_.erase(0, at);
    return true;
  }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  // One message; its size, or 0 where more is needed.
  std::size_t step(Bytes bytes) {
    switch (bytes[0]) {
      case records::kRecord:
        return record(bytes);
      case records::kIncluded:
        return included(bytes);
      case records::kError:
        return error(bytes);
      case records::kEnd:
        ended_ = true;
        return 1;
      default:
        return end(1, Error{into_.path + ": what read the zone gave no records"});
    }
  }
  std::size_t end(std::size_t size, Error error) {
    ended_ = true;
    status_ = std::move(error);
    return size;
  }
  std::size_t included(Bytes bytes) {
    if (bytes.size() < records::kIncludedHead) return 0;
    const std::size_t length = load_be<std::uint16_t>(bytes.data() + 1);
    if (bytes.size() < records::kIncludedHead + length) return 0;
    into_.included.emplace_back(as_chars(bytes.subspan(records::kIncludedHead, length)));
    return records::kIncludedHead + length;
  }
  std::size_t error(Bytes bytes) {
    if (bytes.size() < records::kErrorHead) return 0;
    const std::size_t length = load_be<std::uint16_t>(bytes.data() + 5);
    if (bytes.size() < records::kErrorHead + length) return 0;
    const auto line = static_cast<int>(load_be<std::uint32_t>(bytes.data() + 1));
    const std::string reason(as_chars(bytes.subspan(records::kErrorHead, length)));
    return end(records::kErrorHead + length,
               line == 0 ? Error{into_.path + ": " + reason} : error_at(into_.path, line, reason));
  }
  std::size_t record(Bytes bytes) {
    if (bytes.size() < records::kRecordHead) return 0;
    const std::size_t owner = bytes[11];
    std::size_t at = records::kRecordHead + owner;
    if (bytes.size() < at + 2) return 0;
    const std::size_t data = load_be<std::uint16_t>(bytes.data() + at);
    at += 2;
    if (bytes.size() < at + data) return 0;
    Record record;
    record.line = static_cast<int>(load_be<std::uint32_t>(bytes.data() + 1));
    record.ttl = load_be<std::uint32_t>(bytes.data() + 5);
    record.type = load_be<std::uint16_t>(bytes.data() + 9);
    record.owner = as_chars(bytes.subspan(records::kRecordHead, owner));
    record.rdata = as_chars(bytes.subspan(at, data));
    auto* const name = reinterpret_cast<std::uint8_t*>(record.owner.data());  // NOLINT
    dns::copy_lower(name, name, record.owner.size());
    std::string fault = fault_of(record);
    if (fault.empty() && !locate_names(record)) {
      fault = "the data is not what " + type_to_text(record.type) + " consists of";
    }
    if (!fault.empty()) return end(at + data, error_at(into_.path, record.line, fault));
    into_.records.push_back(std::move(record));
    return at + data;
  }

  ZoneFile& into_;
  std::string rest_;
  bool ended_ = false;
  Status status_ = success();
};

}  // namespace

std::uint16_t Record::covered() const noexcept {
  return rdata.size() < 2 ? std::uint16_t{0} : load_be<std::uint16_t>(as_bytes(rdata).data());
}

std::string_view Record::name(std::size_t i) const noexcept {
  const Bytes rest = as_bytes(rdata).subspan(name_at[i]);
  return as_chars(rest.first(dns::name_length(rest)));
}

Error error_at(const std::string& path, int line, const std::string& reason) {
  return Error{path + ":" + std::to_string(line) + ": " + reason};
}

std::string to_text(std::string_view wire_name) {
  const Rdf rdf(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, wire_name.size(), wire_name.data()));
  const CString text(rdf ? ldns_rdf2str(rdf.get()) : nullptr);
  return text ? std::string(text.get()) : std::string("?");
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

Result<ZoneFile> read_zone_file(const ZoneSource& source) {
  if (!source.origin.empty() && Rdf(ldns_dname_new_frm_str(source.origin.c_str())) == nullptr) {
    return Error{source.path + ": origin '" + source.origin + "' is not a domain name"};
  }
  ZoneFile zone_file{source.path, {}, {}};
  RecordStream stream(zone_file);
  Status status = run_zone_reader(source, [&](Bytes piece) { return stream.take(piece); });
  if (!status) return Error{status.error()};
  if (!stream.ended()) return Error{source.path + ": what read the zone ended before the zone did"};
  if (!stream.status()) return Error{stream.status().error()};
  return zone_file;
}

}  // namespace gl::zone
