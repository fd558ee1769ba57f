// The node's test question, and whether what came back answers it.
// Byte order: messages as on the wire. Ownership: values. Thread: one. Errors: one line. RFC 1035 section 4.1.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace gl::health {

using Message = std::vector<std::uint8_t>;

// `text`: NAME[/TYPE], of type SOA if it says none. Without EDNS; its number is 0.
[[nodiscard]] Result<Message> make_question(const std::string& text);
// The same with a number that nobody can foresee.
[[nodiscard]] Message with_new_number(Message question);

// Empty, or why it is no answer: another number or question, an error. One with TC is an answer.
[[nodiscard]] std::string fault_of(Bytes question, Bytes answer);

}  // namespace gl::health
