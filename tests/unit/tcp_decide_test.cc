// The table of soft state: each state x each segment class, under all circumstances that make a difference.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "lib/tcp/soft_state/decide.h"

namespace gl::tcp {
namespace {

constexpr std::array kStates = {FlowState::unsynchronized, FlowState::idle, FlowState::in_flight,
                                FlowState::partial_acked, FlowState::closing};
constexpr std::size_t kClasses = 13;

constexpr char letter(Action action) {
  switch (action) {
    case Action::answer:
      return 'a';
    case Action::retransmit:
      return 'R';
    case Action::acknowledge:
      return 'k';
    case Action::acknowledge_piece:
      return 'p';
    case Action::acknowledge_gap:
      return 'g';
    case Action::acknowledge_fin:
      return 'f';
    case Action::keep:
      return 's';
    case Action::ignore:
      return 'i';
    case Action::stateless:
      return 'n';
    case Action::evict:
      return 'e';
    case Action::reset:
      return 'x';
  }
  return '?';
}

// A letter a state, in the order of kStates: unsynchronized, idle, in_flight, partial_acked, closing.
struct Row {
  std::string_view new_data, partial_repeat, repeated_data, gap, fin, ack, duplicate_ack, window_update, probe, resumed,
      ahead, foreign, stale;
};

std::array<std::string_view, kClasses> cells(const Row& row) {
  return {row.new_data,      row.partial_repeat, row.repeated_data, row.gap,   row.fin,     row.ack,  row.duplicate_ack,
          row.window_update, row.probe,          row.resumed,       row.ahead, row.foreign, row.stale};
}

void expect(const Circumstances& is, const Row& row) {
  const auto expected = cells(row);
  for (std::size_t at = 0; at < kClasses; ++at) {
    std::string got;
    for (const FlowState state : kStates) got += letter(decide(state, static_cast<SegmentClass>(at), is));
    EXPECT_EQ(got, expected[at]) << "segment class " << at;
  }
}

// Answers are on their way, and the segment acknowledges nothing new.
constexpr Row kInFlight = {"saaai", "naaas", "nssss", "sgggg", "saaaa", "naaaa", "naaaa",
                           "naaaa", "nkkkk", "naaaa", "eeeee", "eeeee", "iiiii"};
// Every answer has arrived, and nothing waits.
constexpr Row kArrived = {"saaae", "naaae", "nkkkf", "sgggi", "saaaf", "naaaf", "naaaf",
                          "naaaf", "nkkkf", "naaaf", "eeeee", "eeeee", "iiiii"};

// A client without timestamps: no other node could answer instead.
Row without_timestamps(Row row) {
  row.ahead = row.foreign = "nnnnn";
  return row;
}

TEST(Decide, InFlight) {
  expect({.timestamps = true}, kInFlight);
  expect({.timestamps = false}, without_timestamps(kInFlight));
}

TEST(Decide, InFlightAndSomethingNewIsAcknowledged) {
  Row row = kInFlight;
  row.partial_repeat = "naaaa";
  row.repeated_data = "naaaa";
  row.gap = "saaaa";
  expect({.timestamps = true, .advanced = true}, row);
  expect({.timestamps = true, .from_timer = true, .advanced = true}, row);
  expect({.advanced = true}, without_timestamps(row));
}

TEST(Decide, InFlightAndRepeatedByTheTimer) {
  Row row = kInFlight;
  row.partial_repeat = "nRRRR";
  row.repeated_data = "nRRRR";
  expect({.timestamps = true, .from_timer = true}, row);
  expect({.from_timer = true}, without_timestamps(row));
}

TEST(Decide, AllArrived) {
  expect({.timestamps = true, .all_arrived = true}, kArrived);
  Row row = without_timestamps(kArrived);
  row.new_data = "saaaf";  // our FIN may be lost: once more
  row.partial_repeat = "naaaf";
  expect({.all_arrived = true}, row);
}

TEST(Decide, AQueryIsDue) {
  Row row = kArrived;
  row.repeated_data = "naaaf";
  expect({.timestamps = true, .all_arrived = true, .due = true}, row);
  expect({.timestamps = true, .all_arrived = true, .due = true, .missed_ack = true}, row);
}

TEST(Decide, APieceOfAQuery) {
  Row row = kArrived;
  row.new_data = "saape";
  row.partial_repeat = "naape";
  row.repeated_data = "nkkpf";
  expect({.timestamps = true, .all_arrived = true, .piece = true}, row);
  row.repeated_data = "npppf";
  expect({.timestamps = true, .again = true, .from_timer = true, .all_arrived = true, .piece = true}, row);
}

TEST(Decide, APieceOfAQueryWithoutTimestamps) {
  Row row = without_timestamps(kArrived);
  row.new_data = "spppf";
  row.partial_repeat = "npppf";
  row.repeated_data = "nkkpf";
  expect({.all_arrived = true, .piece = true}, row);
  row.repeated_data = "npppf";
  expect({.again = true, .from_timer = true, .all_arrived = true, .piece = true}, row);
}

TEST(Decide, TheClientMissedAnAck) {
  Row row = kArrived;
  row.new_data = "skkke";
  row.partial_repeat = "nkkke";
  expect({.timestamps = true, .all_arrived = true, .missed_ack = true}, row);
  // It is not stuck with the piece behind what was acknowledged.
  row.new_data = "skkpe";
  row.partial_repeat = "nkkpe";
  row.repeated_data = "nkkpf";
  expect({.timestamps = true, .from_timer = true, .all_arrived = true, .piece = true, .missed_ack = true}, row);
}

TEST(Decide, BehindOurFin) {
  Row row = kArrived;
  row.new_data = "saaae";
  row.repeated_data = "nkkke";
  row.gap = "sggge";
  for (std::string_view* cell : {&row.fin, &row.ack, &row.duplicate_ack, &row.window_update, &row.resumed}) {
    *cell = cell == &row.fin ? "saaae" : "naaae";
  }
  row.probe = "nkkke";
  expect({.timestamps = true, .all_arrived = true, .too_late = true}, row);
  row = without_timestamps(kArrived);
  row.new_data = "saaax";
  row.partial_repeat = "naaax";
  row.repeated_data = "nkkkx";
  row.gap = "sgggx";
  for (std::string_view* cell : {&row.fin, &row.ack, &row.duplicate_ack, &row.window_update, &row.resumed}) {
    *cell = cell == &row.fin ? "saaax" : "naaax";
  }
  row.probe = "nkkkx";
  expect({.all_arrived = true, .too_late = true}, row);
}

TEST(Decide, Stuck) {
  Row row = kArrived;
  row.gap = "eeeei";
  expect({.timestamps = true, .all_arrived = true, .stuck = true}, row);
  row = without_timestamps(kArrived);
  row.new_data = "saaaf";
  row.partial_repeat = "naaaf";
  row.gap = "exxxi";
  expect({.all_arrived = true, .stuck = true}, row);
}

}  // namespace
}  // namespace gl::tcp
