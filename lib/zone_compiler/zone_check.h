// What a zone has to be before it is served. Errors: one line `FILE:LINE: reason`. Thread: one.
// Source: RFC 1034 4.2.1, RFC 1035 5.2, RFC 2181 5.2 and 10.1, RFC 4592 4, RFC 6672 2.4, RFC 9471.
#pragma once

#include <string>
#include <vector>

#include "lib/base/result.h"
#include "lib/zone_compiler/zone_tree.h"

namespace gl::zone {

// Record by record: one SOA, all within the zone. Gives the zone's apex in wire form.
[[nodiscard]] Result<std::string> check_records(const Records& file, const std::string& origin);

// Name by name: NS at the apex, CNAME alone, one DNAME. Odd things that are served all the same become warnings.
[[nodiscard]] Status check_tree(const ZoneTree& tree, std::vector<std::string>& warnings);

}  // namespace gl::zone
