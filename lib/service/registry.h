// Which service answers on which port, TCP and UDP each by itself, and which services one core has.
// Units: milliseconds, bytes. Byte order: ports host. Ownership: borrows the services, which outlive it. Thread: filled
// by the main core before the worker starts, that core's only then. Errors: false where there is no room or the port is
// taken.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/service/datagram_service.h"
#include "lib/service/service.h"
#include "lib/service/stream_service.h"

namespace gl {

struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // included
};

// The core that a registry is of.
struct CorePlace {
  std::uint16_t core = 0;    // its number, from 0 on
  std::uint16_t cores = 1;   // how many there are
  std::uint16_t mtu = 1500;  // bytes of the longest IP packet that every port carries
};

class Registry {
 public:
  static constexpr std::size_t kMaxRanges = 16;  // of each protocol
  static constexpr std::size_t kMaxServices = 16;

  // Before services are added.
  void set_place(const CorePlace& place) noexcept { place_ = place; }
  [[nodiscard]] const CorePlace& place() const noexcept { return place_; }

  [[nodiscard]] bool add_stream(PortRange ports, StreamService& service) noexcept {
    return streams_.add(ports, service);
  }
  [[nodiscard]] bool add_datagram(PortRange ports, DatagramService& service) noexcept {
    return datagrams_.add(ports, service);
  }
  // One port, over all that the service is asked over.
  template <class S>
  [[nodiscard]] bool add(std::uint16_t port, S& service) noexcept {
    bool added = true;
    if constexpr (std::derived_from<S, StreamService>) added = add_stream({port, port}, service);
    if constexpr (std::derived_from<S, DatagramService>) added = add_datagram({port, port}, service) && added;
    if constexpr (std::derived_from<S, Service>) {
      Ahead ahead{&service, port};
      if constexpr (std::derived_from<S, StreamService>) ahead.stream_prefix = service.prefix_length();
      if (added) asked_on_[asked_count_++] = ahead;
    }
    return added;
  }
  // Its turns: begin_burst(), on_time(), and those of its suspender.
  [[nodiscard]] bool add(Service& service) noexcept {
    if (service_count_ == kMaxServices) return false;
    services_[service_count_++] = &service;
    if (service.has_deadlines()) timed_[timed_count_++] = &service;
    if (Suspender* const suspender = service.suspender(); suspender != nullptr) {
      suspenders_[suspender_count_++] = suspender;
    }
    return true;
  }

  // Null where nothing listens.
  [[nodiscard]] StreamService* stream(std::uint16_t port) const noexcept { return streams_.find(port); }
  [[nodiscard]] DatagramService* datagram(std::uint16_t port) const noexcept { return datagrams_.find(port); }
  // Whether anyone may ask a service of ours on this UDP port. Nothing is answered that comes from such a port of
  // another host: the answer might draw one, and so on. Ports that are lent are not among them, since clients' own
  // ports are of the same range.
  [[nodiscard]] bool is_asked_on(std::uint16_t port) const noexcept {
    const DatagramService* const service = datagram(port);
    return service != nullptr && !service->lends(port);
  }
  // Whether some datagrams belong to another core than the one that receives them.
  [[nodiscard]] bool shares_ports_out() const noexcept {
    return datagrams_.any([](const DatagramService& service) { return service.shares_ports_out(); });
  }
  [[nodiscard]] std::span<Service* const> services() const noexcept {
    return std::span(services_).first(service_count_);
  }

  [[nodiscard]] std::span<Suspender* const> suspenders() const noexcept {
    return std::span(suspenders_).first(suspender_count_);
  }

  void begin_burst(std::uint64_t now_ms) noexcept {
    for (Service* const service : services()) service->begin_burst(now_ms);
    const std::span asked = std::span(asked_on_).first(asked_count_);
    const auto found = std::ranges::find_if(asked, [](const Ahead& a) { return a.service->looks_ahead(); });
    ahead_ = found == asked.end() ? Ahead{} : *found;
  }

  // The first of the services that look ahead in this burst, and where it is asked; a service of null: none does.
  struct Ahead {
    Service* service = nullptr;
    std::uint16_t port = 0;
    std::uint8_t stream_prefix = 0;  // bytes in front of each request over TCP
  };
  [[nodiscard]] const Ahead& ahead() const noexcept { return ahead_; }

  [[nodiscard]] bool has_deadlines() const noexcept { return timed_count_ != 0; }
  [[nodiscard]] bool is_due(std::uint64_t now_ms) const noexcept {
    return std::any_of(timed_.begin(), timed_.begin() + timed_count_,
                       [now_ms](const Service* service) { return service->next_deadline() <= now_ms; });
  }
  // Calls those whose deadline has passed; how many that were.
  unsigned on_time(std::uint64_t now_ms, DatagramSender& sender) noexcept {
    unsigned called = 0;
    for (std::size_t i = 0; i < timed_count_; ++i) {
      if (timed_[i]->next_deadline() > now_ms) continue;
      timed_[i]->on_time(now_ms, sender);
      ++called;
    }
    return called;
  }

 private:
  template <class S>
  class Ports {
   public:
    [[nodiscard]] bool add(PortRange ports, S& service) noexcept {
      const auto overlaps = [&](const Entry& e) { return ports.first <= e.ports.last && e.ports.first <= ports.last; };
      if (count_ == kMaxRanges || ports.last < ports.first) return false;
      if (std::any_of(entries_.begin(), entries_.begin() + count_, overlaps)) return false;
      entries_[count_++] = {ports, &service};
      return true;
    }
    [[nodiscard]] S* find(std::uint16_t port) const noexcept {
      for (std::uint32_t i = 0; i < count_; ++i) {
        const Entry& entry = entries_[i];
        if (port >= entry.ports.first && port <= entry.ports.last) return entry.service;
      }
      return nullptr;
    }
    template <class Test>
    [[nodiscard]] bool any(Test test) const noexcept {
      return std::any_of(entries_.begin(), entries_.begin() + count_, [&](const Entry& e) { return test(*e.service); });
    }

   private:
    struct Entry {
      PortRange ports;
      S* service = nullptr;
    };
    std::array<Entry, kMaxRanges> entries_{};
    std::uint32_t count_ = 0;
  };

  CorePlace place_;
  Ports<StreamService> streams_;
  Ports<DatagramService> datagrams_;
  std::array<Service*, kMaxServices> services_{};
  std::array<Service*, kMaxServices> timed_{};
  std::array<Suspender*, kMaxServices> suspenders_{};
  std::array<Ahead, 2 * kMaxRanges> asked_on_{};  // services that were added with one port: of each protocol at most
  Ahead ahead_;
  std::size_t asked_count_ = 0;
  std::size_t service_count_ = 0;
  std::size_t timed_count_ = 0;
  std::size_t suspender_count_ = 0;
};

}  // namespace gl
