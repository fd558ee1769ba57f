// The sum of integers, held against a second reader in 64 bits, and what the service sends: four bytes, upon a list
// that is no shorter, from the port that was asked.
#include <array>
#include <cstdint>

#include "lib/services/sum/request.h"
#include "lib/services/sum/sum.h"
#include "tests/first_datagram.h"
#include "tests/fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using gl::fuzz::check;
  const gl::Bytes payload(data, size);
  const auto list = gl::services::parse_integers(payload);
  const std::size_t count = size < 2 ? 0 : data[0] * 256u + data[1];
  check(list.has_value() == (size >= 2 && size == 2 + 4 * count), "a list is as long as it says");
  std::uint64_t sum = 0;
  for (std::size_t i = 0; list && i < count; ++i) {
    std::uint64_t integer = 0;
    for (std::size_t k = 0; k < 4; ++k) integer = integer << 8 | data[2 + 4 * i + k];
    sum += integer;
  }
  check(!list || (list->count == count && list->sum == static_cast<std::uint32_t>(sum)),
        "a sum is that of its integers");

  const gl::Registry registry;
  gl::services::SumService service(true, registry);
  const std::array<std::uint8_t, 4> peer = {192, 0, 2, 1};
  gl::Datagram datagram{.peer = peer.data(), .local = peer.data(), .address_length = 4};
  datagram.peer_port = 40000;
  datagram.local_port = 5434;
  datagram.payload = payload;
  gl::test::FirstDatagram sink(service.allowance(size));
  service.receive(datagram, sink);
  check(sink.sent().size() == (list && count > 0 ? 4u : 0u),
        "an answer to a list that is longer than it, and to nothing else");
  check(sink.sent().empty() || gl::load_be<std::uint32_t>(sink.sent().data()) == list->sum, "it is the sum");
  gl::services::SumService::Line line;
  check(service.pop(line) == list.has_value() && (!list || line.sum == list->sum), "the main core is told of it");
  return 0;
}
