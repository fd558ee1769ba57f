#include "lib/zone/name_text.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <memory>

namespace gl::zone {

namespace {

struct RdfFreer {
  void operator()(ldns_rdf* rdf) const noexcept { ldns_rdf_deep_free(rdf); }
};

struct CFreer {
  void operator()(char* p) const noexcept { std::free(p); }
};

// ldns takes any digits after TYPE, and cuts them to 16 bits.
bool number_fits(const std::string& text) {
  if (text.size() < 5 || !std::isdigit(static_cast<unsigned char>(text[4]))) return true;
  const char* const end = text.data() + text.size();
  std::uint16_t value = 0;
  const auto [at, error] = std::from_chars(text.data() + 4, end, value);
  return error == std::errc{} && at == end;
}

}  // namespace

std::string to_text(std::string_view wire_name) {
  const std::unique_ptr<ldns_rdf, RdfFreer> rdf(
      ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, wire_name.size(), wire_name.data()));
  const std::unique_ptr<char, CFreer> text(rdf ? ldns_rdf2str(rdf.get()) : nullptr);
  return text ? std::string(text.get()) : std::string("?");
}

Result<std::vector<std::uint8_t>> name_from_text(const std::string& text) {
  const bool whole = !text.empty() && text.find('\0') == std::string::npos;
  const std::unique_ptr<ldns_rdf, RdfFreer> rdf(whole ? ldns_dname_new_frm_str(text.c_str()) : nullptr);
  if (rdf == nullptr) return Error{"'" + text + "' is not a domain name"};
  ldns_dname2canonical(rdf.get());
  const std::uint8_t* const data = ldns_rdf_data(rdf.get());
  return std::vector<std::uint8_t>(data, data + ldns_rdf_size(rdf.get()));
}

Result<std::uint16_t> type_from_text(const std::string& text) {
  constexpr unsigned kOpt = 41;
  constexpr unsigned kFirstQueryOnly = 128;  // RFC 6895 section 3.1: 128 to 255 are for queries alone
  constexpr unsigned kLastQueryOnly = 255;
  const auto type = number_fits(text) ? static_cast<unsigned>(ldns_get_rr_type_by_name(text.c_str())) : 0;
  if (type == 0 || type > UINT16_MAX || type == kOpt || (type >= kFirstQueryOnly && type <= kLastQueryOnly)) {
    return Error{"'" + text + "' is not a type of records, such as SOA or TYPE65"};
  }
  return static_cast<std::uint16_t>(type);
}

}  // namespace gl::zone
