#include "app/load/udp_clients.h"

#include "app/load/target.h"

namespace gl::load {
namespace {

struct UdpHeader {
  explicit UdpHeader(const Options& o) { store_be(bytes + 2, o.target_port); }
  std::uint8_t bytes[8] = {};
};

}  // namespace

template <class Ip>
UdpClients<Ip>::UdpClients(Flight& flight, const Link& link)
    : flight_(flight),
      target_low_(target_low(flight.options.target)),
      template_(flight.options, link, IPPROTO_UDP, UdpHeader(flight.options).bytes, 8) {}

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

template <class Ip>
bool UdpClients<Ip>::absorb(const Slot& s, const Received& in) noexcept {
  Counts& counts = flight_.report.counts;
  const Query& query = flight_.queries[s.query];
  const std::size_t length = load_be<std::uint16_t>(in.l4 + 4);
  if (length > in.l4_length || length < 8u + 12u + query.question_length) {
    ++counts.bad_segment;
    return false;
  }
  if (!checksum_ok(in.pseudo_sum + sum_bytes(in.l4, in.l4_length))) {
    ++counts.bad_checksum;
    return false;
  }
  const std::uint8_t* const message = in.l4 + 8;
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
