// The word that somebody may have meant: the nearest of those that there are, by the changes of one letter that lead
// from one to the other (left out, put in, another, or two next to each other in the other order).
// Thread: pure functions. Errors: none; nothing where no word is near.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gl::control {

// How many such changes lead from `a` to `b`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);
// The nearest of `known`, the first of those that are equally near; empty where even that one differs in more than a
// third of the letters.
[[nodiscard]] std::string nearest_word(std::string_view written, std::span<const std::string> known);
// "; did you mean <before><word>?", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view written, std::span<const std::string> known,
                                       std::string_view before = "");

}  // namespace gl::control
