#include "lib/zone/zone_file.h"

#include <ldns/ldns.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "lib/base/endian.h"
#include "lib/dns/name.h"

namespace gl::zone {
namespace {

struct Closer {
  void operator()(std::FILE* f) const noexcept { std::fclose(f); }
};
struct RrFreer {
  void operator()(ldns_rr* rr) const noexcept { ldns_rr_free(rr); }
};
struct RdfFreer {
  void operator()(ldns_rdf* rdf) const noexcept { ldns_rdf_deep_free(rdf); }
};
struct CFreer {
  void operator()(char* p) const noexcept { std::free(p); }
};
using File = std::unique_ptr<std::FILE, Closer>;
using Rr = std::unique_ptr<ldns_rr, RrFreer>;
using Rdf = std::unique_ptr<ldns_rdf, RdfFreer>;
using CString = std::unique_ptr<char, CFreer>;

std::string_view wire_of(const ldns_rdf* rdf) {
  const auto* data = ldns_rdf_data(rdf);
  return data == nullptr ? std::string_view{} : as_chars({data, ldns_rdf_size(rdf)});
}

Result<File> open_file(const std::string& path) {
  File file(std::fopen(path.c_str(), "re"));
  if (!file) return Error{path + ": " + std::strerror(errno)};
  struct stat status {};
  if (fstat(fileno(file.get()), &status) != 0) return Error{path + ": " + std::strerror(errno)};
  if (S_ISDIR(status.st_mode)) return Error{path + ": is a directory"};
  return file;
}

// ldns's record into ours. Its rdata fields hold wire bytes, names uncompressed.
Record to_record(const ldns_rr& rr, int line) {
  Record record;
  record.line = line;
  record.type = static_cast<std::uint16_t>(ldns_rr_get_type(&rr));
  record.ttl = ldns_rr_ttl(&rr);
  record.owner = wire_of(ldns_rr_owner(&rr));
  MutableBytes owner{reinterpret_cast<std::uint8_t*>(record.owner.data()), record.owner.size()};  // NOLINT
  dns::copy_lower(owner.data(), owner.data(), owner.size());
  for (std::size_t i = 0; i < ldns_rr_rd_count(&rr); ++i) {
    const ldns_rdf* field = ldns_rr_rdf(&rr, i);
    if (ldns_rdf_get_type(field) == LDNS_RDF_TYPE_DNAME) {
      if (record.name_count < 2) record.name_at[record.name_count] = static_cast<std::uint16_t>(record.rdata.size());
      ++record.name_count;
    }
    record.rdata += wire_of(field);
  }
  return record;
}

// How many names the data of this type has at least. Data in the notation of RFC 3597 may lack them.
std::size_t names_needed(std::uint16_t type) {
  const ldns_rr_descriptor* descriptor = ldns_rr_descript(type);
  std::size_t names = 0;
  for (std::size_t i = 0; i < ldns_rr_descriptor_minimum(descriptor); ++i) {
    if (ldns_rr_descriptor_field_type(descriptor, i) == LDNS_RDF_TYPE_DNAME) ++names;
  }
  return names;
}

// What is wrong with a record as such, apart from the zone it is in.
std::string fault_of(const ldns_rr& rr, const Record& record) {
  if (ldns_rr_get_class(&rr) != LDNS_RR_CLASS_IN) return "class is not IN";
  if (dns::name_length(as_bytes(record.owner)) != record.owner.size()) return "the owner's name is not a valid name";
  if (record.rdata.size() > 0xffff) return "record data is longer than 65535 bytes";
  if (record.name_count < names_needed(record.type)) return "a name is missing in the record data";
  for (std::size_t i = 0; i < 2 && i < record.name_count; ++i) {
    if (record.name(i).empty()) return "a name in the record data is not a valid name";
  }
  if (record.type == dns::rr::rrsig && record.rdata.size() < 18) return "RRSIG is too short";
  if (record.type == 0 || record.type == dns::rr::opt || (record.type >= 128 && record.type <= 255)) {
    return type_to_text(record.type) + " is not a type that a zone can hold";
  }
  return {};
}

std::string describe(ldns_status status) {
  const char* text = ldns_get_errorstr_by_id(status);
  return text == nullptr ? "cannot be read" : text;
}

// ldns's reader keeps $TTL, $ORIGIN and the last owner in what it is given here.
class Reader {
 public:
  Reader(File file, Rdf origin) : file_(std::move(file)), origin_(origin.release()) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    ldns_rdf_deep_free(origin_);
    ldns_rdf_deep_free(previous_);
  }

  ldns_status next(Rr& rr) {
    ldns_rr* raw = nullptr;
    const ldns_status status = ldns_rr_new_frm_fp_l(&raw, file_.get(), &ttl_, &origin_, &previous_, &line_);
    rr.reset(status == LDNS_STATUS_OK ? raw : nullptr);
    return status;
  }
  [[nodiscard]] bool at_end() const { return std::feof(file_.get()) != 0; }
  [[nodiscard]] bool failed() const { return std::ferror(file_.get()) != 0; }
  [[nodiscard]] int line() const { return line_ > 0 ? line_ : 1; }

 private:
  File file_;
  ldns_rdf* origin_;
  ldns_rdf* previous_ = nullptr;
  std::uint32_t ttl_ = 3600;
  int line_ = 0;
};

Status read_records(Reader& reader, ZoneFile& into) {
  while (!reader.at_end()) {
    Rr rr;
    const ldns_status status = reader.next(rr);
    if (reader.failed()) return Error{into.path + ": " + std::strerror(errno)};
    if (status == LDNS_STATUS_SYNTAX_EMPTY || status == LDNS_STATUS_SYNTAX_TTL || status == LDNS_STATUS_SYNTAX_ORIGIN) {
      continue;
    }
    if (status == LDNS_STATUS_SYNTAX_INCLUDE) {
      return error_at(into.path, reader.line(), "$INCLUDE is not supported: name each file of the zone in one");
    }
    if (status != LDNS_STATUS_OK) return error_at(into.path, reader.line(), describe(status));
    Record record = to_record(*rr, reader.line());
    if (const std::string fault = fault_of(*rr, record); !fault.empty()) {
      return error_at(into.path, reader.line(), fault);
    }
    into.records.push_back(std::move(record));
  }
  return success();
}

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
  Result<File> file = open_file(source.path);
  if (!file) return Error{file.error()};
  Rdf origin;
  if (!source.origin.empty()) {
    origin.reset(ldns_dname_new_frm_str(source.origin.c_str()));
    if (!origin) return Error{source.path + ": origin '" + source.origin + "' is not a domain name"};
  }
  ZoneFile zone_file{source.path, {}};
  Reader reader(std::move(*file), std::move(origin));
  if (Status status = read_records(reader, zone_file); !status) return Error{status.error()};
  return zone_file;
}

}  // namespace gl::zone
