#include "lib/services/onc_rpc/rpcbind.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>

namespace gl::onc_rpc {
namespace {

// The procedures, and what each version has of them.
enum class Kind : std::uint8_t {
  unknown,
  null,
  refused,  // SET, UNSET
  get_port,
  get_address,
  get_version_address,
  dump_ports,
  dump_addresses,
  forward,
  get_time
};

Kind kind_of(const Call& call) noexcept {
  const bool portmapper = call.version == 2;
  switch (call.procedure) {
    case 0:
      return Kind::null;
    case 1:
    case 2:
      return Kind::refused;
    case 3:
      return portmapper ? Kind::get_port : Kind::get_address;
    case 4:
      return portmapper ? Kind::dump_ports : Kind::dump_addresses;
    case 5:
      return Kind::forward;
    case 6:
      return portmapper ? Kind::unknown : Kind::get_time;
    case 9:
      return call.version == 4 ? Kind::get_version_address : Kind::unknown;
    case 10:
      return call.version == 4 ? Kind::forward : Kind::unknown;
    default:
      return Kind::unknown;
  }
}

constexpr std::size_t kMaxName = 255;

// Network id, address, owner.
void skip_names(XdrReader& reader) noexcept {
  for (int i = 0; i < 3; ++i) (void)reader.opaque(kMaxName);
}

Outcome get_port(const Mappings& mappings, Bytes arguments, XdrWriter& results) noexcept {
  XdrReader reader(arguments);
  const std::uint32_t program = reader.u32();
  const std::uint32_t version = reader.u32();
  const std::uint32_t protocol = reader.u32();
  reader.u32();  // a port, which means nothing here
  if (!reader.ok()) return Outcome::garbage_args;
  const bool known =
      protocol == static_cast<std::uint32_t>(Transport::tcp) || protocol == static_cast<std::uint32_t>(Transport::udp);
  const Mapping* const found =
      known ? mappings.find(program, version, static_cast<Transport>(protocol), false) : nullptr;
  results.u32(found == nullptr ? 0 : found->port);
  return Outcome::results;
}

// Over the transport that the call came by, whatever its arguments say (RFC 1833 section 2.2.1).
Outcome get_address(const Mappings& mappings, const Call& call, const CallContext& context, bool exact,
                    XdrWriter& results) noexcept {
  XdrReader reader(call.arguments);
  const std::uint32_t program = reader.u32();
  const std::uint32_t version = reader.u32();
  skip_names(reader);
  if (!reader.ok()) return Outcome::garbage_args;
  const Mapping* const found = mappings.find(program, version, context.transport, exact);
  std::array<char, kMaxUniversalAddress> room;
  results.string(found == nullptr ? "" : universal_address(context.local_address, found->port, room));
  return Outcome::results;
}

Outcome dump_ports(const Mappings& mappings, XdrWriter& results) noexcept {
  for (const Mapping& entry : mappings.entries()) {
    results.boolean(true);
    for (const std::uint32_t value : {entry.program, entry.version, static_cast<std::uint32_t>(entry.transport),
                                      static_cast<std::uint32_t>(entry.port)}) {
      results.u32(value);
    }
  }
  results.boolean(false);
  return Outcome::results;
}

// Each at the address that the caller knows us by.
Outcome dump_addresses(const Mappings& mappings, const CallContext& context, XdrWriter& results) noexcept {
  const bool v6 = context.local_address.size() == 16;
  for (const Mapping& entry : mappings.entries()) {
    std::array<char, kMaxUniversalAddress> room;
    const bool tcp = entry.transport == Transport::tcp;
    results.boolean(true);
    results.u32(entry.program);
    results.u32(entry.version);
    results.string(v6 ? (tcp ? "tcp6" : "udp6") : (tcp ? "tcp" : "udp"));
    results.string(universal_address(context.local_address, entry.port, room));
    results.string("superuser");
  }
  results.boolean(false);
  return Outcome::results;
}

}  // namespace

std::string_view universal_address(Bytes address, std::uint16_t port,
                                   std::span<char, kMaxUniversalAddress> room) noexcept {
  const int family = address.size() == 4 ? AF_INET : AF_INET6;
  if (inet_ntop(family, address.data(), room.data(), INET6_ADDRSTRLEN) == nullptr) return {};
  char* at = room.data() + std::strlen(room.data());
  for (const unsigned part : {port / 256u, port % 256u}) {
    *at++ = '.';
    at = std::to_chars(at, room.data() + room.size(), part).ptr;
  }
  return {room.data(), static_cast<std::size_t>(at - room.data())};
}

Outcome call_rpcbind(const Mappings& mappings, const Call& call, const CallContext& context, std::uint32_t unix_time,
                     XdrWriter& results) noexcept {
  if (call.program != kRpcbindProgram) return Outcome::prog_unavail;
  if (call.version < kRpcbindLowest || call.version > kRpcbindHighest) return Outcome::prog_mismatch;
  switch (kind_of(call)) {
    case Kind::null:
      return Outcome::results;
    case Kind::refused:
      results.boolean(false);
      return Outcome::results;
    case Kind::get_port:
      return get_port(mappings, call.arguments, results);
    case Kind::get_address:
      return get_address(mappings, call, context, false, results);
    case Kind::get_version_address:
      return get_address(mappings, call, context, true, results);
    case Kind::dump_ports:
      return dump_ports(mappings, results);
    case Kind::dump_addresses:
      return dump_addresses(mappings, context, results);
    case Kind::forward:
      return Outcome::none;
    case Kind::get_time:
      results.u32(unix_time);
      return Outcome::results;
    case Kind::unknown:
      break;
  }
  return Outcome::proc_unavail;
}

bool skip_rpcbind_arguments(const Call& call, XdrReader& reader) noexcept {
  if (call.program != kRpcbindProgram || call.version < kRpcbindLowest || call.version > kRpcbindHighest) return false;
  switch (kind_of(call)) {
    case Kind::null:
    case Kind::dump_ports:
    case Kind::dump_addresses:
    case Kind::get_time:
      return true;
    case Kind::get_port:
      reader.skip(16);
      return true;
    case Kind::refused:
      reader.skip(call.version == 2 ? 16 : 8);
      if (call.version != 2) skip_names(reader);
      return true;
    case Kind::get_address:
    case Kind::get_version_address:
      reader.skip(8);
      skip_names(reader);
      return true;
    case Kind::forward:
    case Kind::unknown:
      break;
  }
  return false;
}

}  // namespace gl::onc_rpc
