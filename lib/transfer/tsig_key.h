// Keys of TSIG, and the files that they come from: what `tsig-keygen` writes (`key "NAME" { algorithm A; secret "S";
// };`) or lines `[ALGORITHM:]NAME:SECRET` as kdig's -y takes them, hmac-sha256 where none is named; `#` and `//` begin
// comments. Byte order: names in wire form, lower case. Ownership: values. Thread: any. Errors: one line with file and
// line; the secret is never in it. Source: RFC 8945 section 6 (algorithms); MD5 is not taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/result.h"

namespace gl::transfer {

enum class TsigAlgorithm : std::uint8_t { sha1, sha224, sha256, sha384, sha512 };

struct TsigKey {
  std::vector<std::uint8_t> name;
  TsigAlgorithm algorithm = TsigAlgorithm::sha256;
  std::vector<std::uint8_t> secret;
};
using TsigKeys = std::vector<TsigKey>;

// `hmac-sha256` and the like, as in key files.
[[nodiscard]] std::string_view text_of(TsigAlgorithm algorithm) noexcept;
// The same as a name in wire form.
[[nodiscard]] std::vector<std::uint8_t> wire_of(TsigAlgorithm algorithm);
// Bytes of a whole MAC.
[[nodiscard]] std::size_t mac_size(TsigAlgorithm algorithm) noexcept;

// Null: there is none of this name.
[[nodiscard]] const TsigKey* find_key(const TsigKeys& keys, Bytes name) noexcept;

// `path` is for messages.
[[nodiscard]] Result<TsigKeys> parse_tsig_keys(std::string_view text, const std::string& path);

}  // namespace gl::transfer
