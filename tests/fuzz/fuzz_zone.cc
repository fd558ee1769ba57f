// Zone files through the loader: a zone, or one line that names the file; and a zone that loads answers for its apex.
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/services/dns/zone.h"
#include "lib/zone/loader.h"
#include "lib/zone/published.h"
#include "lib/zone/snapshot.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/dns_answer_check.h"
#include "tests/fuzz/question.h"
#include "tests/fuzz/zone_fixture.h"

namespace {

using gl::fuzz::check;

// Queries for the names that are likely to be there, of every kind of answer.
void ask(const gl::zone::ZoneSnapshot& snapshot) {
  const gl::zone::PublishedZones zones{.current = &snapshot};
  const std::atomic<const gl::zone::PublishedZones*> published{&zones};
  gl::services::DnsZoneService service({}, published);
  service.begin_burst(0);
  static std::vector<std::uint8_t> out(gl::kMaxRenderedAnswer);
  for (const char* name :
       {"", "\1a", "\1b\1a", "\7example", "\1a\7example", "\3not\1a\7example", "\3www\3cut\7example"}) {
    for (const char type : {'\x01', '\x05', '\x06', '\x2b', '\xff'}) {
      const std::string query = gl::fuzz::question(name, type);
      const gl::Bytes request(reinterpret_cast<const std::uint8_t*>(query.data()), query.size());
      const gl::Answer reply = service.answer(request, out, {});
      check(reply.kind == gl::Answer::Kind::answered, "a query is answered");
      const gl::fuzz::DnsAnswerCheck answer(request, gl::Bytes(out).subspan(2, reply.length - 2));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("$INCLUDE") != std::string_view::npos) return 0;  // other files are none of this test's
  const gl::fuzz::MemoryFile file(text);
  const gl::zone::ZoneSource sources[] = {{file.path(), ""}};
  const auto loaded = gl::zone::load_zones(sources);
  if (!loaded.ok()) {
    check(loaded.error().find(file.path()) != std::string::npos, "an error names the file");
    check(loaded.error().find('\n') == std::string::npos, "an error is one line");
    return 0;
  }
  ask(*loaded->snapshot);
  return 0;
}
