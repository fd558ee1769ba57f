// The source of every choice of the simulation: small, fast to seed, the same on every machine.
// Ownership: a value. Thread: one. Source: splitmix64 (Steele, Lea, Flood 2014).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace gl::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // 0 to n-1.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  // `low` to `high`, both included.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  bool chance(double share) { return share > 0 && static_cast<double>(next() >> 11) * 0x1p-53 < share; }
  template <class T, std::size_t N>
  const T& pick(const std::array<T, N>& from) {
    return from[below(N)];
  }

 private:
  std::uint64_t state_;
};

}  // namespace gl::sim
