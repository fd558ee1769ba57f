#include "app/ctl/print.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "lib/base/printable.h"

namespace gl::ctl {
namespace {

using Row = std::vector<std::string>;

std::string text_of(const json_t* value) {
  if (json_is_string(value)) return harmless(json_string_value(value));
  if (json_is_integer(value)) return std::to_string(static_cast<unsigned long long>(json_integer_value(value)));
  if (json_is_boolean(value)) return json_is_true(value) ? "yes" : "no";
  return "";
}

bool is_number(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Numbers to the right.
void print_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - row[i].size(), ' ');
      line.append("  ").append(is_number(row[i]) ? space + row[i] : row[i] + space);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::puts(line.c_str());
  }
}

void print_list(const char* name, const json_t* list) {
  std::printf("%s:\n", name);
  std::vector<Row> rows;
  std::size_t index = 0;
  json_t* entry = nullptr;
  json_array_foreach(list, index, entry) {
    if (!json_is_object(entry)) {
      rows.push_back({text_of(entry)});
      continue;
    }
    Row header;
    Row row;
    const char* key = nullptr;
    json_t* value = nullptr;
    json_object_foreach(entry, key, value) {
      header.emplace_back(key);
      row.push_back(text_of(value));
    }
    if (rows.empty()) rows.push_back(header);
    rows.push_back(row);
  }
  print_table(rows);
}

void print_group(const json_t* answer, const char* group, const json_t* sums) {
  const json_t* const cores = json_object_get(answer, "cores");
  Row header{"", "sum"};
  std::vector<Row> rows;
  const char* name = nullptr;
  json_t* value = nullptr;
  const char* core = nullptr;
  json_t* groups = nullptr;
  json_object_foreach(const_cast<json_t*>(cores), core, groups) {  // NOLINT: the macro only reads it
    if (json_object_get(groups, group) != nullptr) header.push_back("core " + std::string(core));
  }
  json_object_foreach(const_cast<json_t*>(sums), name, value) {  // NOLINT
    if (json_integer_value(value) == 0) continue;
    Row row{name, text_of(value)};
    json_object_foreach(const_cast<json_t*>(cores), core, groups) {  // NOLINT
      const json_t* const own = json_object_get(groups, group);
      if (own != nullptr) row.push_back(text_of(json_object_get(own, name)));
    }
    rows.push_back(row);
  }
  std::puts(group);
  if (rows.empty()) return;
  rows.insert(rows.begin(), header);
  print_table(rows);
}

}  // namespace

void print_answer(const json_t* answer) {
  const char* key = nullptr;
  json_t* value = nullptr;
  json_object_foreach(const_cast<json_t*>(answer), key, value) {  // NOLINT
    if (std::strcmp(key, "ok") == 0 || std::strcmp(key, "error") == 0) continue;
    if (json_is_array(value)) {
      print_list(key, value);
    } else {
      std::printf("%s: %s\n", key, text_of(value).c_str());
    }
  }
}

void print_counters(const json_t* answer) {
  const char* group = nullptr;
  json_t* sums = nullptr;
  json_object_foreach(json_object_get(answer, "sum"), group, sums) print_group(answer, group, sums);
}

}  // namespace gl::ctl
