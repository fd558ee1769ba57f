// Latencies in 16 classes an octave: each is known to about 6 %.
// Units: TSC cycles in, microseconds out. Thread: the generator's core only.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace gl::load {

class Histogram {
 public:
  void add(std::uint64_t cycles) noexcept {
    ++classes_[index(cycles)];
    ++total_;
  }

  // The latency that this share of the exchanges does not exceed.
  [[nodiscard]] double quantile_us(double share, double hz) const noexcept {
    if (total_ == 0) return 0;
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_ - 1)) + 1;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      seen += classes_[i];
      if (seen >= wanted) return middle(i) / hz * 1e6;
    }
    return 0;
  }

 private:
  static constexpr unsigned kBits = 4;
  static constexpr std::uint64_t kLinear = 1u << kBits;

  static std::size_t index(std::uint64_t v) noexcept {
    if (v < kLinear) return v;
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - 1 - kBits;
    return (static_cast<std::size_t>(shift + 1) << kBits) + ((v >> shift) & (kLinear - 1));
  }
  static double middle(std::size_t i) noexcept {
    if (i < kLinear) return static_cast<double>(i);
    const unsigned shift = static_cast<unsigned>(i >> kBits) - 1;
    return (static_cast<double>(kLinear + (i & (kLinear - 1))) + 0.5) * static_cast<double>(std::uint64_t{1} << shift);
  }

  std::array<std::uint64_t, (64 - kBits + 1) << kBits> classes_{};
  std::uint64_t total_ = 0;
};

}  // namespace gl::load
