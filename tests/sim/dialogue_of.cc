#include "tests/sim/dialogue_of.h"

#include <algorithm>
#include <array>

#include "lib/tcp/rules.h"

namespace gl::sim {
namespace {

enum class Style : std::uint8_t { sequential, pipelined, batched, split_prefix, split_bytes, split_middle };

constexpr std::size_t kLeastQuery = 40;
constexpr std::size_t kLongestQuery = 300;
constexpr std::size_t kPulls = 12;  // of an answer, each worth a timeout of the client: Linux gives up after 15
constexpr std::size_t kServerWindow = 4094;

std::size_t segment_room(const Scenario& s) {
  return std::min(s.client.mss, s.server.mss) - (s.client.timestamps ? 12u : 0u);
}

std::size_t answer_length(const Scenario& s, Random& random) {
  const std::size_t most = random.pick(std::array<std::size_t, 8>{100, 500, 500, 1500, 1500, 4000, 16000, 65523});
  if (s.moderate) return 14 + random.below(std::min<std::size_t>(most, 4000));
  const std::size_t burst = std::min<std::size_t>(10 * segment_room(s), s.client.buffer);
  // While an answer takes longer than the client's timer, its query may be answered from both versions.
  if (s.server.zone_at != 0) return 14 + random.below(std::min(most, burst));
  // Who is ahead of the ledger it echoes by more than that is reset, in pieces or not.
  const std::size_t longest = s.pieces ? tcp::kMaxAhead : kMaxRenderedAnswer;
  const std::size_t limit = s.prompt ? longest : std::min(longest, kPulls * burst);
  return std::min<std::size_t>(14 + random.below(most), limit);
}

Style any_style(const Scenario& s, Random& random) {
  if (s.one_segment) return random.pick(std::array{Style::batched, Style::batched, Style::split_prefix});
  const auto style = static_cast<Style>(random.below(s.moderate ? 3 : 6));
  // A query in two pieces is not acknowledged before it is whole: Nagle holds the second piece back, and who never
  // joins segments never sends it whole.
  const bool whole_only = s.client.nagle || s.client.repeat == Repeat::segments;
  if (whole_only && (style == Style::split_bytes || style == Style::split_middle)) return Style::sequential;
  return style;
}

void cut(Scenario& s, Random& random, Style style, std::size_t begin, std::size_t end, std::size_t after) {
  const std::uint64_t pause = random.chance(0.3) ? random.between(1, 60) : 0;
  if (style == Style::split_prefix) s.writes.push_back({begin + 2, after, 0});
  if (style == Style::split_middle) s.writes.push_back({begin + random.between(1, end - begin - 1), after, 0});
  if (style == Style::split_bytes) {
    const std::size_t pieces = random.between(1, 9);
    for (std::size_t i = 1; i <= pieces; ++i) s.writes.push_back({begin + i, after, 0});
  }
  s.writes.push_back({end, after, style == Style::sequential || style >= Style::split_prefix ? pause : 0});
}

void write_queries(Scenario& s, Random& random, Style style) {
  std::size_t begin = 0;
  const bool joins = !s.client.nagle && s.client.repeat != Repeat::segments;
  const bool pipelined_pieces = style >= Style::split_prefix && joins && random.chance(0.3);
  for (std::size_t i = 0; i < s.queries.size(); ++i) {
    const std::size_t end = begin + s.queries[i].query_length;
    const bool waits = style == Style::sequential || (style >= Style::split_prefix && !pipelined_pieces);
    cut(s, random, style, begin, end, waits ? i : 0);
    begin = end;
  }
  if (style == Style::batched) s.writes = {{begin, 0, 0}};
  if (s.one_segment) {
    // Or its prefix and the rest.
    const std::size_t first = s.writes.front().end;
    s.writes = {{begin, 0, 0}};
    if (style == Style::split_prefix) s.writes.insert(s.writes.begin(), {first, 0, 0});
  }
}

// Anywhere, and with pauses up to beyond the client's timer. Queries that are counted together have to come again
// together, so who never joins segments asks one after the other, and so does one whose queries need several; and a
// segment that waited for an answer may say where its client was long ago.
void write_pieces(Scenario& s, Random& random, std::size_t asked) {
  const bool joins = s.client.repeat != Repeat::segments && asked <= segment_room(s);
  const bool pipelined = random.chance(0.3) && joins && s.server.slow_ms == 0;
  const std::uint64_t longest = random.pick(std::array<std::uint64_t, 3>{0, 60, 1500});
  std::size_t begin = 0;
  for (std::size_t i = 0; i < s.queries.size(); ++i) {
    const std::size_t after = pipelined ? 0 : i;
    const std::size_t end = begin + s.queries[i].query_length;
    std::vector<std::size_t> ends(random.between(0, 8));
    for (std::size_t& at : ends) at = begin + random.between(1, end - begin - 1);
    ends.push_back(end);
    std::sort(ends.begin(), ends.end());
    for (const std::size_t at : ends) s.writes.push_back({at, after, random.below(longest + 1)});
    begin = end;
  }
}

// `asked` and `answered`: bytes of all queries, and of the longest answers to them.
void lay_out(Scenario& s, Random& random, Style style, std::size_t asked, std::size_t answered) {
  if (answered + s.server.largest_reply > tcp::kLastOffset) s.early_fin = true;
  if (s.pieces) return write_pieces(s, random, asked);
  const std::size_t room = segment_room(s);
  // A client of this kind that half-closes before it has the whole of a long answer, or whose FIN is a segment of its
  // own, is not helped.
  const bool own_fin = s.client.closing == Closing::after_last_write;
  if (s.one_segment && (answered > 60 || own_fin)) s.client.closing = Closing::after_reading;
  // Who never joins segments asks one query after the other: what is counted together has to come again together.
  if (s.client.repeat == Repeat::segments && style != Style::split_prefix) style = Style::sequential;
  // Linux joins buffers only as a whole: a query cut by the end of a segment comes again in two pieces for ever, where
  // no one has kept the first.
  if (s.moderate && style == Style::batched && asked > room) style = Style::pipelined;
  const bool cuts = style == Style::batched || (style == Style::pipelined && s.client.nagle);
  const bool window_cuts = style != Style::sequential && asked > kServerWindow;
  if ((!s.prompt || s.moderate) && s.client.repeat == Repeat::whole_buffers &&
      ((cuts && asked > room) || window_cuts)) {
    s.client.repeat = Repeat::bytes;
  }
  // See settle() in scenario.cc: what is repeated before it was lost may be answered from both versions.
  if (s.server.zone_at != 0)
    style = style == Style::pipelined || style >= Style::split_bytes ? Style::sequential : style;
  if (s.one_segment && style == Style::sequential) style = Style::batched;
  write_queries(s, random, style);
}

}  // namespace

void write_long_dialogue(Scenario& s, Random& random) {
  const std::size_t most = random.pick(std::array<std::size_t, 4>{200, 1500, 4000, 16000});
  const std::size_t total = random.between(300'000, random.chance(0.1) ? 6'000'000 : 1'500'000);
  // Queries on their way at a time; all of them fit our window.
  const std::size_t depth = random.between(4, 20);
  s.client.closing = Closing::after_reading;
  s.client.repeat = Repeat::bytes;
  std::size_t begin = 0;
  for (std::size_t answered = 0; answered < total;) {
    Query query;
    query.query_length = random.between(kLeastQuery, 200);
    query.answer_length = query.answer_length_after = random.between(14, most);
    answered += query.answer_length;
    begin += query.query_length;
    s.server.largest_reply = std::max(s.queries.empty() ? 0 : s.server.largest_reply, query.answer_length);
    const std::size_t number = s.queries.size();
    s.writes.push_back({begin, number < depth ? 0 : number - depth + 1, 0});
    s.queries.push_back(query);
  }
}

void write_bulk_dialogue(Scenario& s, Random& random) {
  const std::size_t before = random.chance(0.5) ? 0 : random.between(1, 3);
  const bool pipelined = random.chance(0.4) && s.client.repeat == Repeat::bytes && s.server.flow_cache != 0;
  s.client.closing = Closing::after_reading;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= before; ++i) {
    Query query;
    query.query_length = random.between(kLeastQuery, 180);
    const bool last = i == before;
    query.answer_length = last ? random.between(kMaxRenderedAnswer + 1, 700'000) : random.between(14, 4000);
    query.answer_length_after = query.answer_length;
    query.same_after = s.server.zone_at == 0 || random.chance(0.3);
    s.server.largest_reply = std::max<std::size_t>(i == 0 ? 0 : s.server.largest_reply, last ? 0 : query.answer_length);
    begin += query.query_length;
    s.writes.push_back({begin, pipelined ? 0 : i, 0});
    s.queries.push_back(query);
  }
  // Without timestamps and an entry there is one segment of queries.
  if (s.one_segment) s.queries.assign(1, s.queries.back()), s.writes.assign(1, {s.queries[0].query_length, 0, 0});
}

void write_dialogue(Scenario& s, Random& random) {
  if (s.lengthy) return write_long_dialogue(s, random);
  if (s.bulk) return write_bulk_dialogue(s, random);
  if (s.crowded) return write_crowded_dialogue(s, random);
  const std::size_t room = segment_room(s);
  const Style style = any_style(s, random);
  const std::size_t count = random.between(1, 8);
  std::size_t asked = 0;
  std::size_t answered = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Query query;
    query.query_length = kLeastQuery + random.below(std::min(room, kLongestQuery) - kLeastQuery + 1);
    if (random.chance(0.02) && room > kLongestQuery) query.query_length = random.between(kLongestQuery, room);
    query.answer_length = query.answer_length_after = answer_length(s, random);
    if (s.server.zone_at != 0 && random.chance(0.7)) {
      query.same_after = false;
      if (random.chance(0.7)) query.answer_length_after = answer_length(s, random);
    }
    const std::size_t longest = std::max(query.answer_length, query.answer_length_after);
    if (s.one_segment && i > 0 && (asked + query.query_length > room || answered + longest > 60000)) break;
    asked += query.query_length;
    answered += longest;
    s.queries.push_back(query);
    s.server.largest_reply = i == 0 ? longest : std::max(s.server.largest_reply, longest);
  }
  lay_out(s, random, style, asked, answered);
}

void cut_dialogue(Scenario& s, Random& random) {
  const Style style = any_style(s, random);
  std::size_t asked = 0;
  std::size_t answered = 0;
  std::size_t count = 0;
  for (const Query& query : s.queries) {
    const std::size_t longest = std::max(query.answer_length, query.answer_length_after);
    const bool fits = asked + query.query_length <= segment_room(s) && answered + longest <= 60000;
    if (s.one_segment && count > 0 && !fits) break;
    asked += query.query_length;
    answered += longest;
    ++count;
  }
  s.queries.resize(count);
  lay_out(s, random, style, asked, answered);
}

}  // namespace gl::sim
