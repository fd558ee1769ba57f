// The UDP ports from which each core asks each name server. Where a port's RSS is known a core has those whose replies
// its own queue receives, otherwise every n-th, and replies are handed off.
// Byte order: ports host. Ownership: its own lists, made before the workers start. Thread: read-only then.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "lib/datapath/reply_owners.h"
#include "lib/dpdk/rss.h"

namespace gl::worker {

// The way from one backend to us.
struct ReplyPath {
  wire::IpAddress backend;
  std::uint16_t backend_port = 53;
  wire::IpAddress ours;
  std::optional<dpdk::Rss> rss;
};

class SourcePorts {
 public:
  static constexpr std::uint16_t kFirst = 1024;
  static constexpr std::size_t kLeast = 1024;  // fewer ports than these and a spoofer's guess gets too good

  SourcePorts(std::span<const ReplyPath> paths, unsigned cores, std::span<const std::uint16_t> service_ports);

  // Every port that this core may use towards this backend: never none.
  [[nodiscard]] std::span<const std::uint16_t> ports(unsigned core, unsigned backend) const noexcept {
    return *lists_[std::size_t{core} * backends_ + backend];
  }
  // One of them; `random` is uniform.
  [[nodiscard]] std::uint16_t pick(unsigned core, unsigned backend, std::uint32_t random) const noexcept {
    const auto list = ports(core, backend);
    return list[static_cast<std::size_t>(std::uint64_t{random} * list.size() >> 32)];
  }
  [[nodiscard]] const datapath::ReplyOwners& owners() const noexcept { return owners_; }

 private:
  using List = std::shared_ptr<const std::vector<std::uint16_t>>;
  std::size_t backends_;
  std::vector<List> lists_;  // by core, then backend; backends whose RSS is unknown share theirs
  datapath::ReplyOwners owners_;
};

}  // namespace gl::worker
