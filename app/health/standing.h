// Whether the node is to have clients, from what its own questions showed: so many good rounds in a row bring it up, so
// many bad ones take it down, and a node that says that it drains is down at once.
// Units: rounds of questions. Ownership: a value. Thread: one.
#pragma once

#include <cstdint>

namespace gl::health {

enum class State : std::uint8_t { unknown, up, down };
enum class Round : std::uint8_t { answered, failed, draining };

class Standing {
 public:
  Standing(std::uint32_t rise, std::uint32_t fall) : rise_(rise), fall_(fall) {}

  [[nodiscard]] State state() const { return state_; }
  // After each round. A row that was interrupted begins anew.
  State observe(Round round) {
    if (round == last_) {
      ++row_;
    } else {
      row_ = 1;
    }
    last_ = round;
    if (round == Round::draining || (round == Round::failed && row_ >= fall_)) {
      state_ = State::down;
    } else if (round == Round::answered && row_ >= rise_) {
      state_ = State::up;
    }
    return state_;
  }

 private:
  std::uint32_t rise_;
  std::uint32_t fall_;
  std::uint32_t row_ = 0;  // rounds like the last one
  Round last_ = Round::answered;
  State state_ = State::unknown;
};

}  // namespace gl::health
