#include "lib/services/http/date.h"

#include <algorithm>
#include <chrono>

namespace gl::http {
namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};

void put_number(char* at, unsigned value, unsigned digits) noexcept {
  for (; digits > 0; value /= 10) at[--digits] = static_cast<char>('0' + value % 10);
}

// Takes a date apart from the front; any mismatch makes all of it fail.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] bool take(std::string_view expected) noexcept {
    if (!text_.starts_with(expected)) return false;
    text_.remove_prefix(expected.size());
    return true;
  }
  [[nodiscard]] bool number(unsigned digits, int& value) noexcept {
    if (text_.size() < digits) return false;
    value = 0;
    for (const char c : text_.substr(0, digits)) {
      if (c < '0' || c > '9') return false;
      value = 10 * value + (c - '0');
    }
    text_.remove_prefix(digits);
    return true;
  }
  // One of the three-letter names; its index from 0.
  [[nodiscard]] bool name(std::string_view names, int& value) noexcept {
    if (text_.size() < 3) return false;
    for (std::size_t i = 0; i < names.size(); i += 3) {
      if (names.substr(i, 3) != text_.substr(0, 3)) continue;
      value = static_cast<int>(i / 3);
      text_.remove_prefix(3);
      return true;
    }
    return false;
  }
  [[nodiscard]] bool long_day() noexcept {
    return std::ranges::any_of(kLongDays, [this](std::string_view day) { return take(day); });
  }
  [[nodiscard]] bool done() const noexcept { return text_.empty(); }

 private:
  std::string_view text_;
};

struct Fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

bool read_time(Reader& r, Fields& f) noexcept {
  return r.number(2, f.hour) && r.take(":") && r.number(2, f.minute) && r.take(":") && r.number(2, f.second);
}

bool read_fixdate(Reader r, Fields& f) noexcept {
  int day_name = 0;
  return r.name(kDays, day_name) && r.take(", ") && r.number(2, f.day) && r.take(" ") && r.name(kMonths, f.month) &&
         r.take(" ") && r.number(4, f.year) && r.take(" ") && read_time(r, f) && r.take(" GMT") && r.done();
}

// A year of two digits that seems to lie more than 50 years ahead is the one a century before; here: 1970 to 2069.
bool read_rfc850(Reader r, Fields& f) noexcept {
  const bool read = r.long_day() && r.take(", ") && r.number(2, f.day) && r.take("-") && r.name(kMonths, f.month) &&
                    r.take("-") && r.number(2, f.year) && r.take(" ") && read_time(r, f) && r.take(" GMT") && r.done();
  f.year += f.year < 70 ? 2000 : 1900;
  return read;
}

bool read_asctime(Reader r, Fields& f) noexcept {
  int day_name = 0;
  if (!r.name(kDays, day_name) || !r.take(" ") || !r.name(kMonths, f.month) || !r.take(" ")) return false;
  if (!(r.take(" ") ? r.number(1, f.day) : r.number(2, f.day))) return false;
  return r.take(" ") && read_time(r, f) && r.take(" ") && r.number(4, f.year) && r.done();
}

}  // namespace

DateText date_text(std::int64_t unix_seconds) noexcept {
  using namespace std::chrono;
  const sys_seconds time{seconds{unix_seconds}};
  const sys_days days = floor<std::chrono::days>(time);
  const year_month_day date{days};
  const hh_mm_ss clock{time - days};
  DateText text;
  std::ranges::copy(std::string_view("Ddd, 00 Mmm 0000 00:00:00 GMT"), text.begin());
  std::ranges::copy(kDays.substr(std::size_t{3} * weekday{days}.c_encoding(), 3), text.begin());
  put_number(text.data() + 5, unsigned{date.day()}, 2);
  std::ranges::copy(kMonths.substr(std::size_t{3} * (unsigned{date.month()} - 1), 3), text.begin() + 8);
  put_number(text.data() + 12, static_cast<unsigned>(int{date.year()}), 4);
  put_number(text.data() + 17, static_cast<unsigned>(clock.hours().count()), 2);
  put_number(text.data() + 20, static_cast<unsigned>(clock.minutes().count()), 2);
  put_number(text.data() + 23, static_cast<unsigned>(clock.seconds().count()), 2);
  return text;
}

std::optional<std::int64_t> parse_date(std::string_view text) noexcept {
  using namespace std::chrono;
  Fields f;
  const Reader reader(text);
  if (!read_fixdate(reader, f) && !read_rfc850(reader, f = {}) && !read_asctime(reader, f = {})) return std::nullopt;
  const year_month_day date{year{f.year}, month{static_cast<unsigned>(f.month + 1)}, day{static_cast<unsigned>(f.day)}};
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  const seconds time = sys_days{date}.time_since_epoch() + hours{f.hour} + minutes{f.minute} + seconds{f.second};
  return time.count();
}

}  // namespace gl::http
