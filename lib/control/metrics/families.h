// Metric families as Prometheus names them: one value after the other goes in, grouped by name they come out.
// Units: base units (seconds, bytes), in the names. Ownership: plain values. Thread: one at a time. Errors: none; a
// name that is not one in Prometheus' grammar is made one. Source: prometheus.io/docs/practices/naming, and the text
// format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
#pragma once

#include <prometheus/metric_family.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gl::control {

// A counter's name from its parts, `goldilocks_a_b_total`; what may not stand in a name becomes `_`.
[[nodiscard]] std::string counter_name(std::string_view group, std::string_view counter);

class MetricFamilies {
 public:
  using Labels = std::vector<prometheus::ClientMetric::Label>;

  // The first value of a name says the help text of all. Labels together name one value: never twice the same.
  void counter(const std::string& name, std::string_view help, Labels labels, double value);
  void gauge(const std::string& name, std::string_view help, Labels labels, double value);
  void histogram(const std::string& name, std::string_view help, Labels labels,
                 prometheus::ClientMetric::Histogram histogram);

  [[nodiscard]] const std::vector<prometheus::MetricFamily>& list() const noexcept { return families_; }
  // In the text format.
  [[nodiscard]] std::string text() const;

 private:
  prometheus::ClientMetric& add(const std::string& name, std::string_view help, prometheus::MetricType type,
                                Labels labels);

  std::vector<prometheus::MetricFamily> families_;
  std::unordered_map<std::string, std::size_t> by_name_;
};

}  // namespace gl::control
