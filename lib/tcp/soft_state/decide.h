// The rules of soft state as a table: what a segment is to a remembered flow, and what follows from that. Pure: nothing
// here reads or changes a flow. The table stands in docs/protocol.md, "Soft state", with the dialogue of each cell.
// Thread: pure functions. Sources: RFC 9293 section 3.10.7.4, RFC 5681 section 2 (duplicate ACK), RFC 1122 4.2.3.6.
#pragma once

#include <cstdint>

#include "lib/tcp/soft_state/flow.h"

namespace gl::tcp {

// The segment's bytes, seen from what is buffered of the client's stream; without any, its acknowledgement.
enum class SegmentClass : std::uint8_t {
  new_data,        // begins where the stream goes on
  partial_repeat,  // begins before, and goes on beyond
  repeated_data,   // all of it, a FIN included, came before
  gap,             // begins beyond: something before it is still to come
  fin,             // a FIN where the stream goes on, and no bytes before it
  ack,             // acknowledges something new
  duplicate_ack,   // the same again, with the same window, while answers are on their way
  window_update,   // the same again, with another window or with nothing on its way
  probe,           // keepalive
  resumed,         // it came before, and has waited for an answer that is there now
  ahead,           // acknowledges or echoes what this entry did not send: another instance has gone further
  foreign,         // too far away to be of this connection
  stale,           // an older acknowledgement than the newest one, and nothing new
};

// What the table needs to know of flow and segment, once the segment's bytes and acknowledgement have been noted.
struct Circumstances {
  bool timestamps = false;   // the client carries the ledger
  bool again = false;        // sent anew by the client, not copied by the network, and later than a tail loss probe
  bool from_timer = false;   // the same, after a round trip in which nothing moved: its timer repeats
  bool advanced = false;     // it acknowledges something new, or nothing is on its way: more may be sent
  bool all_arrived = false;  // every answer
  bool due = false;          // a whole query is buffered that has no answer yet, or the client's FIN has none
  bool piece = false;        // the beginning of one is buffered, and everything before it is answered and has arrived
  bool missed_ack = false;   // the segment begins with bytes that were acknowledged
  bool too_late = false;     // bytes behind what our FIN, which has arrived, is the answer to
  bool stuck = false;        // a segment behind a gap came so often that its client has nothing before it to repeat
};

enum class Action : std::uint8_t {
  answer,             // send what may be sent: answers, the ACK of what has arrived, our FIN
  retransmit,         // the same, after everything on its way was declared lost
  acknowledge,        // say once more what the client was told last
  acknowledge_piece,  // of a query: the client would be stuck with it
  acknowledge_gap,    // say what is missing: a duplicate ACK
  acknowledge_fin,    // both sides have closed, or our FIN is missing: say so
  keep,               // what came is buffered; nothing is said
  ignore,             // nothing is said
  stateless,          // the rules without an entry answer; the entry stays
  evict,              // they answer, and the entry goes
  reset,              // RST, and the entry goes
};

[[nodiscard]] Action decide(FlowState state, SegmentClass segment, const Circumstances& is) noexcept;

}  // namespace gl::tcp
