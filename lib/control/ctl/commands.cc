#include "lib/control/ctl/commands.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <optional>
#include <vector>

#include "lib/base/clock.h"
#include "lib/control/log.h"
#include "lib/control/options/suggest.h"
#include "lib/control/telemetry/backend_totals.h"

namespace gl::control {
namespace {

constexpr std::uint32_t kMostSeconds = 86400;

Json good() {
  Json answer = new_object();
  put(answer, "ok", true);
  return answer;
}

std::string bad(std::string_view why) {
  const Json answer = new_object();
  put(answer, "ok", false);
  put(answer, "error", why);
  return to_line(answer);
}

std::string answer_of(const Status& status) {
  return status ? to_line(good()) : bad(status.error());
}

const char* text_of(Operations::State state) {
  switch (state) {
    case Operations::State::serving:
      return "serving";
    case Operations::State::draining:
      return "draining";
    case Operations::State::ending:
      return "ending";
  }
  return "";
}

// Absent: nothing.
Result<std::optional<std::uint32_t>> seconds_of(const json_t* request) {
  using Seconds = std::optional<std::uint32_t>;
  const json_t* const value = json_object_get(request, "seconds");
  if (value == nullptr) return Seconds{};
  const json_int_t number = json_integer_value(value);  // 0 where it is none
  if (number < 1 || number > kMostSeconds) {
    return Error{"seconds: not a number from 1 to " + std::to_string(kMostSeconds)};
  }
  return Seconds{static_cast<std::uint32_t>(number)};
}

std::string text_of(const ReloadReport& report, std::uint64_t ms) {
  const Json answer = new_object();
  put(answer, "ok", report.errors.empty());
  if (!report.errors.empty()) {
    Json errors = new_array();
    for (const std::string& error : report.errors) append(errors, json_text(error));
    put(answer, "error", report.errors.front());
    put(answer, "errors", std::move(errors));
  }
  put(answer, "zones_changed", report.changed);
  put(answer, "zones_refused", report.refused);
  put(answer, "zones_as_before", report.same);
  put(answer, "milliseconds", ms);
  return to_line(answer);
}

// In our words, and without a piece of what came.
std::string why_no_json(const json_error_t& error) {
  switch (json_error_code(&error)) {
    case json_error_out_of_memory:
      return "no memory";
    case json_error_premature_end_of_input:
      return "no JSON: the line ends before its object does";
    case json_error_end_of_input_expected:
      return "no JSON: more than one object on the line";
    case json_error_duplicate_key:
      return "no JSON: a member twice";
    case json_error_invalid_utf8:
      return "no JSON: not UTF-8";
    case json_error_stack_overflow:
      return "no JSON: nested too deep";
    default:
      return "no JSON: wrong at byte " + std::to_string(error.position);
  }
}

}  // namespace

std::span<const Commands::Command> Commands::table() {
  static constexpr auto kCommands = std::to_array<Command>({
      {"status", "", &Commands::status},
      {"counters", "", &Commands::counters},
      {"zones", "", &Commands::zones},
      {"health", "", &Commands::health},
      {"backends", "", &Commands::backends},
      {"backend", "backend wanted", &Commands::backend},
      {"flush", "", &Commands::flush},
      {"log-level", "level", &Commands::log_level_of},
      {"reload", "", &Commands::reload},
      {"zone-reload", "zone", &Commands::zone_reload},
      {"drain", "seconds", &Commands::drain},
      {"undrain", "", &Commands::undrain},
      {"stop", "seconds", &Commands::stop},
  });
  return kCommands;
}

bool Commands::may_have(const Command& command, std::string_view member) {
  std::string_view members = command.members;
  while (!members.empty()) {
    if (take_member(members, ' ') == member) return true;
  }
  return false;
}

ControlAnswer Commands::answer(std::string_view line) try {
  json_error_t error;
  const Json request(json_loadb(line.data(), line.size(), JSON_REJECT_DUPLICATES, &error));
  if (request == nullptr) return bad(why_no_json(error));
  const std::string name = text_member(request.get(), "command");
  if (name.empty()) return bad(R"(not an object with a member "command")");
  for (const Command& command : table()) {
    if (name != command.name) continue;
    const char* member = nullptr;
    json_t* value = nullptr;
    json_object_foreach(request.get(), member, value) {
      if (std::strcmp(member, "command") == 0) continue;
      if (!may_have(command, member)) return bad(name + ": no such member: " + member);
    }
    explain("goldilocks-ctl: " + std::string(line));
    return (this->*command.run)(request.get());
  }
  std::vector<std::string> names;
  for (const Command& command : table()) names.emplace_back(command.name);
  return bad("no such command: " + name + did_you_mean(name, names));
} catch (const std::exception&) {
  return R"({"ok":false,"error":"no memory"})";
}

ControlAnswer Commands::status(const json_t*) {
  const Json answer = good();
  put(answer, "state", text_of(operations_.state()));
  put(answer, "reloading", operations_.is_reloading());
  show_status(view_, answer);
  return to_line(answer);
}

ControlAnswer Commands::counters(const json_t*) {
  const Json answer = good();
  show_counters(view_, answer);
  return to_line(answer);
}

ControlAnswer Commands::zones(const json_t*) {
  const Json answer = good();
  show_zones(view_, answer);
  return to_line(answer);
}

ControlAnswer Commands::health(const json_t*) {
  const Json answer = good();
  put(answer, "state", text_of(operations_.state()));
  return to_line(answer);
}

ControlAnswer Commands::backends(const json_t*) {
  const Json answer = good();
  show_backends(view_, answer);
  return to_line(answer);
}

ControlAnswer Commands::backend(const json_t* request) {
  const std::string name = text_member(request, "backend");
  const std::string wanted = text_member(request, "wanted");
  if (wanted != "up" && wanted != "down" && wanted != "drain") return bad("backend: wanted is up, down or drain");
  const Forwarders forwarders = forwarders_of(view_.workers);
  if (view_.wishes == nullptr || forwarders.empty()) return bad("there are no backends");
  const backend::ForwardSettings& settings = forwarders.front()->settings();
  const auto index = find_backend(settings, name);
  if (!index) return bad("there is no backend " + name);
  const std::uint32_t bit = std::uint32_t{1} << *index;
  const auto set = [bit](std::atomic<std::uint32_t>& word, bool on) {
    on ? word.fetch_or(bit, std::memory_order_relaxed) : word.fetch_and(~bit, std::memory_order_relaxed);
  };
  set(view_.wishes->down, wanted == "down");
  set(view_.wishes->drained, wanted == "drain");
  say("backend " + settings.backends[*index].name + ": " + wanted + ", on goldilocks-ctl",
      {{"backend", settings.backends[*index].name}});
  return to_line(good());
}

// Each core does it in its next round; the answer comes when all have.
ControlAnswer Commands::flush(const json_t*) {
  if (view_.wishes == nullptr) return bad("nothing is forwarded, so there are no kept answers");
  const std::uint32_t wanted = view_.wishes->flushes.fetch_add(1, std::memory_order_relaxed) + 1;
  say("kept answers serve nobody any more, on goldilocks-ctl");
  return LaterAnswer([this, wanted]() -> std::optional<std::string> {
    const Forwarders forwarders = forwarders_of(view_.workers);
    const auto done = [wanted](const backend::Forwarder* f) { return f->counters().flushed.value() >= wanted; };
    if (!std::ranges::all_of(forwarders, done)) return std::nullopt;
    const Json answer = good();
    put(answer, "cores", forwarders.size());
    return to_line(answer);
  });
}

// Without a level: which it is.
ControlAnswer Commands::log_level_of(const json_t* request) {
  if (const json_t* const given = json_object_get(request, "level"); given != nullptr) {
    const auto level = log_level_from(text_member(request, "level"));
    if (!level) return bad("log-level: level is error, warning, notice, info or debug");
    if (*level > log_level()) set_log_level(*level);  // so that the change to more is told as well
    note("log level: " + std::string(to_text(*level)) + ", on goldilocks-ctl");
    set_log_level(*level);
  }
  const Json answer = good();
  put(answer, "level", to_text(log_level()));
  return to_line(answer);
}

LaterAnswer Commands::when_reloaded(std::uint64_t number) const {
  return [this, number, began = monotonic_ms()]() -> std::optional<std::string> {
    const auto report = operations_.ended_reload(number);
    if (!report) return std::nullopt;
    return text_of(*report, monotonic_ms() - began);
  };
}

ControlAnswer Commands::reload(const json_t*) {
  return when_reloaded(operations_.begin_reload());
}

ControlAnswer Commands::zone_reload(const json_t* request) {
  const std::string zone = text_member(request, "zone");
  if (zone.empty()) return bad("zone-reload: which zone?");
  const auto number = operations_.begin_reload_of(zone);
  if (!number) return bad(number.error());
  return when_reloaded(*number);
}

ControlAnswer Commands::drain(const json_t* request) {
  const auto seconds = seconds_of(request);
  return seconds ? answer_of(operations_.drain(*seconds)) : bad(seconds.error());
}

ControlAnswer Commands::undrain(const json_t*) {
  return answer_of(operations_.undrain());
}

ControlAnswer Commands::stop(const json_t* request) {
  const auto seconds = seconds_of(request);
  if (!seconds) return bad(seconds.error());
  operations_.stop(*seconds);
  return to_line(good());
}

}  // namespace gl::control
