// NOTIFY over TCP on one core: the frame waits until the main core's threads have judged the message, as a forwarded
// question does, and the answer is remembered for whoever has begun to read it or sends his request again.
// Byte order: wire. Ownership: borrows the door, owns its answers and the frames that wait. Thread: one instance a
// core, that core only. Errors: by value. Nothing in it grows after it was made. Source: RFC 1996 section 2, RFC 7766.
#pragma once

#include <array>
#include <cstdint>

#include "lib/backend/flow_tag.h"
#include "lib/backend/waiters.h"
#include "lib/service/suspender.h"
#include "lib/services/dns/notify_door.h"

namespace gl::services {

class NotifyKeeper final : public Suspender {
 public:
  explicit NotifyKeeper(NotifyDoor& door) : door_(door), waiters_(kWaiting, kLongestFrame) {}

  // Whether it is for here: a NOTIFY of an address that a primary has.
  [[nodiscard]] bool is_ours(Bytes request, Bytes flow) const noexcept;

  struct Result {
    enum class Kind : std::uint8_t {
      answered,  // `message`; empty: none was made
      passed,    // it was passed on now, and waits
      waits,     // it waits already
      dropped,   // too many are open: it comes again by itself
      unrepeatable,
    };
    Kind kind = Kind::dropped;
    Bytes message{};
    Ticket ticket{};
  };
  // Of one that is ours.
  [[nodiscard]] Result ask(Bytes request, const RequestContext& context, std::uint64_t now_ms) noexcept;
  // An answer that has come back.
  void take(const NotifyDoor::Letter& letter) noexcept;

  [[nodiscard]] bool has_waiting(Bytes flow) const noexcept {
    return waiters_.find(tagger_.tag(flow, 0)) != backend::Waiters::kNone;
  }
  [[nodiscard]] Suspend suspend(const Suspended& what, const Ticket& ticket) noexcept override;
  [[nodiscard]] const Suspended* resume() noexcept override { return waiters_.resume(); }
  void release() noexcept override { waiters_.release_resumed(); }
  void tick(std::uint64_t) noexcept override {}

 private:
  // More than can be open: the rest is for those that are repeated.
  static constexpr std::size_t kEntries = 4 * NotifyDoor::kSlots;
  static constexpr std::size_t kWaiting = 2 * NotifyDoor::kSlots;
  static constexpr std::size_t kLongestFrame = 2048;  // a longer one comes again by itself

  using Name = backend::QuestionKey;
  struct Entry {
    enum class State : std::uint8_t { free, open, answered } state = State::free;
    std::uint16_t generation = 0;
    std::uint16_t length = 0;    // of the answer
    std::uint64_t answered = 0;  // the higher, the later
    Name name{};
    backend::WaiterChain waiters{};
    std::array<std::uint8_t, NotifyDoor::kLongest> answer;
  };
  [[nodiscard]] Entry* find(const Name& name) noexcept;
  [[nodiscard]] Entry* oldest() noexcept;

  NotifyDoor& door_;
  backend::FlowTagger tagger_;
  backend::Waiters waiters_;
  std::uint64_t answers_ = 0;
  std::array<Entry, kEntries> entries_{};
};

}  // namespace gl::services
