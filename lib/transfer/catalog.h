// A catalog zone: the list of zones that a secondary is to have.
// Byte order: names in wire form, lower case. Ownership: values. Thread: any. Errors: one line: the catalog is broken,
// and says nothing. Source: RFC 9432 section 4 (version 2). Of the properties `coo` is read; `group` and others are
// not.
#pragma once

#include <map>
#include <string>

#include "lib/base/result.h"

namespace gl::transfer {

struct CatalogMember {
  std::string id;   // the member node's name: another one means that the zone begins anew
  std::string coo;  // the catalog that may take it over; empty: none
};
using Catalog = std::map<std::string, CatalogMember>;  // by zone

// From a kept zone (zone_file.h).
[[nodiscard]] Result<Catalog> read_catalog(const std::string& path, const std::string& apex);

}  // namespace gl::transfer
