#include "tests/golden/streams.h"

#include <algorithm>

namespace gl::golden {

Streams make_streams(std::span<const ByteString> queries, StreamService& service) {
  Streams streams;
  ByteString answer(kMaxRenderedAnswer);
  for (const ByteString& query : queries) {
    streams.client.insert(streams.client.end(), query.begin(), query.end());
    const Framed framed = service.next_request(query, false);
    if (framed.kind != Framed::Kind::complete) continue;
    const Answer reply = service.answer(framed.request, answer, {});
    if (reply.kind != Answer::Kind::answered) continue;
    streams.server.insert(streams.server.end(), answer.begin(),
                          answer.begin() + static_cast<std::ptrdiff_t>(reply.length));
    streams.largest_answer = std::max(streams.largest_answer, reply.length);
  }
  return streams;
}

Streams make_streams(std::span<const ScriptedQuery> queries, Framing framing) {
  std::vector<ByteString> bytes;
  for (const ScriptedQuery& query : queries) {
    bytes.push_back(make_query(query, static_cast<unsigned>(bytes.size() + 1), framing));
  }
  ScriptedService service(framing, kMaxRenderedAnswer);
  return make_streams(bytes, service);
}

}  // namespace gl::golden
