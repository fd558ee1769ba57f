#include "tests/golden/streams.h"

#include <algorithm>

namespace gl::golden {

Streams make_streams(std::span<const ScriptedQuery> queries, Framing framing) {
  Streams streams;
  ScriptedService service(framing, kMaxStreamReply);
  ByteString answer(kMaxStreamReply);
  unsigned number = 0;
  for (const ScriptedQuery& query : queries) {
    const ByteString bytes = make_query(query, ++number, framing);
    streams.client.insert(streams.client.end(), bytes.begin(), bytes.end());
    const Framed framed = service.next_request(bytes, false);
    if (framed.kind != Framed::Kind::complete) continue;
    const Reply reply = service.answer_stream(framed.request, answer, {});
    if (reply.kind != Reply::Kind::answered) continue;
    streams.server.insert(streams.server.end(), answer.begin(),
                          answer.begin() + static_cast<std::ptrdiff_t>(reply.length));
    streams.largest_answer = std::max(streams.largest_answer, reply.length);
  }
  return streams;
}

}  // namespace gl::golden
