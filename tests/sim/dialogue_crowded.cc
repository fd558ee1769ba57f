// Dialogues of clients that have more to ask than our window holds.
#include <algorithm>
#include <array>

#include "lib/tcp/rules.h"
#include "tests/sim/dialogue_of.h"

namespace gl::sim {
namespace {

constexpr std::size_t kLeastQuery = 40;
constexpr std::size_t kBlocks = 36;  // what a client tells of data out of order takes of its segments

enum class Style : std::uint8_t { one_by_one, groups, at_once, cut };

std::size_t answer_length(Random& random, std::size_t most) {
  return random.chance(0.2) ? random.between(14, 300) : random.between(std::min<std::size_t>(most, 500), most);
}

void ask(Scenario& s, Random& random) {
  const std::size_t room = std::min(s.client.mss, s.server.mss) - (s.client.timestamps ? 12u : 0u) - kBlocks;
  const std::size_t longest = std::min(room, random.pick(std::array<std::size_t, 3>{45, 100, 300}));
  const std::size_t most = random.pick(std::array<std::size_t, 8>{300, 1200, 1500, 4000, 8000, 26000, 65523, 65523});
  const std::size_t count = random.chance(0.3)   ? random.between(1, 8)
                            : random.chance(0.5) ? random.between(8, 60)
                                                 : random.between(60, 300);
  // Mostly within the reach of the cookie.
  const std::size_t total = random.chance(0.1) ? 500'000 : 125'000;
  std::size_t answered = 0;
  while (s.queries.size() < count) {
    Query query;
    query.query_length = random.between(kLeastQuery, longest);
    query.answer_length = query.answer_length_after = answer_length(random, most);
    if (answered + query.answer_length > total && !s.queries.empty()) break;
    answered += query.answer_length;
    s.server.largest_reply =
        s.queries.empty() ? query.answer_length : std::max(s.server.largest_reply, query.answer_length);
    s.queries.push_back(query);
  }
  if (answered + s.server.largest_reply > tcp::kLastOffset) s.early_fin = true;
}

void write_cut(Scenario& s, Random& random, std::size_t all, std::uint64_t pause) {
  const std::size_t longest = random.pick(std::array<std::size_t, 3>{60, 400, 3000});
  for (std::size_t end = 0; end < all;) {
    end = std::min(all, end + random.between(20, longest));
    s.writes.push_back({end, 0, random.below(pause + 1)});
  }
}

}  // namespace

void write_crowded_dialogue(Scenario& s, Random& random) {
  ask(s, random);
  const auto style = static_cast<Style>(random.below(4));
  const std::uint64_t pause = random.pick(std::array<std::uint64_t, 5>{0, 0, 1, 5, 40});
  const std::size_t depth = random.chance(0.3) ? random.between(1, 40) : s.queries.size();
  const std::size_t group = style == Style::groups    ? random.between(2, 25)
                            : style == Style::at_once ? s.queries.size()
                                                      : 1;
  std::size_t end = 0;
  for (std::size_t i = 0; i < s.queries.size(); ++i) {
    end += s.queries[i].query_length;
    const bool last = (i + 1) % group == 0 || i + 1 == s.queries.size();
    const std::size_t first = i - i % group;
    if (last) s.writes.push_back({end, first < depth ? 0 : first - depth + 1, random.below(pause + 1)});
  }
  if (style != Style::cut) return;
  // The rest of a query waits for the ACK of the piece before, which comes when that was repeated twice.
  s.client.nagle = false;
  s.writes.clear();
  write_cut(s, random, end, std::min<std::uint64_t>(pause, 5));
}

}  // namespace gl::sim
