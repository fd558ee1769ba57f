#include "app/load/udp_clients.h"

#include "app/load/target.h"
#include "app/load/udp_header.h"

namespace gl::load {
namespace {

// What ends an exchange; its length is 0 where nothing does.
Query ack_of(const Query& query) noexcept {
  Query ack;
  ack.kind = Query::Kind::datagram;
  ack.id_at = Query::kNoId;
  ack.message_length = query.ack_length;
  std::copy_n(query.ack.begin(), query.ack_length, ack.stream + 2);
  ack.datagram_sum = sum_bytes(ack.message(), ack.message_length);
  return ack;
}

}  // namespace

template <class Ip>
UdpClients<Ip>::UdpClients(Flight& flight, const Link& link)
    : flight_(flight),
      target_low_(target_low(flight.options.target)),
      template_(flight.options, link, IPPROTO_UDP, UdpHeader(flight.options.target_port).bytes, 8),
      ack_template_(flight.options, link, IPPROTO_UDP, UdpHeader(0).bytes, 8),
      ack_(ack_of(flight.queries[0])) {}

template <class Ip>
void UdpClients<Ip>::ask(Slot& s) noexcept {
  rte_mbuf* const m = flight_.output.take();
  if (m == nullptr) {
    ++flight_.report.counts.no_mbuf;
    return;
  }
  template_.udp(m, flight_.slots.source_low(s), SlotTable::port(s), flight_.queries[s.query], s.id);
  flight_.output.send(m);
}

// The slot waits for its next turn, as many a poll as a burst holds: nothing says that the server keeps up.
template <class Ip>
void UdpClients<Ip>::finish_unanswered(Slot& s) noexcept {
  ++flight_.report.counts.completed;
  s.state = State::idle;
  flight_.idle.push_back(static_cast<std::uint32_t>(&s - &flight_.slots[0]));
}

template <class Ip>
void UdpClients<Ip>::acknowledge(const Slot& s, const Received& in) noexcept {
  rte_mbuf* const m = flight_.output.take();
  if (m == nullptr) {
    ++flight_.report.counts.no_mbuf;
    return;
  }
  ack_template_.udp(m, flight_.slots.source_low(s), SlotTable::port(s), ack_, 0);
  std::uint8_t* const l4 = rte_pktmbuf_mtod(m, std::uint8_t*) + Ip::kL4;
  std::uint16_t sum = 0;
  std::memcpy(&sum, l4 + 6, sizeof sum);
  const std::uint16_t to = raw16(load_be<std::uint16_t>(in.l4));
  put16(l4 + 2, to);
  sum = checksum(static_cast<Sum>(static_cast<std::uint16_t>(~sum)) + to);
  put16(l4 + 6, sum != 0 ? sum : 0xffff);
  flight_.output.send(m);
}

template <class Ip>
bool UdpClients<Ip>::absorb(const Slot& s, const Received& in) noexcept {
  Counts& counts = flight_.report.counts;
  const Query& query = flight_.queries[s.query];
  const std::size_t length = load_be<std::uint16_t>(in.l4 + 4);
  const bool dns = query.kind == Query::Kind::dns;
  const std::size_t least = dns ? 12u + query.question_length : query.has_answer_id() ? query.answer_id_at + 2u : 1u;
  if (length > in.l4_length || length < 8 + least) {
    ++counts.bad_segment;
    return false;
  }
  if (!checksum_ok(in.pseudo_sum + sum_bytes(in.l4, in.l4_length))) {
    ++counts.bad_checksum;
    return false;
  }
  const std::uint8_t* const message = in.l4 + 8;
  if (!dns) {
    if (query.answer_length != 0 && length != 8u + query.answer_length) {
      ++counts.bad_answer;
      return false;
    }
    const std::uint16_t id = query.has_answer_id() ? load_be<std::uint16_t>(message + query.answer_id_at) : s.id;
    return flight_.count_answer(s, id, kAnswerFlag, length - 8);
  }
  if (std::memcmp(message + 12, query.question(), query.question_length) != 0) {
    ++counts.bad_answer;
    return false;
  }
  return flight_.count_answer(s, load_be<std::uint16_t>(message), load_be<std::uint16_t>(message + 2), length - 8);
}

template <class Ip>
bool UdpClients<Ip>::receive(rte_mbuf* m) noexcept {
  const auto in = load::receive<Ip>(m, flight_.options.sources, target_low_, IPPROTO_UDP);
  if (!in) return false;
  Counts& counts = flight_.report.counts;
  ++counts.received;
  Slot* const s = flight_.slots.find(in->source_index, in->our_port);
  if (s == nullptr) ++counts.stray;
  const bool answered = s != nullptr && absorb(*s, *in);
  if (answered && ack_.message_length != 0) acknowledge(*s, *in);
  flight_.output.recycle(m);
  if (answered) {
    ++counts.completed;
    if (flight_.end(*s)) start(*s);
  }
  return true;
}

template <class Ip>
void UdpClients<Ip>::expire(Slot& s) noexcept {
  if (++s.tries >= flight_.options.tries) {
    ++flight_.report.counts.failed;
    if (flight_.end(s)) start(s);
    return;
  }
  ++flight_.report.counts.retransmitted;
  flight_.arm(s);
  ask(s);
}

template class UdpClients<Ip4>;
template class UdpClients<Ip6>;

}  // namespace gl::load
