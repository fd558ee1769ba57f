#include "tests/sim/forward_exchange.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "tests/sim/forward_node.h"
#include "tests/sim/forward_versions.h"
#include "tests/sim/frames.h"
#include "tests/sim/trace.h"
#include "tests/sim/udp_frames.h"

namespace gl::sim {
namespace {

constexpr std::uint64_t kGiveUpMs = 6 * 3600 * 1000;
constexpr std::uint64_t kWakeMs = 20;  // a node that is busy looks at its clock
constexpr std::uint16_t kFirstClientPort = 40000;
constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kLongestShort = 512;  // of a question that does not go over TCP
constexpr wire::Ipv4Address kGhostAddress{{192, 0, 2, 77}};

struct Party {
  Party(const ForwardParty& what, const History& history, std::uint16_t port, std::uint64_t seed)
      : scenario(what.scenario),
        stream(stream_of(what)),
        reader(history, what.requests),
        network(what.scenario.channel, seed),
        client(what.scenario.client, stream, what.scenario.writes, reader, network) {
    ends.v6 = what.scenario.server.v6;
    ends.client_port = port;
  }
  static ByteString stream_of(const ForwardParty& what) {
    ByteString stream;
    for (const ForwardRequest& request : what.requests) {
      stream.push_back(static_cast<std::uint8_t>(request.message.size() >> 8));
      stream.push_back(static_cast<std::uint8_t>(request.message.size()));
      stream.insert(stream.end(), request.message.begin(), request.message.end());
    }
    return stream;
  }
  [[nodiscard]] bool ended() const {
    if (!client.complaint().empty() || client.closed() || client.was_reset() || reader.is_wrong()) return true;
    if (stalled) return true;
    return client.saw_fin() && !reader.complete() && client.idle_reader();
  }

  const Scenario& scenario;
  const ByteString stream;
  ForwardReader reader;
  Network network;
  Client client;
  Ends ends;
  SentVersions versions;
  bool stalled = false;
};

// What became of one who asked over UDP.
struct GhostState {
  const ForwardRequest* request = nullptr;
  unsigned asked = 0;
  unsigned answered = 0;
  unsigned failed = 0;  // of them, with SERVFAIL or TC
};

class Exchange {
 public:
  Exchange(const Scenario& scenario, std::string* trace, std::size_t traced)
      : world_(*scenario.forward),
        history_(world_.topics),
        random_(scenario.seed * 5 + 1),
        backends_(world_, history_, scenario.seed * 5 + 2),
        node_(world_, backends_, scenario.seed * 5 + 3),
        traced_(traced) {
    for (const ForwardParty& what : world_.parties) {
      const auto port = static_cast<std::uint16_t>(kFirstClientPort + parties_.size());
      parties_.push_back(std::make_unique<Party>(what, history_, port, scenario.seed * 5 + 4 + parties_.size()));
    }
    if (trace == nullptr) return;
    trace_.emplace(parties_[traced]->scenario, *trace);
    parties_[traced]->client.on_send([](void* whose, std::uint64_t now_ms, const Packet& packet,
                                        bool) { static_cast<Trace*>(whose)->lost_on_the_way(now_ms, packet); },
                                     &*trace_);
  }

  Verdict run() {
    for (const auto& party : parties_) party->client.start(0);
    while (failure_.empty() && !std::ranges::all_of(parties_, [](const auto& party) { return party->ended(); })) {
      if (!step()) return stalled();
    }
    return judged();
  }
  // Whose fault it was, or at least of interest.
  [[nodiscard]] std::size_t culprit() const { return culprit_; }

