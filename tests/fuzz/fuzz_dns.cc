// DNS messages to the zone service, as datagrams and over TCP: every answer is well-formed, within its limit, the same
// twice, and the same with and without continuation.
#include <cstdint>
#include <vector>

#include "lib/services/dns/zone.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/dns_answer_check.h"
#include "tests/fuzz/zone_fixture.h"

namespace {

using gl::Answer;
using gl::fuzz::check;

struct Fixture {
  gl::fuzz::ZoneFixture zones;
  gl::dns::CookieSecrets secrets;
  gl::dns::CookiePublication cookies{&secrets, 1559731985};
  gl::services::DnsZoneService plain{{.nsid = "fuzz", .version = "goldilocks"}, zones.published(), &cookies};
  gl::services::DnsZoneService guarded{
      {.max_udp = 512, .udp_minimal_any = true, .admission = {.cookies = gl::services::CookiePolicy::require_over_udp}},
      zones.published(),
      &cookies};
  gl::services::DnsZoneService truncating{{.udp_truncate_all = true}, zones.published(), &cookies};
};

void check_datagram(gl::services::DnsZoneService& service, gl::Bytes request, std::size_t room) {
  std::vector<std::uint8_t> first(room);
  std::vector<std::uint8_t> second(room);
  const Answer reply = service.answer_datagram(request, first, {});
  const Answer again = service.answer_datagram(request, second, {});
  check(reply.kind == again.kind && reply.length == again.length, "a datagram's answer is the same twice");
  if (reply.kind != Answer::Kind::answered) return;
  check(reply.length <= room, "a datagram's answer fits its room");
  first.resize(reply.length);
  second.resize(reply.length);
  check(first == second, "a datagram's answer has the same bytes twice");
  check((request[2] & 0x80) == 0, "a response is not answered");
  const gl::fuzz::DnsAnswerCheck answer(request, first);
}

void check_stream(gl::services::DnsZoneService& service, gl::Bytes request) {
  static std::vector<std::uint8_t> first(gl::kMaxRenderedAnswer);
  static std::vector<std::uint8_t> second(gl::kMaxRenderedAnswer);
  const Answer reply = service.answer(request, first, {});
  const Answer again = service.answer(request, second, {.continuation = true});
  check(reply.kind == again.kind && reply.length == again.length, "an answer is the same when it is continued");
  if (reply.kind != Answer::Kind::answered) return;
  check(reply.length >= 2 && reply.length <= service.largest_answer(), "an answer is not above the largest");
  check(gl::load_be<std::uint16_t>(first.data()) == reply.length - 2, "an answer's length prefix is right");
  check(std::equal(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(reply.length), second.begin()),
        "an answer has the same bytes when it is continued");
  const gl::fuzz::DnsAnswerCheck answer(request, gl::Bytes(first).subspan(2, reply.length - 2));
  check(!answer.truncated(), "an answer over TCP is whole");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  const std::vector<std::uint8_t> request(data, data + size);
  for (auto* service : {&fixture.plain, &fixture.guarded, &fixture.truncating}) {
    service->begin_burst(0);
    check_datagram(*service, request, 1472);
    check_datagram(*service, request, 512);
  }
  if (size >= gl::dns::kHeaderSize) check_stream(fixture.plain, request);
  return 0;
}
