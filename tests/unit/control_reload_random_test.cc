// Zones that change at random: one identity is one message, and what goes on is what was begun. Most zones here make
// little sense, with proofs in the wrong places: bytes are what counts.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/reload_fixture.h"

namespace gl {
namespace {

using test::kLinger;
using test::Message;
using test::Reloaded;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  unsigned operator()(unsigned below) { return static_cast<unsigned>(engine_() % below); }

 private:
  std::mt19937 engine_;
};

// Lines of zone text that come and go one by one.
class RandomZone {
 public:
  RandomZone(Random& random, std::string origin, bool nsec3)
      : random_(random), origin_(std::move(origin)), nsec3_(nsec3) {
    for (int i = 0; i < 25; ++i) change();
  }
  void change() {
    if (random_(8) == 0) {
      // Another serial, another salt, or none of these records at all.
      (random_(2) == 0 ? serial_ : salt_) = random_(3);
      return;
    }
    const std::string line = one_line();
    const auto [at, added] = lines_.try_emplace(line.substr(0, line.find('|')), line);
    if (!added) random_(2) == 0 ? (void)lines_.erase(at) : (void)(at->second = line);
  }
  [[nodiscard]] std::string text() const {
    std::string all = "$ORIGIN " + origin_ + "\n$TTL 300\n@ SOA ns h " + std::to_string(serial_ + 1) +
                      " 2 3 4 300\n@ NS ns\n@ NS ns.sub.b\n";
    const std::string salt = salt_ == 0 ? "-" : "0" + std::to_string(salt_);
    if (nsec3_ && salt_ != 2) all += "@ NSEC3PARAM 1 0 1 " + salt + "\n";
    for (const auto& [key, line] : lines_) {
      std::string shown = line.substr(0, line.find('|')) + " " + line.substr(line.find('|') + 1);
      if (const std::size_t at = shown.find("SALT"); at != std::string::npos) shown.replace(at, 4, salt);
      all += shown + "\n";
    }
    return all;
  }

 private:
  std::string one_line() {
    static const std::vector<std::string> names = {"a",        "b",  "*.a", "x.a", "y.x.a", "sub.b",
                                                   "ns.sub.b", "ns", "z",   "*",   "@",     "m"};
    const std::string name = names[random_(static_cast<unsigned>(names.size()))];
    const std::string number = std::to_string(random_(2));
    switch (random_(9)) {
      case 0:
        return name + " A|192.0.2." + number;
      case 1:
        return name + " TXT|\"" + number + "\"";
      case 2:
        return name + " MX|1 " + (number == "0" ? "ns" : "x.a");
      case 3:
        return name == "@" || name[0] == '*' ? "a A|192.0.2.3" : name + " NS|ns." + name;
      case 4:
        return name + " DS|1 8 2 " + std::string(63, 'A') + number;
      case 5:
        return "al" + number + " CNAME|" + names[random_(static_cast<unsigned>(names.size() - 2))];
      case 6:
        return "dn DNAME|" + std::string(number == "0" ? "a" : "b");
      case 7:
        return name + " RRSIG|" + std::string(random_(2) == 0 ? "A" : "TXT") +
               " 8 2 300 20300101000000 20200101000000 1 " + origin_ + " AAA" + (number == "0" ? "A" : "E");
      default:
        if (!nsec3_) return name + " NSEC|" + names[random_(4)] + " A";
        return std::string(32, static_cast<char>('0' + static_cast<char>(random_(10)))) + " NSEC3|1 0 1 SALT " +
               std::string(32, static_cast<char>('0' + static_cast<char>(random_(10)))) + " A";
    }
  }

  Random& random_;
  std::string origin_;
  bool nsec3_;
  unsigned serial_ = 0;
  unsigned salt_ = 0;
  std::map<std::string, std::string> lines_;  // by name and type, so that there is one of each
};

std::vector<Message> questions() {
  std::vector<Message> all;
  for (const char* name : {"a", "q.a", "x.a", "y.x.a", "q.q.x.a", "b", "sub.b", "q.sub.b", "ns", "z", "q", "al0", "al1",
                           "dn", "x.dn", "y.x.dn", "sub.dn", "*.a", "m"}) {
    for (const unsigned type : {1U, 2U, 15U, 16U, 43U, 255U, 46U, 5U}) {
      for (const bool dnssec : {false, true}) {
        all.push_back(
            test::query(std::string(name) + ".example.", static_cast<std::uint16_t>(type), {.dnssec = dnssec}));
      }
    }
  }
  return all;
}

struct Answers {
  std::map<std::uint32_t, Message> by_identity;
  std::vector<std::pair<std::uint64_t, Message>> history;  // from when on it was the answer
};

struct Seen {
  unsigned same = 0;      // answers of the same bytes as in the generation before
  unsigned renamed = 0;   // of those, how many have another identity all the same
  unsigned finished = 0;  // answers from a version before
};

void check(Reloaded& server, const Message& question, Answers& answers, Seen& seen) {
  const auto given = server.ask(question);
  const auto [known, added] = answers.by_identity.try_emplace(given.identity, given.bytes);
  ASSERT_EQ(known->second, given.bytes) << "one identity, two answers";
  const bool same = !answers.history.empty() && answers.history.back().second == given.bytes;
  seen.same += same ? 1U : 0U;
  seen.renamed += same && added ? 1U : 0U;
  if (!same) answers.history.emplace_back(server.now, given.bytes);
  ASSERT_EQ(server.go_on(question, given.identity), given.bytes);
  if (const auto rest = server.go_on(question, 0)) {
    ASSERT_EQ(*rest, given.bytes);
    for (std::size_t i = 0; i < answers.history.size(); ++i) {
      const bool lately = i + 1 == answers.history.size() || answers.history[i + 1].first + kLinger > server.now;
      if (lately) {
        ASSERT_EQ(answers.history[i].second, *rest) << "begun " << i << ", spliced";
      }
    }
  }
  for (auto at = answers.by_identity.rbegin(); at != answers.by_identity.rend(); ++at) {
    const auto rest = server.go_on(question, at->first);
    if (!rest) continue;
    ASSERT_EQ(*rest, at->second) << "finished with another answer";
    seen.finished += at->first != given.identity ? 1U : 0U;
  }
}

void change_at_random(unsigned seed, bool nsec3) {
  Random random(seed);
  RandomZone parent(random, "example.", nsec3);
  RandomZone child(random, random(2) == 0 ? "sub.b.example." : "a.example.", false);
  const std::string rest = "@ 300 SOA ns h 1 2 3 4 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n";
  const std::string away = "$ORIGIN away.\n" + rest;
  Reloaded server({"$ORIGIN example.\n" + rest, away});
  const std::vector<Message> asked = questions();
  std::vector<Answers> answers(asked.size());
  Seen seen;
  for (int round = 0; round < 40; ++round) {
    for (unsigned i = random(3); i > 0; --i) parent.change();
    if (random(4) == 0) child.change();
    server.write(parent.text(), 0);
    server.write(random(3) != 0 ? child.text() : away, 1);
    server.pass(random(8) == 0 ? kLinger : random(50));
    ASSERT_TRUE(server.store->load(server.now));
    server.service->begin_burst(0);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      check(server, asked[i], answers[i], seen);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
  EXPECT_GT(seen.finished, 0U);
  EXPECT_LT(seen.renamed, seen.same * 2 / 3) << "hardly anything is known to be the same";
}

TEST(ReloadRandom, OneIdentityIsOneMessage) {
  for (unsigned seed = 1; seed <= 6; ++seed) {
    change_at_random(seed, seed % 2 == 0);
    if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace gl
