// What holds for every service of ONC RPC: of records in a stream, and of replies. Byte order: wire. Thread: the
// fuzzer's.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "lib/services/onc_rpc/rpc_service.h"
#include "tests/first_datagram.h"
#include "tests/fuzz/check.h"

namespace gl::fuzz {

using test::FirstDatagram;

// Whole words, the call's number, a verdict that RFC 5531 knows.
inline void check_rpc_reply(Bytes call, Bytes reply) {
  if (reply.empty()) return;
  check(reply.size() % 4 == 0 && reply.size() >= 20, "a reply is whole words");
  check(std::equal(reply.begin(), reply.begin() + 4, call.begin()), "a reply has its call's number");
  onc_rpc::XdrReader reader(reply.subspan(4));
  check(reader.u32() == 1, "a reply is one");
  if (reader.u32() == 0) {
    check(reader.u32() == 0 && reader.u32() == 0, "its verifier is empty");
    check(reader.u32() <= 4, "it was accepted, in a way that there is");
  } else {
    check(reader.u32() <= 1, "it was denied, in a way that there is");
  }
  check(call.size() >= 8 && load_be<std::uint32_t>(call.data() + 4) == 0, "only a call is answered");
}

// `client`: 4 bytes of address.
inline void check_rpc_record(onc_rpc::RpcService& service, Bytes request, Bytes client, MutableBytes buffer) {
  RequestContext context;
  std::array<std::uint8_t, 12> flow{};
  std::ranges::copy(client, flow.begin());
  context.flow = flow;
  const Answer answer = service.answer(request, buffer, context);
  check(answer.kind == Answer::Kind::answered || answer.kind == Answer::Kind::silent, "a record is answered or not");
  if (answer.kind == Answer::Kind::silent) return;
  check(answer.length <= service.largest_answer(), "an answer is no longer than the service says");
  if (!answer.rendered) {
    check(service.read(answer, 0, buffer.first(answer.length)) == answer.length, "all is there");
  }
  const std::uint32_t mark = load_be<std::uint32_t>(buffer.data());
  check(mark == (onc_rpc::kLastFragment | (answer.length - 4)), "its mark is its length");
  check_rpc_reply(request, Bytes(buffer).subspan(4, answer.length - 4));
}

inline void check_rpc_pieces(const onc_rpc::RpcService& service, Bytes stream, bool consumed, const Framed& framed) {
  check(framed.consumed > 0 && framed.consumed <= stream.size(), "a record lies in the stream");
  const Framed exact = service.next_request(stream.first(framed.consumed), consumed);
  check(exact.kind == Framed::Kind::complete && exact.consumed == framed.consumed,
        "it does not depend on what follows");
  for (const std::size_t cut : {framed.consumed - 1, framed.consumed / 2}) {
    check(service.next_request(stream.first(cut), consumed).kind != Framed::Kind::complete,
          "a piece of a record is none");
  }
}

// All records at the front of a stream. `consumed`: the mark of the first was acknowledged alone.
inline void check_rpc_stream(onc_rpc::RpcService& service, Bytes stream, bool consumed, Bytes client) {
  std::vector<std::uint8_t> buffer(kMaxRenderedAnswer);
  while (!stream.empty()) {
    const Framed framed = service.next_request(stream, consumed);
    if (framed.kind != Framed::Kind::complete) break;
    check_rpc_pieces(service, stream, consumed, framed);
    check_rpc_record(service, framed.request, client, buffer);
    stream = stream.subspan(framed.consumed);
    consumed = false;
  }
}

}  // namespace gl::fuzz
