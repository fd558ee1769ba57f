#include "lib/services/sum/sum.h"

#include <algorithm>

#include "lib/service/caller_ports.h"
#include "lib/services/sum/request.h"

namespace gl::services {

void SumService::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, name##_.value(), help);
  GL_SUM_COUNTERS(X)
#undef X
}

void SumService::receive(const Datagram& datagram, DatagramSink& sink) noexcept {
  if (may_loop(registry_, datagram)) return server_ports_.add();
  const auto list = parse_integers(datagram.payload);
  if (!list) {
    malformed_.add();
    return;
  }
  sums_.add();
  Line line{
      .peer_length = datagram.address_length, .peer_port = datagram.peer_port, .count = list->count, .sum = list->sum};
  std::copy_n(datagram.peer, datagram.address_length, line.peer.begin());
  if (!lines_.push(line)) unlogged_.add();
  if (!replies_) return;
  const MutableBytes out = sink.room();
  if (out.size() < kSumIntegerSize) return;
  store_be(out.data(), list->sum);
  (void)sink.send(datagram.local_port, kSumIntegerSize);
}

}  // namespace gl::services
