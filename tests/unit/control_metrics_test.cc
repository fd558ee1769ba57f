// Metrics as text: names, labels, escaping, numbers, and how many zones have series of their own.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "lib/control/metrics/collect.h"

namespace gl::control {
namespace {

TEST(CounterName, IsOneInPrometheusGrammar) {
  EXPECT_EQ(counter_name("dns", "queries_udp"), "goldilocks_dns_queries_udp_total");
  EXPECT_EQ(counter_name("rpc-once", "calls"), "goldilocks_rpc_once_calls_total");
  EXPECT_EQ(counter_name("a.b", "c d"), "goldilocks_a_b_c_d_total");
}

TEST(MetricFamilies, OneHeadForAllValuesOfAName) {
  MetricFamilies families;
  families.counter("a_total", "first", {{"core", "1"}}, 5);
  families.gauge("b", "second", {}, 0.5);
  families.counter("a_total", "said only once", {{"core", "2"}}, 7);
  EXPECT_EQ(families.text(),
            "# HELP a_total first\n"
            "# TYPE a_total counter\n"
            "a_total{core=\"1\"} 5\n"
            "a_total{core=\"2\"} 7\n"
            "# HELP b second\n"
            "# TYPE b gauge\n"
            "b 0.5\n");
}

// A counter is exact as long as a double can hold it.
TEST(MetricFamilies, LargeNumbersAreExact) {
  MetricFamilies families;
  families.counter("a_total", "x", {}, 9007199254740991.0);
  EXPECT_NE(families.text().find("a_total 9007199254740991\n"), std::string::npos) << families.text();
}

std::string label_in_text(const std::string& value) {
  MetricFamilies families;
  families.gauge("a", "x", {{"zone", value}}, 1);
  const std::string text = families.text();
  const std::size_t begin = text.find("a{zone=\"");
  return begin == std::string::npos ? "" : text.substr(begin);
}

TEST(MetricFamilies, LabelsAreEscaped) {
  EXPECT_EQ(label_in_text("example."), "a{zone=\"example.\"} 1\n");
  EXPECT_EQ(label_in_text("a\\.b\"c."), "a{zone=\"a\\\\.b\\\"c.\"} 1\n");
  // What is not printable ASCII is shown as \xHH, whose backslash is then escaped as any other.
  EXPECT_EQ(label_in_text("a\nb"), "a{zone=\"a\\\\x0Ab\"} 1\n");
  EXPECT_EQ(label_in_text("\xff"), "a{zone=\"\\\\xFF\"} 1\n");
}

TEST(MetricFamilies, HelpIsOneLine) {
  MetricFamilies families;
  families.gauge("a", "two\nlines", {}, 1);
  EXPECT_EQ(families.text(), "# HELP a two\\x0Alines\n# TYPE a gauge\na 1\n");
}

TEST(MetricFamilies, HistogramsEndWithInfinity) {
  MetricFamilies families;
  prometheus::ClientMetric::Histogram histogram;
  histogram.sample_count = 3;
  histogram.sample_sum = 4.5;
  histogram.bucket = {{1, 1.0}, {2, 2.0}};
  families.histogram("a", "x", {}, histogram);
  const std::string text = families.text();
  for (const char* line : {"a_count 3\n", "a_sum 4.5\n", "a_bucket{le=\"1\"} 1\n", "a_bucket{le=\"2\"} 2\n",
                           "a_bucket{le=\"+Inf\"} 3\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

std::size_t series_of(const MetricFamilies& families, const std::string& name) {
  for (const auto& family : families.list()) {
    if (family.name == name) return family.metric.size();
  }
  return 0;
}

TEST(CollectZones, SeriesAreBounded) {
  std::vector<ZoneStore::ZoneInfo> zones;
  for (std::size_t i = 0; i < kMostZones + 5; ++i) {
    zones.push_back({"z" + std::to_string(i) + ".", "/zones/" + std::to_string(i), 1, 2, 3, 4, false});
  }
  zones.back().refused = true;  // has no series of its own, and is counted all the same
  MetricFamilies families;
  collect_zones(families, zones, 1);
  EXPECT_EQ(series_of(families, "goldilocks_zone_serial"), kMostZones);
  const std::string text = families.text();
  EXPECT_NE(text.find("goldilocks_zones 1005\n"), std::string::npos);
  EXPECT_NE(text.find("goldilocks_zones_refused 1\n"), std::string::npos);
}

TEST(CollectZones, WhatAZoneTells) {
  MetricFamilies families;
  collect_zones(families, {{"example.", "/e", 2026112801, 12, 3456, 1795827633, true}}, 4);
  const std::string text = families.text();
  for (const char* line :
       {"goldilocks_zone_loads_total 4\n", "goldilocks_zone_serial{zone=\"example.\"} 2026112801\n",
        "goldilocks_zone_records{zone=\"example.\"} 12\n", "goldilocks_zone_memory_bytes{zone=\"example.\"} 3456\n",
        "goldilocks_zone_load_timestamp_seconds{zone=\"example.\"} 1795827633\n",
        "goldilocks_zone_load_success{zone=\"example.\"} 0\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(CollectProcess, TellsWhatEveryExporterTells) {
  MetricFamilies families;
  collect_process(families);
  for (const char* name : {"goldilocks_build_info", "goldilocks_uptime_seconds", "process_cpu_seconds_total",
                           "process_open_fds", "process_max_fds", "process_resident_memory_bytes",
                           "process_virtual_memory_bytes", "process_start_time_seconds"}) {
    EXPECT_EQ(series_of(families, name), 1u) << name;
  }
  for (const auto& family : families.list()) {
    if (family.name == "goldilocks_uptime_seconds") {
      EXPECT_GT(family.metric.at(0).gauge.value, 0);
    }
  }
}

}  // namespace
}  // namespace gl::control