 private:
  // What waits for the rest of an answer that was two has waited for nothing.
  Verdict stalled() {
    for (const auto& party : parties_) {
      party->stalled = !party->ended();
      if (party->stalled && !limited(*party)) fail("stalled");
    }
    give_up_ms_ = verdict_.took_ms + kGiveUpMs;
    return judged();
  }
  // A node that has forgotten what it gave, and a client whose repetition does not show that it has it.
  [[nodiscard]] bool limited(const Party& party) const {
    return (world_.forgets || restarts_ != 0) && party.versions.answered_anew();
  }
  Verdict judged() {
    while (!failure_.empty() && culprit_ + 1 < parties_.size() && parties_[culprit_]->ended()) ++culprit_;
    for (std::size_t i = 0; i < parties_.size() && failure_.empty(); ++i) judge(i);
    if (failure_.empty()) drain();
    if (failure_.empty()) ask_fresh();
    if (failure_.empty()) judge_node();
    for (const auto& party : parties_) verdict_.timeouts += party->client.timeouts();
    verdict_.end = failure_.empty() ? worst_ : End::failed;
    verdict_.failure = failure_;
    return verdict_;
  }
  void fail(const std::string& what) {
    if (failure_.empty()) failure_ = what;
  }

  // ---- Time.
  [[nodiscard]] std::uint64_t next_at() const {
    std::uint64_t next = backends_.next_at().value_or(give_up_ms_);
    if (ghost_ < world_.ghosts.size()) next = std::min(next, world_.ghosts[ghost_].at_ms);
    if (node_.busy()) next = std::min(next, (verdict_.took_ms / kWakeMs + 1) * kWakeMs);
    for (const auto& party : parties_) {
      next = std::min(next, party->network.next_at().value_or(give_up_ms_));
      if (!party->ended()) next = std::min(next, party->client.timer_at());
    }
    return next;
  }

  // False where nothing will ever happen again.
  bool step() {
    const std::uint64_t next = next_at();
    if (round_open_ && next != verdict_.took_ms) {
      end_round();
      return true;
    }
    if (next >= give_up_ms_) return false;
    verdict_.took_ms = history_.now_ms = next;
    for (std::size_t i = 0; i < parties_.size(); ++i) {
      if (step_of(i)) return true;
    }
    begin_round();
    if (ghost_ < world_.ghosts.size() && world_.ghosts[ghost_].at_ms == next) {
      haunt(world_.ghosts[ghost_++]);
    } else if (backends_.next_at() == next) {
      from_backend(backends_.next_event());
    }
    maybe_end_round();
    return true;
  }

  // A party's timer, or a packet of its network.
  bool step_of(std::size_t i) {
    Party& party = *parties_[i];
    const std::uint64_t now = verdict_.took_ms;
    if (!party.ended() && party.client.timer_at() <= now) {
      party.client.on_timer(now);
      return true;
    }
    if (party.network.next_at() != now) return false;
    const Delivery delivery = party.network.take();
    ++verdict_.packets;
    if (!delivery.to_server) {
      if (!party.ended() && !delivery.flipped) party.client.receive(now, delivery.packet);
      return true;
    }
    if (random_.chance(world_.restarts)) restart();
    begin_round();
    if (trace_ && i == traced_ && !delivery.flipped) trace_->arrived(now, delivery.packet, 0);
    ByteString frame = to_frame(delivery.packet, party.ends);
    if (delivery.flipped) flip_bit(frame, *delivery.flipped, party.ends.v6);
    flipped_ = flipped_ || delivery.flipped.has_value();
    node_.receive(frame, false);
    if (i == traced_) comment(std::string(node_.outcome()));
    maybe_end_round();
    return true;
  }

  void restart() {
    end_round();
    if (const std::string what = node_.contradiction(false); !what.empty()) fail(what);
    node_.restart();
    ++restarts_;
    for (GhostState& ghost : ghosts_) ghost.answered = std::max(ghost.answered, 1U);  // nobody knows of them any more
    comment("the node starts anew");
  }

  void begin_round() {
    if (round_open_) return;
    round_open_ = true;
    if (node_.waiting() == 0) progress_ms_ = verdict_.took_ms;
    node_.begin_round(verdict_.took_ms);
  }
  // Frames of one burst are looked at before those that waited.
  void maybe_end_round() {
    if (random_.chance(0.5)) end_round();
  }
  void end_round() {
    if (!round_open_) return;
    round_open_ = false;
    node_.end_round();
    for (const std::string& what : backends_.news()) comment(what);
    const unsigned resumed = node_.resumed();
    if (trace_ && resumed != 0) trace_->event(verdict_.took_ms, "taken up again");
    if (resumed != 0) comment(std::string(node_.outcome()));
    for (const auto& party : parties_) party->versions.begin_burst();
    for (const ByteString& frame : node_.sent()) distribute(frame);
    if (resumed != 0) progress_ms_ = verdict_.took_ms;
    if (verdict_.took_ms - progress_ms_ > longest_wait()) fail("a frame waits for ever");
  }
  [[nodiscard]] std::uint64_t longest_wait() const {
    const backend::ForwardSettings& s = world_.settings;
    const std::uint64_t rounds = std::uint64_t{s.tries} * 3 * s.timeout_ms + 2 * s.timeout_ms;
    return 2 * rounds + (s.pass_transfers ? s.tries * 10'000 + 2'000 : 0) + 200;
  }

