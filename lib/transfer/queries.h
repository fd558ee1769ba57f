// The messages that a secondary sends, and what is common to their answers.
// Byte order: wire. Ownership: values. Thread: pure functions, but for the random IDs. Errors: one line.
// Source: RFC 1035 section 4.1, RFC 1995 section 3, RFC 1996 section 3.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/result.h"
#include "lib/dns/types.h"
#include "lib/transfer/record.h"

namespace gl::transfer {

// A question about a zone. `soa`: the authority section of an IXFR, the answer section of a NOTIFY.
[[nodiscard]] Message make_question(const std::string& zone, std::uint16_t type,
                                    dns::Opcode opcode = dns::Opcode::query, const Record* soa = nullptr);
// A SOA with nothing but its serial: all that an IXFR needs to say of what we have.
[[nodiscard]] Record soa_of_serial(const std::string& zone, std::uint32_t serial);

void append_record(Message& message, const Record& record);

// Whether it answers that question, as far as header and question say; the question may be missing.
[[nodiscard]] bool answers(Bytes answer, Bytes question);
[[nodiscard]] unsigned rcode_of(Bytes message);
[[nodiscard]] std::string rcode_text(unsigned rcode);

}  // namespace gl::transfer
