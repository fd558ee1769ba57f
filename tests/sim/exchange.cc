#include "tests/sim/exchange.h"

#include <algorithm>

#include "tests/sim/forward_exchange.h"
#include "tests/sim/silence.h"
#include "tests/sim/trace.h"

namespace gl::sim {
namespace {

constexpr std::uint64_t kGiveUpMs = 6 * 3600 * 1000;

class Exchange {
 public:
  Exchange(const Scenario& scenario, std::string* trace)
      : scenario_(scenario),
        streams_(make_streams(scenario.queries)),
        reader_(streams_),
        network_(scenario.channel, scenario.seed * 3 + 1),
        client_(scenario.client, streams_.client, scenario.writes, reader_, network_),
        server_(scenario.server, scenario.seed * 3 + 2),
        silence_(scenario) {
    if (trace == nullptr) return;
    trace_.emplace(scenario, *trace);
    server_.watch(&*trace_);
    client_.on_send([](void* whose, std::uint64_t now_ms, const Packet& packet,
                       bool) { static_cast<Trace*>(whose)->lost_on_the_way(now_ms, packet); },
                    &*trace_);
  }

  Verdict run() {
    client_.start(0);
    while (!ended()) {
      if (!step()) return fail("stalled");
      if (!scenario_.heard) continue;
      const std::string silent = silence_.observe(verdict_.took_ms, client_, reader_.answers());
      if (!silent.empty()) return fail(silent);
    }
    return judge();
  }

 private:
  [[nodiscard]] bool ended() const {
    if (!client_.complaint().empty() || client_.closed() || client_.was_reset()) return true;
    return client_.saw_fin() && !reader_.complete() && client_.idle_reader();
  }

  // False where nothing will ever happen again.
  bool step() {
    const std::uint64_t packet_at = network_.next_at().value_or(kGiveUpMs);
    const std::uint64_t timer_at = client_.timer_at();
    const std::uint64_t answer_at = server_.next_at().value_or(kGiveUpMs);
    verdict_.took_ms = std::min({packet_at, timer_at, answer_at});
    if (verdict_.took_ms >= kGiveUpMs) return false;
    if (answer_at == verdict_.took_ms) {
      server_.resume_frame(answer_at, network_);
      return true;
    }
    if (timer_at <= packet_at) {
      const unsigned before = client_.timeouts();
      const bool nothing_on_its_way = !network_.next_at();
      client_.on_timer(verdict_.took_ms);
      if (nothing_on_its_way) waits_ += client_.timeouts() - before;
      return true;
    }
    const Delivery delivery = network_.take();
    ++verdict_.packets;
    if (delivery.to_server) {
      server_.receive(verdict_.took_ms, delivery, network_);
    } else if (!delivery.flipped) {  // the client's checksum is its own business
      client_.receive(verdict_.took_ms, delivery.packet);
    }
    return true;
  }

  // A connection beyond the reach of its cookie, and a node that has forgotten it.
  [[nodiscard]] bool forgotten(Bytes received) const {
    const bool forgets = scenario_.server.nodes > 1 || scenario_.server.restarts > 0;
    return forgets && scenario_.server.flow_cache > 0 && received.size() >= tcp::kOffsetLimit;
  }

  // A piece of a query was acknowledged alone, so that its entry was the only one to have it.
  [[nodiscard]] bool lost_piece() const {
    const std::size_t acked = client_.repeats().first;
    std::size_t end = 0;
    for (const Query& query : scenario_.queries) {
      if (acked <= end) break;
      end += query.query_length;
    }
    // Nor does a repetition show where the answers end that were counted, when it ends before.
    return scenario_.loses_pieces && (acked != end || client_.repeats_a_part());
  }

  Verdict judge() {
    const Bytes received = client_.received();
    if (!client_.complaint().empty()) return fail(client_.complaint());
    if (!reader_.is_prefix(received)) return fail("wrong bytes after answer " + std::to_string(reader_.answers()));
    if (server_.allocations() != 0) return fail("the packet path asked for memory");
    if (server_.broken_frames() != 0) return fail("a frame with a wrong checksum or length");
    if (client_.was_reset() && !client_.saw_fin()) {  // what follows our FIN is answered by a RST
      if (!scenario_.resets && !forgotten(received) && !lost_piece()) return fail("reset");
      return finish(End::reset);
    }
    if (!reader_.complete()) {
      if (!scenario_.early_fin) return fail("closed before the last answer");
      if (!reader_.at_boundary(received)) return fail("closed in the middle of an answer");
      return finish(End::closed_early);
    }
    if (scenario_.prompt && waits_ != 0) {
      return fail("waited for the client's timer " + std::to_string(waits_) + " times");
    }
    return finish(End::complete);
  }

  Verdict finish(End end) {
    verdict_.end = end;
    verdict_.timeouts = client_.timeouts();
    return verdict_;
  }
  Verdict fail(const std::string& what) {
    verdict_.failure = what;
    return finish(End::failed);
  }

  const Scenario& scenario_;
  const Streams streams_;
  Reader reader_;
  Network network_;
  Client client_;
  Server server_;
  Silence silence_;
  std::optional<Trace> trace_;
  Verdict verdict_;
  unsigned waits_ = 0;  // timeouts for which everyone waited
};

}  // namespace

Verdict run(const Scenario& scenario, std::string* trace) {
  if (scenario.forward != nullptr) return run_forward(scenario, trace);
  return Exchange(scenario, trace).run();
}

}  // namespace gl::sim
