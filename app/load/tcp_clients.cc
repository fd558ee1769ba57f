#include "app/load/tcp_clients.h"

#include <netinet/in.h>

#include <charconv>

#include "app/load/target.h"
#include "app/load/tcp_segments.h"

namespace gl::load {

template <class Ip, bool kTs>
TcpClients<Ip, kTs>::TcpClients(Flight& flight, const Link& link)
    : flight_(flight),
      target_low_(target_low(flight.options.target)),
      syn_([&] {
        const TcpHeader h(flight.options, kSyn);
        return Template<Ip>(flight.options, link, IPPROTO_TCP, h.bytes, h.length);
      }()),
      ack_([&] {
        const TcpHeader h(flight.options, kAck);
        return Template<Ip>(flight.options, link, IPPROTO_TCP, h.bytes, h.length);
      }()),
      query_([&] {
        const TcpHeader h(flight.options, kPsh | kAck);
        return Template<Ip>(flight.options, link, IPPROTO_TCP, h.bytes, h.length);
      }()),
      fin_([&] {
        const TcpHeader h(flight.options, kFin | kAck);
        return Template<Ip>(flight.options, link, IPPROTO_TCP, h.bytes, h.length);
      }()) {}

// ---- out ----

template <class Ip, bool kTs>
inline void TcpClients<Ip, kTs>::send(const Slot& s, const Template<Ip>& kind, std::uint32_t seq, std::size_t ts_at,
                                      const Query* query) noexcept {
  rte_mbuf* const m = flight_.output.take();
  if (m == nullptr) [[unlikely]] {
    ++flight_.report.counts.no_mbuf;
    return;
  }
  const auto clock =
      static_cast<std::uint32_t>(static_cast<std::uint64_t>(static_cast<double>(flight_.now) * flight_.milliseconds));
  const TcpFields fields{flight_.slots.source_low(s), SlotTable::port(s), seq, s.expected, clock, s.peer_ts};
  kind.template tcp<kTs>(m, fields, ts_at, query, s.id);
  flight_.output.send(m);
}

template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::send_syn(const Slot& s) noexcept {
  send(s, syn_, s.seq - 1, kSynTimestampsAt, nullptr);
}
template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::send_ack(const Slot& s) noexcept {
  send(s, ack_, s.seq, kTimestampsAt, nullptr);
}
template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::send_query(Slot& s) noexcept {
  const Query& query = flight_.queries[s.query];
  send(s, query_, s.seq, kTimestampsAt, &query);
  s.seq += query.stream_length;
  s.state = State::asked;
}
template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::send_fin(Slot& s, State next) noexcept {
  send(s, fin_, s.seq, kTimestampsAt, nullptr);
  ++s.seq;
  s.state = next;
}

template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::start(Slot& s) noexcept {
  flight_.begin(s);
  s.unacked = flight_.variety.next();
  s.seq = s.unacked + 1;
  s.expected = 0;
  s.peer_ts = 0;
  s.queries_left = flight_.options.queries_per_connection;
  s.state = State::syn_sent;
  send_syn(s);
}

template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::ask(Slot& s) noexcept {
  s.queries_left = 1;
  act(s, Next::ask);
}
template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::close(Slot& s) noexcept {
  send_fin(s, State::fin_sent);
  s.tries = 0;
  flight_.arm(s);
}

template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::finish(Slot& s) noexcept {
  if (flight_.end(s)) start(s);
}

template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::act(Slot& s, Next next) noexcept {
  switch (next) {
    case Next::nothing:
      return;
    case Next::acknowledge:
      send_ack(s);
      return;
    case Next::establish:
      if (!flight_.options.merge_ack) send_ack(s);
      --s.queries_left;
      send_query(s);
      break;
    case Next::ask:
      --s.queries_left;
      flight_.choose_query(s);
      s.started = flight_.now;
      send_query(s);
      break;
    case Next::rest:
      send_ack(s);
      s.state = State::resting;
      break;
    case Next::close:
      send_ack(s);
      send_fin(s, State::fin_sent);
      break;
    case Next::close_back:
      send_ack(s);
      send_fin(s, State::last_ack);
      break;
    case Next::finish:
      send_ack(s);
      [[fallthrough]];
    case Next::finished:
      finish(s);
      return;
  }
  s.tries = 0;
  flight_.arm(s);
}

// ---- timers ----

// What the client's kernel would send again. Where all of it was acknowledged it can only wait for the answer.
template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::again(Slot& s) noexcept {
  if (s.state == State::syn_sent) {
    send_syn(s);
  } else if (s.unacked == s.seq) {
    return;
  } else if (s.state == State::asked) {
    s.seq -= flight_.queries[s.query].stream_length;
    send_query(s);
  } else {
    --s.seq;
    send_fin(s, s.state);
  }
  ++flight_.report.counts.retransmitted;
}

template <class Ip, bool kTs>
void TcpClients<Ip, kTs>::expire(Slot& s) noexcept {
  if (++s.tries >= flight_.options.tries) {
    ++flight_.report.counts.failed;
    finish(s);
    return;
  }
  flight_.arm(s);
  again(s);
}

// ---- in ----

template <class Ip, bool kTs>
typename TcpClients<Ip, kTs>::Next TcpClients<Ip, kTs>::end_with(std::uint64_t& counter) noexcept {
  ++counter;
  return Next::finished;
}

template <class Ip, bool kTs>
typename TcpClients<Ip, kTs>::Next TcpClients<Ip, kTs>::absorb_syn_ack(Slot& s, const InSegment& in) noexcept {
  Counts& counts = flight_.report.counts;
  if ((in.flags & (kSyn | kAck)) != (kSyn | kAck) || in.ack != s.seq) {
    ++counts.bad_segment;
    return Next::nothing;
  }
  s.unacked = in.ack;
  s.expected = in.seq + 1;
  s.peer_ts = in.ts_value;
  if (flight_.options.mode == Mode::syn) {
    flight_.report.latency.add(flight_.now - s.started);
    return end_with(counts.completed);
  }
  return flight_.options.rests ? Next::rest : Next::establish;
}

template <class Ip, bool kTs>
bool TcpClients<Ip, kTs>::consume(Slot& s, const std::uint8_t* at, std::size_t length, bool& complete) noexcept {
  const Query& query = flight_.queries[s.query];
  if (query.kind == Query::Kind::http) return consume_http(s, {reinterpret_cast<const char*>(at), length}, complete);
  if (s.head_length == 0 && length >= 14u + query.question_length &&
      std::memcmp(at + 14, query.question(), query.question_length) != 0) {
    return false;
  }
  // The head may come in pieces: prefix, id and flags are collected.
  while (s.head_length < sizeof s.head && length != 0) {
    s.head[s.head_length++] = *at++;
    --length;
    if (s.head_length == sizeof s.head) {
      const std::uint32_t message = load_be<std::uint16_t>(s.head);
      if (message < 12) return false;
      s.answer_left = message - 4;
    }
  }
  if (length > s.answer_left) return false;
  s.answer_left -= static_cast<std::uint32_t>(length);
  complete = s.head_length == sizeof s.head && s.answer_left == 0;
  if (!complete) return true;
  s.head_length = 0;
  return flight_.count_answer(s, load_be<std::uint16_t>(s.head + 2), load_be<std::uint16_t>(s.head + 4),
                              load_be<std::uint16_t>(s.head));
}

// The head of a response of ours is in its first segment.
template <class Ip, bool kTs>
bool TcpClients<Ip, kTs>::consume_http(Slot& s, std::string_view bytes, bool& complete) noexcept {
  if (bytes.empty()) return true;
  if (s.head_length == 0) {
    constexpr std::string_view kLength = "Content-Length: ";
    const std::size_t head = bytes.find("\r\n\r\n");
    const std::size_t field = bytes.find(kLength);
    if (!bytes.starts_with("HTTP/1.1 200 ") || head == std::string_view::npos || field > head) return false;
    std::uint32_t body = 0;
    const char* const number = bytes.data() + field + kLength.size();
    if (std::from_chars(number, bytes.data() + head, body).ec != std::errc{} || body > 65536) return false;
    s.answer_left = static_cast<std::uint32_t>(head) + 4 + body;
    s.head_length = 1;
    flight_.report.counts.answer_bytes += s.answer_left;
  }
  if (bytes.size() > s.answer_left) return false;
  s.answer_left -= static_cast<std::uint32_t>(bytes.size());
  complete = s.answer_left == 0;
  if (!complete) return true;
  s.head_length = 0;
  ++flight_.report.counts.answers;
  flight_.report.latency.add(flight_.now - s.started);
  return true;
}

template <class Ip, bool kTs>
typename TcpClients<Ip, kTs>::Next TcpClients<Ip, kTs>::absorb_answer(Slot& s, const InSegment& in,
                                                                      bool closed) noexcept {
  Counts& counts = flight_.report.counts;
  bool complete = false;
  if (!consume(s, in.payload, in.length, complete)) {
    return end_with(counts.bad_answer);
  }
  if (!complete) {
    if (closed) return end_with(counts.closed_early);
    return in.length != 0 ? Next::acknowledge : Next::nothing;
  }
  if (closed) return Next::close_back;
  if (flight_.options.rests) return Next::rest;
  return s.queries_left != 0 ? Next::ask : Next::close;
}

template <class Ip, bool kTs>
typename TcpClients<Ip, kTs>::Next TcpClients<Ip, kTs>::absorb(Slot& s, const InSegment& in) noexcept {
  Counts& counts = flight_.report.counts;
  if ((in.flags & kRst) != 0) return end_with(counts.reset);
  if (s.state == State::syn_sent) return absorb_syn_ack(s, in);
  if ((in.flags & kSyn) != 0) return Next::acknowledge;  // the SYN-ACK again
  const std::uint32_t acked = in.ack - s.unacked;
  if ((in.flags & kAck) == 0 || (acked > s.seq - s.unacked && acked < 1u << 31)) {
    ++counts.bad_segment;
    return Next::nothing;
  }
  if (acked < 1u << 31) s.unacked = in.ack;
  const bool fin = (in.flags & kFin) != 0;
  if (in.seq != s.expected) {
    if (in.length == 0 && !fin) return Next::nothing;
    ++counts.out_of_order;
    return Next::acknowledge;
  }
  s.peer_ts = in.ts_value;
  s.expected += static_cast<std::uint32_t>(in.length) + (fin ? 1 : 0);
  if (s.state == State::asked) return absorb_answer(s, in, fin);
  if (in.length != 0) return end_with(counts.bad_answer);
  if (s.state == State::resting) return fin ? end_with(counts.closed_early) : Next::nothing;
  const bool all_acked = s.unacked == s.seq;
  if (s.state == State::last_ack) return all_acked ? end_with(counts.completed) : Next::nothing;
  if (!fin) return Next::nothing;
  if (!all_acked) {  // both closed at once: our FIN is still to be acknowledged
    s.state = State::last_ack;
    return Next::acknowledge;
  }
  ++counts.completed;
  return Next::finish;
}

template <class Ip, bool kTs>
bool TcpClients<Ip, kTs>::receive(rte_mbuf* m) noexcept {
  const auto frame = load::receive<Ip>(m, flight_.options.sources, target_low_, IPPROTO_TCP);
  if (!frame) return false;
  Counts& counts = flight_.report.counts;
  ++counts.received;
  Slot* const s = flight_.slots.find(frame->source_index, frame->our_port);
  Next next = Next::nothing;
  if (s == nullptr) {
    ++counts.stray;
  } else if (!checksum_ok(frame->pseudo_sum + sum_bytes(frame->l4, frame->l4_length))) {
    ++counts.bad_checksum;
  } else if (const auto in = read_segment(*frame)) {
    next = absorb(*s, *in);
  } else {
    ++counts.bad_segment;
  }
  flight_.output.recycle(m);
  if (s != nullptr) act(*s, next);
  return true;
}

template class TcpClients<Ip4, true>;
template class TcpClients<Ip4, false>;
template class TcpClients<Ip6, true>;
template class TcpClients<Ip6, false>;

}  // namespace gl::load
