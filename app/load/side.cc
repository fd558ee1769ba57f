#include "app/load/side.h"

#include <utility>
#include <vector>

namespace gl::load {

namespace {
constexpr unsigned kMbufs = 16383;
}

Result<Side> open_side(const std::string& name, std::uint16_t id, unsigned queues) {
  auto pool = dpdk::MbufPool::create(name, {kMbufs, dpdk::Port::frame_length(id, 0), dpdk::Port::socket(id)});
  if (!pool) return Error{pool.error()};
  const std::vector<rte_mempool*> pools(queues, pool->get());
  auto port = dpdk::Port::open(id, {}, pools);
  if (!port) return Error{port.error()};
  if (const auto started = port->start({}); !started) return Error{started.error()};
  return Side{std::move(*pool), std::move(*port)};
}

}  // namespace gl::load
