// What the TCP and the UDP clients have in common: slots in flight, whose turn it is to start, and the counts.
// Units: TSC cycles. Ownership: borrows options, questions and output. Thread: the generator's core only.
#pragma once

#include <rte_cycles.h>

#include <cstdint>
#include <vector>

#include "app/load/output.h"
#include "app/load/pacing.h"
#include "app/load/queries.h"
#include "app/load/report.h"
#include "app/load/slots.h"

namespace gl::load {

inline constexpr std::uint16_t kAnswerFlag = 0x8000;  // QR

struct Flight {
  Flight(const Options& o, const Queries& q, Output& out)
      : options(o),
        queries(q),
        output(out),
        slots(o),
        now(rte_rdtsc()),
        variety(now),
        pacer(o.rate, rte_get_tsc_hz(), now),
        walk(o.connections, rte_get_tsc_hz()),
        timeout(static_cast<std::uint64_t>(o.timeout_ms / 1000 * static_cast<double>(rte_get_tsc_hz()))),
        milliseconds(1000.0 / static_cast<double>(rte_get_tsc_hz())) {
    idle.reserve(o.connections);
    for (std::uint32_t i = o.connections; i-- > 0;) idle.push_back(i);
  }

  const Options& options;
  const Queries& queries;
  Output& output;
  SlotTable slots;
  std::uint64_t now;  // once a poll
  Prng variety;
  Pacer pacer;
  TimerWalk walk;
  std::uint64_t timeout;
  double milliseconds;  // of one cycle
  Report report;
  std::vector<std::uint32_t> idle;
  std::uint32_t next_query = 0;
  bool draining = false;  // what is in flight may end, nothing begins

  // The first or the next segment of a slot is out: when to send it again.
  void arm(Slot& s) const noexcept { s.deadline = now + (timeout << s.tries); }

  // Fields of a slot that begins; the clients fill in theirs.
  void begin(Slot& s) noexcept {
    ++report.counts.started;
    slots.next_tuple(s);
    choose_query(s);
    s.started = now;
    s.tries = 0;
    s.head_length = 0;
    s.answer_left = 0;
    arm(s);
  }
  void choose_query(Slot& s) noexcept {
    s.query = next_query;
    if (++next_query == queries.size()) next_query = 0;
    s.id = static_cast<std::uint16_t>(variety.next());
  }
  // The slot's exchange is over. True where the next one starts at once, in the same slot.
  [[nodiscard]] bool end(Slot& s) noexcept {
    s.state = State::idle;
    if (pacer.unlimited() && !draining) return true;
    idle.push_back(static_cast<std::uint32_t>(&s - &slots[0]));
    return false;
  }
  [[nodiscard]] std::size_t busy() const noexcept { return slots.size() - idle.size(); }

  // What a DNS header says about the answer; false where it answers something else (RFC 1035 section 4.1.1).
  [[nodiscard]] bool count_answer(const Slot& s, std::uint16_t id, std::uint16_t flags, std::size_t length) noexcept {
    if (id != s.id || (flags & kAnswerFlag) == 0) {
      ++report.counts.bad_answer;
      return false;
    }
    ++report.counts.answers;
    report.counts.answer_bytes += length;
    report.counts.truncated += (flags >> 9) & 1u;
    ++report.counts.rcode[flags & 15];
    report.latency.add(now - s.started);
    return true;
  }
};

}  // namespace gl::load
