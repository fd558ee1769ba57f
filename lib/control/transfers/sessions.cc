#include "lib/control/transfers/sessions.h"

#include <algorithm>
#include <exception>
#include <system_error>

#include "lib/control/log.h"

namespace gl::control {

void Sessions::run(Session& session, int socket) noexcept {
  try {
    serve_(socket, session.from);
  } catch (const std::exception& e) {  // no memory
    warn("connection of " + wire::to_text(session.from) + ": " + e.what(), {{"peer", wire::to_text(session.from)}});
  }
  session.ended = true;
}

bool Sessions::has_room_for(const wire::IpAddress& address) const {
  const auto same = [&](const Session& session) { return session.from.address == address; };
  return sessions_.size() < kMost && static_cast<std::size_t>(std::ranges::count_if(sessions_, same)) < kMostOfOne;
}

Status Sessions::start(Descriptor& socket, const wire::Endpoint& from) {
  sessions_.remove_if([](Session& session) {
    if (!session.ended) return false;
    session.thread.join();
    return true;
  });
  if (!has_room_for(from.address)) return success();
  Session& session = sessions_.emplace_back(from);
  try {
    session.thread = std::thread([this, &session, s = socket.get()] { run(session, s); });
  } catch (const std::system_error& e) {
    sessions_.pop_back();
    return Error{std::string("no thread for a connection: ") + e.what()};
  }
  (void)socket.release();
  return success();
}

void Sessions::join() {
  for (Session& session : sessions_) session.thread.join();
  sessions_.clear();
}

}  // namespace gl::control
