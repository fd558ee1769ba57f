#include "lib/control/metrics/families.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "lib/base/text.h"

namespace gl::control {

namespace {

bool may_stand_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The format is UTF-8, and one wrong byte makes a server refuse the whole answer.
std::string printable(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c >= ' ' && c <= '~') {
      safe += c;
    } else {
      append_escaped(safe, c);
    }
  }
  return safe;
}

}  // namespace

std::string counter_name(std::string_view group, std::string_view counter) {
  std::string name = "goldilocks_";
  name.append(group).append("_").append(counter).append("_total");
  std::ranges::replace_if(
      name, [](char c) { return !may_stand_in_name(c); }, '_');
  return name;
}

prometheus::ClientMetric& MetricFamilies::add(const std::string& name, std::string_view help,
                                              prometheus::MetricType type, Labels labels) {
  const auto [known, added] = by_name_.emplace(name, families_.size());
  if (added) families_.push_back({name, printable(help), type, {}});
  prometheus::ClientMetric& metric = families_[known->second].metric.emplace_back();
  metric.label = std::move(labels);
  for (auto& label : metric.label) label.value = printable(label.value);
  return metric;
}

void MetricFamilies::counter(const std::string& name, std::string_view help, Labels labels, double value) {
  add(name, help, prometheus::MetricType::Counter, std::move(labels)).counter.value = value;
}

void MetricFamilies::gauge(const std::string& name, std::string_view help, Labels labels, double value) {
  add(name, help, prometheus::MetricType::Gauge, std::move(labels)).gauge.value = value;
}

void MetricFamilies::histogram(const std::string& name, std::string_view help, Labels labels,
                               prometheus::ClientMetric::Histogram histogram) {
  add(name, help, prometheus::MetricType::Histogram, std::move(labels)).histogram = std::move(histogram);
}

std::string MetricFamilies::text() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families_);
  return out.str();
}

}  // namespace gl::control