  // ---- Who else sends and receives.
  void haunt(const Ghost& ghost) {
    ghosts_.push_back({&ghost.request, ghost.times});
    const auto port = static_cast<std::uint16_t>(ghost.port);
    if (port != kFirstGhostPort + ghosts_.size() - 1) return fail("ghosts out of order");
    for (unsigned i = 0; i < ghost.times; ++i) {
      node_.receive(udp_frame(ghost.request.message, {kGhostAddress, Ends().server4, port, kDnsPort}), true);
    }
    comment("somebody asks over UDP for t" + std::to_string(ghost.request.topic));
  }

  void from_backend(const BackendEvent& event) {
    comment(event.what);
    if (event.job != nullptr) {
      backends_.complete(event);
      end_round();
      begin_round();
      return;
    }
    const bool v6 = std::holds_alternative<wire::Ipv6Address>(event.source);
    const wire::IpAddress ours = v6 ? wire::IpAddress(Ends().server6) : wire::IpAddress(Ends().server4);
    node_.receive(udp_frame(event.payload, {event.source, ours, event.source_port, event.our_port}), true);
  }

  void distribute(const ByteString& frame) {
    if (const std::optional<UdpReply> reply = read_udp(frame)) return to_ghost(*reply);
    for (std::size_t i = 0; i < parties_.size(); ++i) {
      std::optional<Packet> packet = from_frame(frame, parties_[i]->ends);
      if (!packet) continue;
      const Packet copy = *packet;
      const bool arrives = parties_[i]->network.send(verdict_.took_ms, false, std::move(*packet));
      parties_[i]->versions.sent(copy, arrives);
      if (trace_ && i == traced_) trace_->sent(copy, !arrives);
      return;
    }
    if (!flipped_) fail("a frame with a wrong checksum or length");
  }

  void to_ghost(const UdpReply& reply) {
    const std::size_t number = static_cast<std::size_t>(reply.port) - kFirstGhostPort;
    if (number >= ghosts_.size()) return fail("a datagram to nobody");
    GhostState& ghost = ghosts_[number];
    ++ghost.answered;
    if ((reply.payload[3] & 0xf) == 2 || (reply.payload[2] & 2) != 0) ++ghost.failed;
    if (ghost.answered > ghost.asked) fail("more datagrams than questions");
    if (!is_answer(history_, *ghost.request, reply.payload, true, false)) fail("a wrong answer over UDP");
  }

  void comment(const std::string& what) {
    if (trace_ && !what.empty()) trace_->comment(verdict_.took_ms, what);
  }

  // ---- The end.
  void judge(std::size_t i) {
    culprit_ = i;
    Party& party = *parties_[i];
    const Bytes received = party.client.received();
    if (!party.client.complaint().empty()) return fail(party.client.complaint());
    if (limited(party) && (party.stalled || !party.reader.is_prefix(received))) {
      worst_ = End::two_versions;
      return;
    }
    if (!party.reader.is_prefix(received))
      return fail("wrong bytes after answer " + std::to_string(party.reader.answers()));
    if (party.client.was_reset() && !party.client.saw_fin()) {  // what follows our FIN is answered by a RST
      if (!party.scenario.resets) return fail("reset");
      worst_ = std::max(worst_, End::reset);
      return;
    }
    if (party.reader.complete()) return;
    if (!party.scenario.early_fin) return fail("closed before the last answer");
    if (!party.reader.at_boundary(received)) return fail("closed in the middle of an answer");
    worst_ = std::max(worst_, End::closed_early);
  }

