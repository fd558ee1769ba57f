// ONC RPC: records cut out of a stream, calls, and the answers of rpcbind over both transports.
#include <array>
#include <cstdint>
#include <vector>

#include "lib/services/onc_rpc/service.h"
#include "tests/fuzz/rpc_checks.h"

namespace {

using namespace gl::onc_rpc;
using gl::Bytes;
using gl::fuzz::check;

constexpr std::array<std::uint8_t, 4> kAddress = {10, 0, 0, 1};

void check_udp(OncRpcService& service, Bytes message) {
  gl::fuzz::FirstDatagram sink(service.allowance(message.size()));
  gl::Datagram datagram{.peer = kAddress.data(), .local = kAddress.data(), .address_length = 4};
  datagram.peer_port = 40000;
  datagram.local_port = kRpcbindPort;
  datagram.payload = message;
  service.receive(datagram, sink);
  check(sink.sent().size() <= 3 * message.size(), "no more than three times what came");
  gl::fuzz::check_rpc_reply(message, sink.sent());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Mappings mappings;
  for (const std::uint32_t version : {4u, 3u, 2u})
    mappings.add({kRpcbindProgram, version, Transport::udp, kRpcbindPort});
  OncRpcService::Shared shared;
  shared.allowed = gl::private_networks();
  shared.mappings = &mappings;
  const gl::Registry registry;
  OncRpcService service(shared, registry);
  const std::vector<std::uint8_t> copy(data + 1, data + size);
  check_udp(service, copy);
  gl::fuzz::check_rpc_stream(service, copy, (data[0] & 1) != 0, kAddress);
  return 0;
}
