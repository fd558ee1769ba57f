#include "app/check_nic/checks.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "lib/worker/mbuf_frame.h"

namespace gl::check_nic {

namespace {

constexpr std::uint32_t kFrames = 64;

struct Kind {
  const char* name;
  bool v6;
  bool tcp;
};
constexpr Kind kKinds[] = {{"UDP over IPv4", false, false},
                           {"TCP over IPv4", false, true},
                           {"UDP over IPv6", true, false},
                           {"TCP over IPv6", true, true}};

Shape shape_of(const Kind& kind, Sums sums = Sums::right, std::uint16_t length = 128) {
  return {.v6 = kind.v6, .tcp = kind.tcp, .length = length, .sums = sums};
}

std::string of_all(std::size_t count, std::size_t all) {
  return std::to_string(count) + " of " + std::to_string(all);
}

template <class Is>
std::size_t count_of(const std::vector<Arrival>& arrived, Is is) {
  return static_cast<std::size_t>(std::ranges::count_if(arrived, is));
}

bool claims(const dpdk::PortOffloads& offloads, const Kind& kind, bool sent) {
  if (kind.tcp) return sent ? offloads.tx_tcp_checksum : offloads.rx_tcp_checksum;
  return sent ? offloads.tx_udp_checksum : offloads.rx_udp_checksum;
}

std::string per_second(double frames, double length) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3f M frames/s, %.3f Gbit/s", frames / 1e6, frames * length * 8 / 1e9);
  return text;
}

// Where the port's own word about the hash can be held against what came.
void check_hash(const Cable& cable, bool v6, const std::vector<Arrival>& arrived, const Print& print) {
  const auto rss = dpdk::read_rss(cable.to().id());
  const char* const what = v6 ? "RSS hash, IPv6" : "RSS hash, IPv4";
  if (!rss || !(v6 ? rss->udp_v6 : rss->udp_v4)) {
    return print(Verdict::no, what, "the port does not say how it hashes UDP: replies of name servers are handed over");
  }
  const std::size_t right = count_of(arrived, [&](const Arrival& a) {
    dpdk::UdpFlow flow = flow_of(v6, a.seen.number);
    return rss->queue(flow) == a.queue;
  });
  print(right == arrived.size() ? Verdict::ok : Verdict::no, what,
        of_all(right, arrived.size()) + " where the port's key and table say");
}

}  // namespace

bool check_cable(Cable& cable, const Print& print) {
  const std::size_t came = cable.exchange(cable.ends(), shape_of(kKinds[0]), kFrames).size();
  print(came != 0 ? Verdict::ok : Verdict::fail, "cable",
        came != 0 ? of_all(came, kFrames) + " frames came" : "no frame came: are these two ports joined?");
  return came != 0;
}

void check_frames(Cable& cable, const Print& print) {
  const auto longest = static_cast<std::uint16_t>(cable.to().mtu() + 14);
  for (const std::uint16_t length : {kLeastLength, std::uint16_t{512}, longest}) {
    for (const bool vlan : {false, true}) {
      std::size_t whole = 0;
      for (const Kind& kind : kKinds) {
        Shape shape = shape_of(kind, Sums::right, length);
        shape.vlan = vlan;
        whole += count_of(cable.exchange(cable.ends(), shape, kFrames), [&](const Arrival& a) {
          return a.seen.whole && a.seen.length == length && a.seen.vlan == vlan && a.seen.v6 == kind.v6;
        });
      }
      const std::size_t all = std::size(kKinds) * kFrames;
      print(whole == all ? Verdict::ok : Verdict::fail, std::to_string(length) + " bytes" + (vlan ? ", VLAN tag" : ""),
            of_all(whole, all) + " came whole");
    }
  }
}

void check_sent_checksums(Cable& cable, const Print& print) {
  const dpdk::PortOffloads& offloads = cable.from().offloads();
  for (const Kind& kind : kKinds) {
    const std::string what = std::string("computes, ") + kind.name;
    if (!claims(offloads, kind, true)) {
      print(Verdict::no, what, "in software");
      continue;
    }
    const auto arrived = cable.exchange(cable.ends(), shape_of(kind, Sums::left_to_port), kFrames);
    const std::size_t right = count_of(arrived, [](const Arrival& a) { return a.seen.layer4_sum && a.seen.ipv4_sum; });
    // virtio hands it on unfinished to who is on the same host, and says that the data is sound.
    const std::size_t vouched = count_of(arrived, [](const Arrival& a) {
      return !a.seen.layer4_sum && a.seen.ipv4_sum && worker::l4_checksum_good(a.flags);
    });
    print(right + vouched == kFrames ? Verdict::ok : Verdict::fail, what,
          of_all(right, kFrames) + " right" + (vouched != 0 ? ", " + std::to_string(vouched) + " vouched for" : ""));
  }
  if (!offloads.tx_ipv4_checksum) print(Verdict::no, "computes, IPv4 header", "in software");
}

