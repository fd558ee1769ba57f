// What the data of each record type consists of, and whether given data does.
// Byte order: wire. Thread: pure functions. Errors: false. Sources: RFC 1035 3.3, 3.4, and the RFC of each type, as
// IANA's registry of resource record types names them; RFC 3597 for types that are not known here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/dns/name.h"
#include "lib/dns/types.h"

namespace gl::dns {

// Fields in their order: `1 2 4 6 8` bytes, `g` 16 bytes, `n` a domain name, `s` a character string, `t` one or more of
// those to the end, `*` whatever follows.
[[nodiscard]] constexpr std::string_view rdata_layout(std::uint16_t type) noexcept {
  switch (type) {
    case 1:  // A
      return "4";
    case 2:  // NS, and below MD, MF, CNAME, MB, MG, MR, PTR, NSAP-PTR, DNAME
    case 3:
    case 4:
    case 5:
    case 7:
    case 8:
    case 9:
    case 12:
    case 23:
    case 39:
      return "n";
    case 6:  // SOA
      return "nn44444";
    case 11:  // WKS
      return "41*";
    case 13:  // HINFO
      return "ss";
    case 14:  // MINFO, RP, TALINK
    case 17:
    case 58:
      return "nn";
    case 15:  // MX, AFSDB, RT, KX, LP
    case 18:
    case 21:
    case 36:
    case 107:
      return "2n";
    case 16:  // TXT, SPF, AVC
    case 99:
    case 258:
      return "t";
    case 19:  // X25
      return "s";
    case 20:  // ISDN
      return "s*";
    case 24:  // SIG, RRSIG
    case 46:
      return "2114442n*";
    case 25:  // KEY, DS, DNSKEY, CDS, CDNSKEY, TA, DLV
    case 43:
    case 48:
    case 59:
    case 60:
    case 32768:
    case 32769:
      return "211*";
    case 26:  // PX
      return "2nn";
    case 27:  // GPOS
      return "sss";
    case 28:  // AAAA
    case 29:  // LOC
      return "g";
    case 30:  // NXT, NSEC
    case 47:
      return "n*";
    case 33:  // SRV
      return "222n";
    case 35:  // NAPTR
      return "22sssn";
    case 37:  // CERT
      return "221*";
    case 44:  // SSHFP
      return "11*";
    case 45:  // IPSECKEY, TLSA, SMIMEA
    case 52:
    case 53:
      return "111*";
    case 50:  // NSEC3
      return "112s*";
    case 51:  // NSEC3PARAM
      return "112s";
    case 62:  // CSYNC
      return "42*";
    case 63:  // ZONEMD
      return "411*";
    case 64:  // SVCB, HTTPS
    case 65:
      return "2n*";
    case 104:  // NID, L64
    case 106:
      return "28";
    case 105:  // L32
      return "24";
    case 108:  // EUI48
      return "6";
    case 109:  // EUI64
      return "8";
    case 256:  // URI
      return "22*";
    case 257:  // CAA
      return "1s*";
    default:
      return "*";
  }
}

// Walks the data of a record at [at, end) of `message`. `name(at)` is called for each domain name, and returns where it
// ends, or 0 where it is none or ends behind `end`. False: the data is not what its type consists of.
template <class OnName>
[[nodiscard]] constexpr bool walk_rdata(std::uint16_t type, Bytes message, std::size_t at, std::size_t end,
                                        OnName name) noexcept {
  const auto text = [&] {
    if (at >= end || end - at < 1u + message[at]) return false;
    at += 1u + message[at];
    return true;
  };
  for (const char field : rdata_layout(type)) {
    switch (field) {
      case '*':
        return true;
      case 'n':
        at = name(at);
        if (at == 0 || at > end) return false;
        break;
      case 't':
        do {
          if (!text()) return false;
        } while (at < end);
        break;
      case 's':
        if (!text()) return false;
        break;
      default: {
        const std::size_t size = field == 'g' ? 16 : static_cast<std::size_t>(field - '0');
        if (end - at < size) return false;
        at += size;
      }
    }
  }
  return at == end;
}

// The same for data whose names are uncompressed: `name(at, length)` is called for each.
template <class OnName>
[[nodiscard]] constexpr bool walk_names(std::uint16_t type, Bytes data, OnName name) noexcept {
  return walk_rdata(type, data, 0, data.size(), [&](std::size_t at) -> std::size_t {
    const std::size_t length = name_length(data.subspan(std::min(at, data.size())));
    if (length == 0) return 0;
    name(at, length);
    return at + length;
  });
}

}  // namespace gl::dns
