// How long the arguments of each procedure are, and which bytes of a reply say that it failed.
// Byte order: wire. Ownership: views. Thread: pure. Errors: the reader's own; false for a procedure that is not there.
// Source: RFC 1813 sections 3.3 and 5.2.
#pragma once

#include <cstdint>
#include <string_view>

#include "lib/services/onc_rpc/message.h"
#include "lib/services/onc_rpc/xdr.h"

namespace gl::nfs {

// What stands behind the status of a reply that is an error.
enum class Failure : std::uint8_t { nothing, attributes, wcc, two_wcc, attributes_and_wcc };

struct Procedure {
  // A letter an argument: h handle, n name or path, u and U 32 and 64 bits, a sattr3, g sattrguard3, c createhow3,
  // m mknoddata3, o opaque data.
  std::string_view arguments;
  Failure failure = Failure::attributes;
  bool changes = false;  // what it asks for would change something
};

// Null: there is none of this number.
[[nodiscard]] const Procedure* nfs_procedure(std::uint32_t number) noexcept;
[[nodiscard]] const Procedure* mount_procedure(std::uint32_t number) noexcept;

void skip_arguments(std::string_view arguments, onc_rpc::XdrReader& reader) noexcept;

}  // namespace gl::nfs
