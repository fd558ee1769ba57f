#include "lib/services/talk/talk.h"

#include <algorithm>

namespace gl::services {

void TalkService::read_counters(CounterReader& reader) const {
#define X(name, help) reader.read(#name, name##_.value(), help);
  GL_TALK_COUNTERS(X)
#undef X
}

void TalkService::receive(const Datagram& datagram, DatagramSink&) noexcept {
  received_.add();
  Message message;
  message.peer_length = datagram.address_length;
  message.peer_port = datagram.peer_port;
  std::copy_n(datagram.peer, datagram.address_length, message.peer.begin());
  const std::size_t length = std::min(datagram.payload.size(), Message::kMaxText);
  if (length < datagram.payload.size()) cut_.add();
  message.length = static_cast<std::uint16_t>(length);
  std::copy_n(datagram.payload.begin(), length, message.text.begin());
  if (!messages_.push(message)) unprinted_.add();
}

}  // namespace gl::services
