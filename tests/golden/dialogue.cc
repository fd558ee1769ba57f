#include "tests/golden/dialogue.h"

#include <array>
#include <cmath>
#include <fstream>
#include <stdexcept>

#include "tests/golden/text_cursor.h"

namespace gl::golden {
namespace {

void parse_setting(TextCursor& in, Dialogue& dialogue) {
  const auto number = [&in] { return static_cast<std::uint16_t>(in.number()); };
  if (in.accept("mode=immediate")) {
    dialogue.settings.immediate = true;
  } else if (in.accept("ip_version=ipv4")) {
    dialogue.ipv6 = false;
  } else if (in.accept("ip_version=ipv6")) {
    dialogue.ipv4 = false;
  } else if (in.accept("framing=blank-line")) {
    dialogue.framing = Framing::blank_line;
  } else if (in.accept("fast-open=off")) {
    dialogue.settings.fast_open = false;
  } else if (in.accept("window=")) {
    dialogue.settings.window = number();
  } else if (in.accept("mss=")) {
    dialogue.settings.mss_v4 = dialogue.settings.mss_v6 = number();
  } else if (in.accept("burst=")) {
    dialogue.settings.burst_segments = static_cast<std::uint8_t>(number());
  } else if (in.accept("flow-cache=")) {
    dialogue.settings.flow_cache = in.number();
  } else if (in.accept("rst-rate=")) {
    dialogue.settings.rst_per_second = in.number();
  } else if (in.accept("zone=")) {
    dialogue.zone = in.token();
  } else if (in.accept("origin=")) {
    dialogue.origin = in.token();
  } else if (in.accept("largest-reply=")) {
    dialogue.largest_reply = in.number();
  } else {
    in.fail("unknown setting");
  }
}

void parse_question(TextCursor& in, Dialogue& dialogue) {
  DnsQuestion question;
  question.name = in.token();
  question.type = in.token();
  question.dnssec_ok = in.accept("+dnssec");
  dialogue.questions.push_back(question);
}

void parse_query(TextCursor& in, Dialogue& dialogue) {
  ScriptedQuery query;
  query.query_length = in.number();
  in.expect("->");
  if (in.accept("silent")) {
    query.kind = ScriptedQuery::Kind::silent;
  } else if (in.accept("reject")) {
    query.kind = ScriptedQuery::Kind::reject;
  } else if (in.accept("broken")) {
    query.kind = ScriptedQuery::Kind::broken;
  } else {
    query.answer_length = in.number();
    if (in.accept("close")) query.kind = ScriptedQuery::Kind::close;
  }
  dialogue.queries.push_back(query);
}

Event parse_event(TextCursor& in) {
  constexpr std::array<std::pair<std::string_view, Event>, 7> kEvents = {{{"epoch rotate", Event::epoch_rotate},
                                                                          {"epoch drain", Event::epoch_drain},
                                                                          {"service changes", Event::service_change},
                                                                          {"service waits", Event::service_waits},
                                                                          {"service ready", Event::service_ready},
                                                                          {"service off", Event::service_off},
                                                                          {"restart", Event::restart}}};
  for (const auto& [name, event] : kEvents) {
    if (in.accept(name)) return event;
  }
  in.fail("expected '<', '>', 'outcome' or an event");
}

void parse_step(TextCursor& in, unsigned line, std::uint64_t& now_ms, Dialogue& dialogue) {
  now_ms += static_cast<std::uint64_t>(std::lround(in.seconds() * 1000));
  Step step{line, now_ms, Event::restart};
  if (in.accept("<")) {
    step.action = PacketIn{parse_packet(in.rest())};
  } else if (in.accept(">")) {
    step.action = PacketOut{parse_packet(in.rest())};
  } else if (in.accept("outcome")) {
    step.action = ExpectOutcome{std::string(in.word())};
  } else {
    step.action = parse_event(in);
  }
  dialogue.steps.push_back(std::move(step));
}

void parse_line(std::string_view text, unsigned line, std::uint64_t& now_ms, Dialogue& dialogue) {
  TextCursor in(text.substr(0, text.find("//")));
  if (in.at_end()) return;
  if (in.accept("--")) {
    parse_setting(in, dialogue);
  } else if (in.accept("question")) {
    parse_question(in, dialogue);
  } else if (in.accept("query")) {
    parse_query(in, dialogue);
  } else if (in.accept("+")) {
    parse_step(in, line, now_ms, dialogue);
  } else {
    in.fail("expected '--', 'query', 'question' or '+'");
  }
}

}  // namespace

Dialogue read_dialogue(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path.string() + ": cannot be read");
  Dialogue dialogue;
  dialogue.settings.mss_v6 = dialogue.settings.mss_v4;  // so that one text serves both IP versions
  std::uint64_t now_ms = 0;
  std::string text;
  while (std::getline(file, text)) {
    dialogue.lines.push_back(text);
    const auto line = static_cast<unsigned>(dialogue.lines.size());
    try {
      parse_line(text, line, now_ms, dialogue);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(path.string() + ":" + std::to_string(line) + ": " + error.what());
    }
  }
  if (!dialogue.zone.empty()) dialogue.zone = path.parent_path() / dialogue.zone;
  if (dialogue.steps.empty()) throw std::runtime_error(path.string() + ": no steps");
  return dialogue;
}

}  // namespace gl::golden
