// The records of one zone, as they come from its text: the one form that they have before they are rendered.
// Byte order: wire within owner and data, host order elsewhere. Ownership: Records owns the bytes; a Record points into
// them. Thread: one. Errors: one line `FILE:LINE: reason`. Source: RFC 1035 5.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/growing_array.h"
#include "lib/base/result.h"
#include "lib/zone/name_text.h"

namespace gl::zone {

struct Record {
  const char* at = nullptr;  // the owner in lower case, uncompressed; the data behind, its names as the text has them
  std::uint32_t ttl = 0;
  std::uint32_t line = 0;
  std::uint16_t type = 0;
  std::uint16_t data_size = 0;
  std::uint16_t name_at[2] = {0, 0};  // where in the data its first two domain names lie
  std::uint8_t name_count = 0;        // domain names in the data; 255: that many or more
  std::uint8_t owner_size = 0;

  [[nodiscard]] std::string_view owner() const noexcept { return {at, owner_size}; }
  [[nodiscard]] std::string_view data() const noexcept { return {at + owner_size, data_size}; }
  // The name at name_at[i].
  [[nodiscard]] std::string_view name(std::size_t i) const noexcept;
  // RRSIG only: the type it signs.
  [[nodiscard]] std::uint16_t covered() const noexcept;
};
static_assert(sizeof(Record) == 32);

class Records {
 public:
  explicit Records(std::string file) : path(std::move(file)) {}

  // `owner` is a valid name. An error: no zone can hold that; the record is not kept.
  [[nodiscard]] Status add(Bytes owner, std::uint16_t type, std::uint32_t ttl, Bytes data, std::uint32_t line);
  [[nodiscard]] std::size_t size() const noexcept { return list_.size(); }
  [[nodiscard]] const Record& operator[](std::size_t i) const noexcept { return list_[i]; }
  [[nodiscard]] const Record* begin() const noexcept { return list_.begin(); }
  [[nodiscard]] const Record* end() const noexcept { return list_.end(); }

  std::string path;
  std::vector<std::string> included;  // paths of the files that it includes

 private:
  [[nodiscard]] char* room(std::size_t size);

  GrowingArray<Record> list_;
  std::vector<std::unique_ptr<char[]>> pieces_;
  std::size_t left_ = 0;  // in the last piece
  char* next_ = nullptr;
};

// `path:line: reason`, the shape of every error here.
[[nodiscard]] Error error_at(const std::string& path, std::uint32_t line, const std::string& reason);

// As people write it, for messages.
[[nodiscard]] std::string type_to_text(std::uint16_t type);

// The bytes behind an NSEC3 owner's label (RFC 5155 3.3); empty where it is none.
[[nodiscard]] std::string decode_base32hex(const std::string& label);

}  // namespace gl::zone
