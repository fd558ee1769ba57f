// JSON values (RFC 8259) by jansson, whose reference is let go with its owner.
// Ownership: Json owns one reference; what put() is given is the object's then. Thread: one. Errors: std::bad_alloc.
#pragma once

#include <jansson.h>

#include <concepts>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "lib/base/text.h"

namespace gl {

struct JsonRelease {
  void operator()(json_t* value) const noexcept { json_decref(value); }
};
using Json = std::unique_ptr<json_t, JsonRelease>;

[[nodiscard]] inline Json json_or_throw(json_t* value) {
  if (value == nullptr) throw std::bad_alloc();
  return Json(value);
}
[[nodiscard]] inline Json new_object() {
  return json_or_throw(json_object());
}
[[nodiscard]] inline Json new_array() {
  return json_or_throw(json_array());
}

// Text that is no UTF-8, as a file's name may be, has its other bytes escaped.
[[nodiscard]] inline Json json_text(std::string_view text) {
  if (json_t* const value = json_stringn(text.data(), text.size())) return Json(value);
  std::string escaped;
  for (const char c : text) {
    if (c >= 0x20 && c < 0x7f) {
      escaped += c;
    } else {
      append_escaped(escaped, c);
    }
  }
  return json_or_throw(json_stringn(escaped.data(), escaped.size()));
}

inline void put(const Json& object, std::string_view name, Json value) {
  if (json_object_set_new(object.get(), std::string(name).c_str(), value.release()) != 0) throw std::bad_alloc();
}
inline void put(const Json& object, std::string_view name, std::string_view text) {
  put(object, name, json_text(text));
}
inline void put(const Json& object, std::string_view name, const char* text) {
  put(object, name, json_text(text));
}
// bool and nothing that turns into one.
template <std::same_as<bool> T>
void put(const Json& object, std::string_view name, T value) {
  put(object, name, json_or_throw(json_boolean(value)));
}
template <std::integral T>
requires(!std::same_as<T, bool>) void put(const Json& object, std::string_view name, T value) {
  put(object, name, json_or_throw(json_integer(static_cast<json_int_t>(value))));
}
inline void append(const Json& array, Json value) {
  if (json_array_append_new(array.get(), value.release()) != 0) throw std::bad_alloc();
}

// One line, without its end.
[[nodiscard]] inline std::string to_line(const Json& value) {
  char* const text = json_dumps(value.get(), JSON_COMPACT);
  if (text == nullptr) throw std::bad_alloc();
  const std::unique_ptr<char, decltype(&std::free)> owned(text, std::free);
  return text;
}

// A member's text; empty where there is none of that name, or it is no text.
[[nodiscard]] inline std::string text_member(const json_t* object, const char* name) {
  const json_t* const value = json_object_get(object, name);
  return json_is_string(value) ? std::string(json_string_value(value), json_string_length(value)) : std::string();
}

}  // namespace gl