void check_received_checksums(Cable& cable, const Print& print) {
  const dpdk::PortOffloads& offloads = cable.to().offloads();
  const auto check = [&](const std::string& name, const Kind& kind, bool claimed, Sums wrong, auto good) {
    const std::string what = "looks at, " + name;
    if (!claimed) return print(Verdict::no, what, "in software");
    const auto right = cable.exchange(cable.ends(), shape_of(kind), kFrames);
    const auto spoilt = cable.exchange(cable.ends(), shape_of(kind, wrong), kFrames);
    const std::size_t told = count_of(right, [&](const Arrival& a) { return good(a.flags); });
    const std::size_t missed = count_of(spoilt, [&](const Arrival& a) { return good(a.flags); });
    // What is not told is looked at by us; a damaged frame that is told to be right is believed.
    print(missed != 0       ? Verdict::fail
          : told == kFrames ? Verdict::ok
                            : Verdict::no,
          what, of_all(told, kFrames) + " right ones told, " + of_all(missed, kFrames) + " wrong ones taken for right");
  };
  check("IPv4 header", kKinds[0], offloads.rx_ipv4_checksum, Sums::wrong_ipv4, worker::ipv4_checksum_good);
  for (const Kind& kind : kKinds) {
    check(kind.name, kind, claims(offloads, kind, false), Sums::wrong_layer4, worker::l4_checksum_good);
  }
}

void check_filters(Cable& cable, const wire::MacAddress& group, const Print& print) {
  constexpr wire::MacAddress kStranger{{0x02, 0x53, 0x53, 0x53, 0x53, 0x53}};
  constexpr wire::MacAddress kOtherGroup{{0x33, 0x33, 0xff, 0x53, 0x53, 0x53}};
  const auto come = [&](const wire::MacAddress& to) {
    return cable.exchange({cable.from().mac(), to}, shape_of(kKinds[2]), kFrames).size();
  };
  const std::size_t wanted = come(group);
  print(wanted == kFrames ? Verdict::ok : Verdict::fail, "multicast",
        of_all(wanted, kFrames) + " of a group that is wanted (" + cable.to().group_filter() + ")");
  const auto others = [&](const char* what, const wire::MacAddress& to) {
    const std::size_t count = come(to);
    print(count == 0 ? Verdict::ok : Verdict::no, what,
          count == 0 ? "none comes" : of_all(count, kFrames) + " come, and are dropped by us");
  };
  others("other groups", kOtherGroup);
  others("other MACs", kStranger);
}

void check_spread(Cable& cable, const Print& print) {
  if (cable.to().queues() == 1) return print(Verdict::no, "RSS", "one queue");
  constexpr std::uint32_t kFlows = 800;
  for (const Kind& kind : kKinds) {
    const auto arrived = cable.exchange(cable.ends(), shape_of(kind), kFlows);
    std::vector<std::size_t> counts(cable.to().queues());
    for (const Arrival& a : arrived) ++counts[a.queue];
    std::string text;
    for (const std::size_t count : counts) text += (text.empty() ? "" : " ") + std::to_string(count);
    const std::size_t least = *std::ranges::min_element(counts);
    const bool even = least * counts.size() * 2 >= kFlows;
    print(arrived.size() != kFlows ? Verdict::fail
          : even                   ? Verdict::ok
                                   : Verdict::no,
          std::string("RSS, ") + kind.name, text + " of " + std::to_string(kFlows) + " flows on the queues");
    if (!kind.tcp) check_hash(cable, kind.v6, arrived, print);
  }
}

void check_rates(Cable& cable, unsigned seconds, const Print& print) {
  const auto longest = static_cast<std::uint16_t>(cable.to().mtu() + 14);
  for (const std::uint16_t length : {kLeastLength, longest}) {
    const Cable::Rate rate = cable.flood({.length = length, .sums = Sums::left_to_port}, seconds);
    const double lost =
        rate.sent == 0 ? 0 : 100.0 - 100.0 * static_cast<double>(rate.received) / static_cast<double>(rate.sent);
    char text[48];
    std::snprintf(text, sizeof text, ", %.2f %% lost", lost);
    print(rate.received != 0 ? Verdict::ok : Verdict::fail, "rate, " + std::to_string(length) + " bytes",
          per_second(static_cast<double>(rate.received) / rate.seconds, length) + text);
  }
}

}  // namespace gl::check_nic
