// Either a value or one clear line of what went wrong. For the control plane: it allocates.
// Thread: plain values.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace gl {

struct Error {
  std::string message;  // one line, no newline; names the file, line, key or flag at fault
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  [[nodiscard]] const std::string& error() const { return std::get<1>(state_).message; }

 private:
  std::variant<T, Error> state_;
};

// Nothing to return but success.
using Status = Result<std::monostate>;
inline Status success() {
  return Status(std::monostate{});
}

}  // namespace gl
