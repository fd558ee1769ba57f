// Numbers of the DNS: record types, classes, opcodes, response codes, sizes.
// Byte order: host order values. Thread: constants.
// Source: RFC 1035 3.2, RFC 6895, IANA "Domain Name System (DNS) Parameters".
#pragma once

#include <cstddef>
#include <cstdint>

namespace gl::dns {

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxMessage = 65535;
inline constexpr std::size_t kMaxName = 255;    // RFC 1035 2.3.4, the root's zero byte included
inline constexpr std::size_t kMaxLabels = 127;  // what fits kMaxName, the root not counted
inline constexpr std::size_t kMaxLabel = 63;
inline constexpr std::size_t kMinUdpPayload = 512;  // RFC 1035 4.2.1
inline constexpr std::uint16_t kMaxPointer = 0x3fff;

// Record types stay plain integers: any 16 bits may arrive (RFC 3597).
namespace rr {
inline constexpr std::uint16_t a = 1, ns = 2, md = 3, mf = 4, cname = 5, soa = 6, mb = 7, mg = 8, mr = 9, ptr = 12,
                               minfo = 14, mx = 15, txt = 16, afsdb = 18, rt = 21, sig = 24, aaaa = 28, nxt = 30,
                               srv = 33, naptr = 35, kx = 36, dname = 39, opt = 41, ds = 43, rrsig = 46, nsec = 47,
                               dnskey = 48, nsec3 = 50, nsec3param = 51, zonemd = 63, tkey = 249, tsig = 250,
                               ixfr = 251, axfr = 252, mailb = 253, maila = 254, any = 255;
}  // namespace rr

namespace rr_class {
inline constexpr std::uint16_t in = 1, ch = 3, none = 254, any = 255;
}  // namespace rr_class

enum class Opcode : std::uint8_t { query = 0, iquery = 1, status = 2, notify = 4, update = 5 };

// 12 bits: the upper 8 travel in the OPT record (RFC 6891 6.1.3).
enum class Rcode : std::uint16_t {
  noerror = 0,
  formerr = 1,
  servfail = 2,
  nxdomain = 3,
  notimp = 4,
  refused = 5,
  yxdomain = 6,
  badvers = 16,
  badcookie = 23,  // RFC 7873 section 8
};

}  // namespace gl::dns