  // Until nothing is under way.
  void drain() {
    while (failure_.empty() && step()) {
    }
    end_round();
    backends_.behave();
    for (unsigned i = 0; i < 4; ++i) pass(std::max(world_.settings.health_interval_ms, 100U));
    // A health check may just have gone out.
    for (unsigned i = 0; i < 8 && !node_.contradiction(true).empty(); ++i) pass(3);
    if (const std::string what = node_.contradiction(true); !what.empty()) fail(what);
    if (std::ranges::any_of(ghosts_, [](const GhostState& ghost) { return ghost.answered == 0; })) {
      fail("a datagram was not answered");
    }
  }
  void pass(std::uint64_t ms) {
    const std::uint64_t until = verdict_.took_ms + ms;
    while (failure_.empty() && next_at() <= until) {
      if (!step()) break;
    }
    end_round();
    verdict_.took_ms = history_.now_ms = until;
    begin_round();
    end_round();
  }

  // As many as there are slots for datagrams: every one of them is free again.
  void ask_fresh() {
    const std::size_t first = ghosts_.size();
    begin_round();
    std::vector<ForwardRequest> requests;
    requests.reserve(world_.topics.size());
    for (std::size_t topic = world_.fresh; topic < world_.topics.size(); ++topic) {
      do {
        requests.push_back(make_request(random_, world_.topics, topic));
      } while (requests.back().message.size() > kLongestShort && (requests.pop_back(), true));
      haunt({.port = static_cast<std::uint16_t>(kFirstGhostPort + ghosts_.size()), .request = requests.back()});
      ghosts_.back().request = &requests.back();
    }
    end_round();
    pass(100);
    for (std::size_t i = first; i < ghosts_.size(); ++i) {
      if (ghosts_[i].answered != 1 || ghosts_[i].failed != 0) fail("a slot is lost");
    }
    ghosts_.resize(first);
  }

  void judge_node() {
    if (const std::string what = node_.contradiction(false); !what.empty()) return fail(what);
    if (node_.allocations() != 0) return fail("the packet path asked for memory");
    for (std::size_t topic = 0; topic < world_.fresh; ++topic) {
      const Topic::Kind kind = world_.topics[topic].kind;
      const bool once = kind == Topic::Kind::update || kind == Topic::Kind::notify;
      if (once && backends_.asked(topic) > 1 + restarts_) return fail("an UPDATE or NOTIFY was sent twice");
      if (!once && !world_.forgets && restarts_ == 0 && backends_.asked(topic) > most_asked(topic)) {
        return fail("a name server was asked too often");
      }
    }
  }
  [[nodiscard]] std::size_t most_asked(std::size_t topic) const {
    std::size_t asks = 0;
    for (const ForwardParty& party : world_.parties) {
      asks += static_cast<std::size_t>(std::ranges::count(party.requests, topic, &ForwardRequest::topic));
    }
    for (const Ghost& ghost : world_.ghosts) asks += ghost.request.topic == topic ? ghost.times : 0;
    return asks * 2 * world_.settings.tries;
  }

  static constexpr std::size_t kFirstGhostPort = 10000;

  const ForwardWorld& world_;
  History history_;
  Random random_;
  SimBackends backends_;
  ForwardNode node_;
  std::vector<std::unique_ptr<Party>> parties_;
  std::vector<GhostState> ghosts_;
  std::size_t ghost_ = 0;  // the next one
  std::size_t traced_;
  std::optional<Trace> trace_;
  std::uint64_t give_up_ms_ = kGiveUpMs;
  bool round_open_ = false;
  bool flipped_ = false;  // a frame came with a turned bit; it may wait, and be answered later
  unsigned restarts_ = 0;
  std::uint64_t progress_ms_ = 0;
  std::size_t culprit_ = 0;
  End worst_ = End::complete;
  std::string failure_;
  Verdict verdict_;
};

}  // namespace

Verdict run_forward(const Scenario& scenario, std::string* trace) {
  Exchange exchange(scenario, nullptr, 0);
  const Verdict verdict = exchange.run();
  if (trace != nullptr) static_cast<void>(Exchange(scenario, trace, exchange.culprit()).run());
  return verdict;
}

}  // namespace gl::sim
