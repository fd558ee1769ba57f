// ONC RPC: records cut out of a stream, calls, and the answers of rpcbind over both transports.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "lib/services/onc_rpc/service.h"
#include "tests/fuzz/check.h"

namespace {

using namespace gl::onc_rpc;
using gl::Answer;
using gl::Bytes;
using gl::Framed;
using gl::fuzz::check;

constexpr std::array<std::uint8_t, 16> kAddress = {10, 0, 0, 1};

class Sink final : public gl::DatagramSink {
 public:
  explicit Sink(std::size_t allowance) : DatagramSink(room_, allowance) {}
  [[nodiscard]] Bytes sent() const { return Bytes(room_).first(sent_one() ? first_length() : 0); }

 private:
  gl::MutableBytes further_room() noexcept override { return {}; }
  bool send_further(std::uint16_t, std::size_t) noexcept override { return false; }
  bool refuse() noexcept override { return false; }
  std::array<std::uint8_t, 1472> room_{};
};

// What every reply is: whole words, the call's number, a verdict that RFC 5531 knows.
void check_reply(Bytes message, Bytes reply) {
  if (reply.empty()) return;
  check(reply.size() % 4 == 0 && reply.size() >= 20, "a reply is whole words");
  check(std::equal(reply.begin(), reply.begin() + 4, message.begin()), "a reply has its call's number");
  XdrReader reader(reply.subspan(4));
  check(reader.u32() == 1, "a reply is one");
  if (reader.u32() == 0) {
    check(reader.u32() == 0 && reader.u32() == 0, "its verifier is empty");
    check(reader.u32() <= 4, "it was accepted, in a way that there is");
  } else {
    check(reader.u32() <= 1, "it was denied, in a way that there is");
  }
  check(message.size() >= 8 && gl::load_be<std::uint32_t>(message.data() + 4) == 0, "only a call is answered");
}

void check_udp(OncRpcService& service, Bytes message) {
  Sink sink(service.allowance(message.size()));
  gl::Datagram datagram{.peer = kAddress.data(), .local = kAddress.data(), .address_length = 4};
  datagram.peer_port = 40000;
  datagram.local_port = kRpcbindPort;
  datagram.payload = message;
  service.receive(datagram, sink);
  check(sink.sent().size() <= 3 * message.size(), "no more than three times what came");
  check_reply(message, sink.sent());
}

void check_record(OncRpcService& service, Bytes request, std::vector<std::uint8_t>& buffer) {
  gl::RequestContext context;
  std::array<std::uint8_t, 12> flow{};
  std::copy_n(kAddress.begin(), 4, flow.begin());
  context.flow = flow;
  const Answer answer = service.answer(request, buffer, context);
  check(answer.kind == Answer::Kind::answered || answer.kind == Answer::Kind::silent, "a record is answered or not");
  if (answer.kind == Answer::Kind::silent) return;
  check(answer.length <= service.largest_answer(), "an answer is no longer than the service says");
  check(gl::load_be<std::uint32_t>(buffer.data()) == (kLastFragment | (answer.length - 4)), "its mark is its length");
  check_reply(request, Bytes(buffer).subspan(4, answer.length - 4));
}

void check_pieces(const OncRpcService& service, Bytes stream, bool consumed, const Framed& framed) {
  check(framed.consumed > 0 && framed.consumed <= stream.size(), "a record lies in the stream");
  const Framed exact = service.next_request(stream.first(framed.consumed), consumed);
  check(exact.kind == Framed::Kind::complete && exact.consumed == framed.consumed,
        "it does not depend on what follows");
  for (const std::size_t cut : {framed.consumed - 1, framed.consumed / 2}) {
    check(service.next_request(stream.first(cut), consumed).kind != Framed::Kind::complete,
          "a piece of a record is none");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Mappings mappings;
  for (const std::uint32_t version : {4u, 3u, 2u})
    mappings.add({kRpcbindProgram, version, Transport::udp, kRpcbindPort});
  OncRpcService::Shared shared;
  shared.allowed = private_networks();
  shared.mappings = &mappings;
  const gl::Registry registry;
  OncRpcService service(shared, registry);
  const std::vector<std::uint8_t> copy(data + 1, data + size);
  check_udp(service, copy);
  std::vector<std::uint8_t> buffer(gl::kMaxRenderedAnswer);
  bool consumed = (data[0] & 1) != 0;
  for (Bytes stream(copy); !stream.empty();) {
    const Framed framed = service.next_request(stream, consumed);
    if (framed.kind != Framed::Kind::complete) break;
    check_pieces(service, stream, consumed, framed);
    check_record(service, framed.request, buffer);
    stream = stream.subspan(framed.consumed);
    consumed = false;
  }
  return 0;
}
