// A real image with some of its bytes changed, and a right checksum again: refused with one line, or questions are
// answered from it without harm, also where it comes after the real one. The input: changes, six bytes each.
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/endian.h"
#include "lib/services/dns/zone.h"
#include "lib/zone/generation.h"
#include "lib/zone/image_check.h"
#include "lib/zone/published.h"
#include "lib/zone/snapshot.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/question.h"
#include "tests/fuzz/zone_fixture.h"

namespace {

using gl::fuzz::check;
namespace zone = gl::zone;

// The fixture's zone with NSEC, and one with NSEC3.
const std::vector<std::shared_ptr<const zone::Zone>>& real_zones() {
  static const auto zones = [] {
    constexpr std::string_view kNsec3 =
        "$ORIGIN example.\n$TTL 300\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n@ NSEC3PARAM 1 0 1 -\nns A 192.0.2.1\ncut NS "
        "ns.cut\n"
        "ns.cut A 192.0.2.2\n*.wild TXT w\na CNAME b\ntree DNAME a\n"
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 1 1 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA\n"
        "2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3 1 1 1 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n";
    static const gl::fuzz::ZoneFixture fixture;
    const gl::fuzz::MemoryFile file(kNsec3);
    const zone::ZoneSource sources[] = {{file.path(), ""}};
    const auto loaded = zone::load_zones(sources);
    check(loaded.ok(), "the second zone loads");
    return std::vector{fixture.published().load()->current->zones()[0], loaded->snapshot->zones()[0]};
  }();
  return zones;
}

// Byte 0: which zone, and how wide the change; 1 to 3: where; 4 and 5: to what.
zone::ImageMemory changed(gl::Bytes real, const std::uint8_t* data, std::size_t size) {
  zone::ImageMemory image(real.size());
  std::uint8_t* const bytes = image.bytes().data();
  std::memcpy(bytes, real.data(), real.size());
  const std::size_t room = real.size() - sizeof(zone::ImageHead) - 4;
  for (; size >= 6; data += 6, size -= 6) {
    const std::size_t where = (std::size_t{data[1]} << 16 | std::size_t{data[2]} << 8 | data[3]) % room;
    std::uint8_t* const at = bytes + sizeof(zone::ImageHead) + where;
    const std::uint16_t value = gl::load_be<std::uint16_t>(data + 4);
    const std::uint32_t word = value == 0xffff ? 0xffffffff : value;
    std::memcpy(at, &word, (data[0] & 0x80) != 0 ? 1 : (data[0] & 0x40) != 0 ? 2 : 4);
  }
  const auto checksum = zone::image_checksum(image.bytes());
  std::memcpy(bytes + offsetof(zone::ImageHead, checksum), checksum.data(), sizeof checksum);
  return image;
}

void ask(std::shared_ptr<const zone::Zone> asked) {
  const zone::ZoneSnapshot snapshot({std::move(asked)});
  const zone::PublishedZones zones{.current = &snapshot};
  const std::atomic<const zone::PublishedZones*> published{&zones};
  gl::services::DnsZoneService service({}, published);
  service.begin_burst(0);
  static std::vector<std::uint8_t> out(gl::kMaxRenderedAnswer);
  for (const char* name : {"", "\7example", "\1a\7example", "\2ns\7example", "\3not\1a\7example", "\3www\3cut\7example",
                           "\3cut\7example", "\1x\4wild\7example", "\1x\4tree\7example", "\5alias\7example"}) {
    for (const char type : {'\x01', '\x05', '\x06', '\x2b', '\xff'}) {
      const std::string query = gl::fuzz::question(name, type);
      const gl::Bytes request(reinterpret_cast<const std::uint8_t*>(query.data()), query.size());
      (void)service.answer(request, out, {});
      (void)service.answer_datagram(request, gl::MutableBytes(out).first(1500), {});
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const zone::Zone& real = *real_zones()[data[0] & 1];
  auto opened = zone::open_image(changed(real.image.bytes(), data, size));
  if (!opened.ok()) {
    check(!opened.error().empty() && opened.error().find('\n') == std::string::npos, "an error is one line");
    return 0;
  }
  zone::set_generations(**opened, &real, real.since + 1);
  ask(std::move(*opened));
  return 0;
}
